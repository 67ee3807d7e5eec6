"""Where starts go: fixed points, cycles, circles and chaos, and the evidence for each."""

from .basins import BasinMap, basin_map
from .boundaries import BasinBoundary, basin_boundary
from .cycles import Cycles, find_cycles
from .kinds import AttractorKind
from .lyapunov import LyapunovSpectrum, finite_time_exponents, kaplan_yorke_dimension, lyapunov_spectrum
from .method import Settle
from .outcomes import Fate
from .over_inputs import AttractorsOverInputs, find_attractors_over_inputs
from .phases import cycle_states, is_on
from .results import Attractors, Evidence, wilson_intervals
from .search import find_attractors

__all__ = [
    "AttractorKind",
    "Attractors",
    "AttractorsOverInputs",
    "BasinBoundary",
    "BasinMap",
    "Cycles",
    "Evidence",
    "Fate",
    "LyapunovSpectrum",
    "Settle",
    "basin_boundary",
    "basin_map",
    "cycle_states",
    "find_attractors",
    "find_attractors_over_inputs",
    "find_cycles",
    "finite_time_exponents",
    "is_on",
    "kaplan_yorke_dimension",
    "lyapunov_spectrum",
    "wilson_intervals",
]
