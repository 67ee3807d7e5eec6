"""Where starts go: fixed points, cycles, circles and chaos, and the evidence for each."""

from .basins import BasinMap, basin_map
from .boundaries import BasinBoundary, basin_boundary
from .cycles import Cycles, find_cycles
from .kinds import AttractorKind
from .lyapunov import (
    LyapunovSpectrum,
    birkhoff_weights,
    finite_time_exponents,
    kaplan_yorke_dimension,
    lyapunov_spectrum,
    spectrum_of,
)
from .method import Settle
from .outcomes import Fate
from .over_inputs import AttractorsOverInputs, find_attractors_over_inputs
from .phases import cycle_states
from .results import Attractors, Evidence, wilson_intervals
from .search import find_attractors
from .tangents import carry_tangents, random_tangents

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
    "birkhoff_weights",
    "carry_tangents",
    "cycle_states",
    "find_attractors",
    "find_attractors_over_inputs",
    "find_cycles",
    "finite_time_exponents",
    "kaplan_yorke_dimension",
    "lyapunov_spectrum",
    "random_tangents",
    "spectrum_of",
    "wilson_intervals",
]
