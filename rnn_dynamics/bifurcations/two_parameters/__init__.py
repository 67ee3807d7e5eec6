"""Two parameters: curves of bifurcations, and attractors counted on a grid."""

from .curve import continue_bifurcation
from .grid import multistability_map
from .grid_results import MultistabilityMap
from .results import BifurcationCurve, CodimensionTwoPoint

__all__ = [
    "BifurcationCurve",
    "CodimensionTwoPoint",
    "MultistabilityMap",
    "continue_bifurcation",
    "multistability_map",
]
