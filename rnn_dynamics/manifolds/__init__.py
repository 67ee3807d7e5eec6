"""Invariant manifolds of saddles, and the orbits that connect saddles along them."""

from .connecting import connecting_orbits
from .connecting_results import ConnectingOrbits
from .curves import InvariantManifold
from .invariant import invariant_manifold
from .surface import InvariantSurface, invariant_surface
from .tangencies import continue_connection, continue_tangency
from .tangency_results import ConnectionBranch, Tangency, TangencyCurve

__all__ = [
    "ConnectingOrbits",
    "ConnectionBranch",
    "InvariantManifold",
    "InvariantSurface",
    "Tangency",
    "TangencyCurve",
    "connecting_orbits",
    "continue_connection",
    "continue_tangency",
    "invariant_manifold",
    "invariant_surface",
]
