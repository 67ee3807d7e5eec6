"""Basins along a parameter, and how hard each attractor is to leave: by shocks, by pulses and by noise."""

from .escape import escape_times
from .escape_results import EscapeTimes
from .fraction_results import BasinFractions, LifeEvent
from .fractions import basin_fractions
from .resilience import resilience
from .resilience_results import Resilience
from .uncertainty import UncertaintyExponent, uncertainty_exponent
from .wada import Wada, wada

__all__ = [
    "BasinFractions",
    "EscapeTimes",
    "LifeEvent",
    "Resilience",
    "UncertaintyExponent",
    "Wada",
    "basin_fractions",
    "escape_times",
    "resilience",
    "uncertainty_exponent",
    "wada",
]
