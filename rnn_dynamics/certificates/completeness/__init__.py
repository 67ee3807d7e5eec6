"""All fixed points of a small map: none elsewhere, by branch and prune over intervals."""

from .census import all_fixed_points
from .results import FixedPointCensus

__all__ = ["FixedPointCensus", "all_fixed_points"]
