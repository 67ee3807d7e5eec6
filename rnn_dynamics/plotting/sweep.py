"""What a sweep has measured, against one of its parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..checks import ArgumentError, checked
from ..sweeps import Sweep, series_of
from . import style

_MARKERS = ("o", "^", "s", "D", "v")
"""Of the measurements of a series; with its dashes they tell it apart without colour."""


@checked
def plot_sweep(
    sweep: Sweep,
    ax: Axes | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    by: Sequence[str] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw a measure of every case that is done against a parameter, and a line through the means at each value.

    Args:
        sweep: what ``sweep`` or ``sweeps.gather`` returned.
        ax: where to draw; a new figure, one column wide, by default.
        x: a column; by default, of the parameters but "seed", the one with the most numbers. Words stand side by side.
        y: a column of numbers; the first measure by default.
        by: columns whose combinations have a colour, dashes and a marker each; by default all other parameters that
            vary but "seed", or the first of them where they have more than eight combinations.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for columns that there are not, or if there is no number to draw.
    """
    if not isinstance(sweep, Sweep):
        raise ArgumentError("sweep", f"must be the Sweep of sweep, got {type(sweep).__name__}")
    x, y, every = series_of(sweep, x, y, by)
    ax = style.axis_for(ax, dimensions=2)
    words = list(dict.fromkeys(place for one in every for place, _ in one.points if not isinstance(place, int | float)))
    handles: list[Artist] = []
    with style.styled():
        for number, one in enumerate(every):
            places = [words.index(place) if words else place for place, _ in one.points]
            look: dict[str, Any] = {"color": style.qualitative(number), "linewidth": style.THICK}
            dot: dict[str, Any] = {"marker": _MARKERS[number % len(_MARKERS)], "markersize": 2.8}
            means = [np.mean(values) for _, values in one.points]
            # Between words there is nothing that a line could show.
            dashes: dict[str, Any] = {"linestyle": "none" if words else style.dashes(number)}
            mean: dict[str, Any] = {"marker": "_", "markersize": 14} if words else {}
            ax.plot(places, means, label=one.label, zorder=3, **look, **dashes, **mean)
            scattered = [(place, v) for place, (_, values) in zip(places, one.points, strict=True) for v in values]
            ax.plot(*zip(*scattered, strict=True), linestyle="none", alpha=0.5, **look, **dot)
            handles.append(Line2D([], [], label=one.label, **look, **dot, **dashes))
        ax.set_xlabel(x)
        ax.set_ylabel(y)
        if words:
            ax.set_xticks(range(len(words)), [str(word) for word in words])
            ax.set_xlim(-0.5, len(words) - 0.5)
        if legend and any(one.label for one in every):
            style.add_legend(ax, handles, length=2.4)
    return ax
