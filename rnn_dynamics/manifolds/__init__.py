"""Invariant manifolds of saddles, and the orbits that connect saddles along them."""

from .curves import InvariantManifold
from .invariant import invariant_manifold

__all__ = ["InvariantManifold", "invariant_manifold"]
