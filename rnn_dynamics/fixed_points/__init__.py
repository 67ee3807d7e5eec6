"""From many starts to the distinct fixed points of a map, and whether any are missing."""

from .alignment import cosines, directions_of
from .assembly import nearest_line
from .completeness import Completeness, index_sum, unseen_estimate
from .continua import Continuum, along, describe, find_continua, transverse_radii
from .curves import Curve
from .growing import grow_continua
from .merging import merge
from .neutral import NeutralEquation
from .over_inputs import FixedPointsOverInputs, find_fixed_points_over_inputs
from .results import FixedPoints
from .search import find_fixed_points
from .sheets import Sheet
from .slow import slow_points
from .slow_table import SlowPoints

__all__ = [
    "Completeness",
    "Continuum",
    "Curve",
    "FixedPoints",
    "FixedPointsOverInputs",
    "NeutralEquation",
    "Sheet",
    "SlowPoints",
    "along",
    "cosines",
    "describe",
    "directions_of",
    "find_continua",
    "find_fixed_points",
    "find_fixed_points_over_inputs",
    "grow_continua",
    "index_sum",
    "merge",
    "nearest_line",
    "slow_points",
    "transverse_radii",
    "unseen_estimate",
]
