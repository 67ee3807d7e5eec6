"""Logarithmic axes whose labels do not crowd."""

import math
from collections.abc import Sequence

from matplotlib.axis import Axis
from matplotlib.ticker import LogFormatterMathtext, LogLocator, MaxNLocator, NullFormatter

_FEW, _LINEAR = 2.0, 0.9
"""Decades below which 1, 2 and 5 of each are labelled, and below which ticks are as on a linear axis."""


class _Ticks(LogLocator):
    """Powers of ten; of few decades 1, 2 and 5."""

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        low, high = sorted((vmin, vmax))
        if not (low > 0 and math.isfinite(high)) or _decades(low, high) >= _FEW:
            return super().tick_values(vmin, vmax)
        if _decades(low, high) < _LINEAR:
            return MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high)
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        return [digit * 10.0**power for power in powers for digit in (1, 2, 5)]


class _Words(LogFormatterMathtext):
    """Powers of ten as powers; of few decades plain numbers."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        assert self.axis is not None
        low, high = sorted(self.axis.get_view_interval())
        return super().__call__(x, pos) if low <= 0 or _decades(low, high) >= _FEW else f"{x:g}"


def _decades(low: float, high: float) -> float:
    return math.log10(high / low)


def uncrowd(axis: Axis) -> None:
    """Give an axis that is logarithmic already ticks that leave room between their labels."""
    axis.set_major_locator(_Ticks())
    axis.set_major_formatter(_Words())
    axis.set_minor_formatter(NullFormatter())
