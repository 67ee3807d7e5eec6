"""Floor 4: from many starts to the distinct fixed points of a map, and whether any are missing."""

from .completeness import Completeness, index_sum
from .continua import Continuum
from .over_inputs import FixedPointsOverInputs, find_fixed_points_over_inputs
from .results import FixedPoints, SlowPoints
from .search import find_fixed_points

__all__ = [
    "Completeness",
    "Continuum",
    "FixedPoints",
    "FixedPointsOverInputs",
    "SlowPoints",
    "find_fixed_points",
    "find_fixed_points_over_inputs",
    "index_sum",
]
