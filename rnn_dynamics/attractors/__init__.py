"""Floor 5: where starts go: fixed points, cycles, circles and chaos, and the evidence for each."""

from .lyapunov import LyapunovSpectrum, finite_time_exponents, kaplan_yorke_dimension, lyapunov_spectrum
from .outcomes import Fate
from .results import Attractors, Evidence
from .search import find_attractors

__all__ = [
    "Attractors",
    "Evidence",
    "Fate",
    "LyapunovSpectrum",
    "find_attractors",
    "finite_time_exponents",
    "kaplan_yorke_dimension",
    "lyapunov_spectrum",
]
