"""Floor 5: where starts go: fixed points, cycles, circles and chaos, and the evidence for each."""

from .basins import BasinMap, basin_map
from .boundaries import BasinBoundary, basin_boundary
from .cycles import Cycles, find_cycles
from .lyapunov import LyapunovSpectrum, finite_time_exponents, kaplan_yorke_dimension, lyapunov_spectrum
from .outcomes import Fate
from .results import Attractors, Evidence
from .search import SettlingOptions, find_attractors

__all__ = [
    "Attractors",
    "BasinBoundary",
    "BasinMap",
    "Cycles",
    "Evidence",
    "Fate",
    "LyapunovSpectrum",
    "SettlingOptions",
    "basin_boundary",
    "basin_map",
    "find_attractors",
    "find_cycles",
    "finite_time_exponents",
    "kaplan_yorke_dimension",
    "lyapunov_spectrum",
]
