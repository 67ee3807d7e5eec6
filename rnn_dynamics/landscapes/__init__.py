"""Basins along a parameter, and how hard each attractor is to leave: by shocks, by pulses and by noise."""

from .fraction_results import BasinFractions, LifeEvent
from .fractions import basin_fractions

__all__ = [
    "BasinFractions",
    "LifeEvent",
    "basin_fractions",
]
