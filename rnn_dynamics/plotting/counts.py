"""Axes of numbers of attractors: whole numbers, as steps, with a place of its own for none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator

from . import style

FEW = 6
"""Up to so many an axis is linear."""

NONE = 0.5
"""Where none at all stands on a logarithmic axis: below the dotted line, under a 0."""

_BREAK = 0.7

STEPS: dict[str, Any] = {"drawstyle": "steps-post"}
"""A count is as it was seen until the next look: nobody saw a slope."""


def placed(values: Sequence[float] | np.ndarray, most: float) -> np.ndarray:
    """Where counts stand on ``count_axis``; if it is logarithmic, none at ``NONE`` and means below 1 above it."""
    numbers = np.asarray(values, dtype=float)
    return numbers if most <= FEW else np.where(numbers < 1, NONE + (1 - NONE) * numbers, numbers)


def count_axis(ax: Axes, most: float, none: bool = True, every: int = 1) -> None:
    """Make the ordinate one of counts up to ``most``: linear if they are few, else with ticks at powers of two.

    ``none``: whether 0 has a place; ``every``: so many powers from tick to tick.
    """
    if most <= FEW:
        ax.set_ylim(-0.25 if none else 0.7, 1.25 * max(most, 1))
        ax.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
        return
    ax.set_yscale("log", base=2)
    ticks = [2.0**power for power in range(0, 12, every) if 2**power <= 1.3 * most]
    names = [f"{tick:g}" for tick in ticks]
    ax.set_yticks([NONE, *ticks] if none else ticks, ["0", *names] if none else names)
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylim(0.4 if none else 0.8, 1.35 * most)
    if none:
        ax.axhline(_BREAK, color=style.GREY, linewidth=style.THIN, linestyle=":", zorder=0)
