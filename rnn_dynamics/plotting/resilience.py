"""What attractors withstand: shocks and pulses, escapes under noise, and how finely basins are mixed."""

import math
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..attractors import wilson_intervals
from ..checks import ArgumentError, checked
from ..landscapes import EscapeTimes, Resilience, UncertaintyExponent
from . import style
from .logarithms import uncrowd

_MARKERS = "osD^vP*X"
"""With colours, so that attractors are told apart in grey too."""

_SHOCK: dict[str, Any] = {"marker": "o", "color": style.BLACK, "markersize": 4, "linestyle": "none"}
_PULSE: dict[str, Any] = {"marker": "s", "color": style.qualitative(1), "markersize": 4, "linestyle": "none"}
_NAMED = 4
"""Points between a mark and the name beside it."""


@checked
def plot_resilience(table: Resilience, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw for every attractor the smallest shock, and the smallest pulse of an input, that lead elsewhere.

    A row an attractor. Beside a shock stands where it leads, beside a pulse which input it is of and which way. Both
    are upper bounds: what was tried. Rows without a mark withstood all that was tried.

    Args:
        table: the result of ``resilience``.
        ax: where to draw; a new figure, one column wide, by default.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for another result, or an axis that is not two-dimensional.
    """
    if not isinstance(table, Resilience):
        raise ArgumentError("table", f"must be the Resilience of resilience, got {type(table).__name__}")
    made = style.figure(height=1.0 + 0.24 * len(table))[1] if ax is None else ax
    ax = style.axis_for(made, dimensions=2)
    rows, handles = np.arange(len(table)), []
    sizes = table.shock_sizes.numpy()
    drawn = sizes[np.isfinite(sizes)].tolist()
    pulses = table.pulses.flatten(1).numpy()
    with style.styled():
        ax.hlines(rows, 0, np.nan_to_num(sizes), color=style.GREY, linewidth=style.THIN, zorder=1)
        if np.isfinite(sizes).any():
            handles += ax.plot(sizes, rows, label="smallest shock found", zorder=3, **_SHOCK)
        for row in rows[np.isfinite(sizes)].tolist():
            _name(ax, float(sizes[row]), row, _target(int(table.shock_targets[row])), above=True)
        known = np.asarray(np.isfinite(pulses).any(axis=1) if pulses.size else np.zeros(len(rows), dtype=bool))
        if known.any():
            which = np.nanargmin(np.where(known[:, None], pulses, 0), axis=1)
            least = np.where(known, pulses[rows, which], np.nan)
            drawn += least[known].tolist()
            steps = f" of {table.pulse_steps} step{'s' * (table.pulse_steps != 1)}"
            handles += ax.plot(least, rows, label=f"smallest pulse{steps} found", zorder=2, **_PULSE)
            for row in rows[known].tolist():
                number, down = divmod(int(which[row]), 2)
                _name(ax, float(least[row]), row, f"input {number} {'down' if down else 'up'}", above=False)
        ax.set_yticks(rows, [str(row) for row in rows] if len(rows) <= 20 else None)
        if len(rows) > 20:
            ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlim(0, 1.2 * max(drawn, default=1.0))
        ax.set_xlabel("size of the change")
        ax.set_ylabel("attractor")
        if legend:
            style.add_legend(ax, handles or [style.nothing("nothing that was tried led elsewhere")], columns=1)
    return ax


def _name(ax: Axes, x: float, row: int, text: str, above: bool) -> None:
    """Beside a mark, above or below the row's line, so that two marks nearby keep their names apart."""
    offset = (_NAMED, _NAMED / 2 if above else -_NAMED / 2)
    how: dict[str, Any] = {"textcoords": "offset points", "ha": "left", "va": "bottom" if above else "top"}
    ax.annotate(text, (x, row), offset, fontsize=style.SMALL - 1, zorder=4, **how)


def _target(target: int) -> str:
    return "away" if target < 0 else f"to {target}"


@checked
def plot_escape_times(times: EscapeTimes, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw mean first-passage times against 1 / noise^2, where an escape over a barrier is a straight line.

    Bars are 95 % intervals; open triangles, where no trial left, are the lower end of the interval. Lines are
    exp(c + W / noise^2) with the fitted barrier W, which the legend gives with its standard error.

    Args:
        times: the result of ``escape_times``.
        ax: where to draw; a new figure, one column wide, by default.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for another result, or an axis that is not two-dimensional.
    """
    if not isinstance(times, EscapeTimes):
        raise ArgumentError("times", f"must be the EscapeTimes of escape_times, got {type(times).__name__}")
    ax = style.axis_for(ax, dimensions=2)
    x, means = times.noise.numpy() ** -2.0, times.mean_times.numpy()
    intervals, handles = times.time_intervals().numpy(), []
    with style.styled():
        for row, (barrier, error) in enumerate(
            zip(times.barriers.tolist(), times.barrier_errors.tolist(), strict=True)
        ):
            color, marker = style.qualitative(row), _MARKERS[row % len(_MARKERS)]
            left = np.isfinite(means[row])
            own, y = x[left], means[row, left]
            spread = np.abs(intervals[row, left].T - y)
            look: dict[str, Any] = {"color": color, "marker": marker, "markersize": 3.5, "linestyle": "none"}
            ax.errorbar(own, y, spread, elinewidth=style.THIN, capsize=1.5, capthick=style.THIN, zorder=3, **look)
            for at in np.flatnonzero(~left):
                ax.plot(x[at], intervals[row, at, 0], marker="^", color=color, markersize=5, fillstyle="none", zorder=3)
            label = f"attractor {row}"
            if math.isfinite(barrier):
                weights = times.counts[row].numpy()[left]
                level = float(weights @ (np.log(y) - barrier * own)) / float(weights.sum())
                span = np.array([own.min(), own.max()])
                ax.plot(span, np.exp(level + barrier * span), color=color, linewidth=style.THIN, zorder=2)
                label += f": W = {barrier:.2g} ± {error:.1g}"
                look["linestyle"], look["linewidth"] = "-", style.THIN
            handles.append(Line2D([], [], label=label, **look))
        if not np.isfinite(means).all():
            none: dict[str, Any] = {"marker": "^", "fillstyle": "none", "linestyle": "none", "markersize": 5}
            handles.append(Line2D([], [], color=style.GREY, label="no trial left: longer than", **none))
        ax.set_yscale("log")
        uncrowd(ax.yaxis)
        ax.set_xlabel("1 / noise²")
        ax.set_ylabel("mean first passage / steps")
        if legend:
            style.add_legend(ax, handles, columns=1)
    return ax


@checked
def plot_uncertainty(result: UncertaintyExponent, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw the share of pairs that are parted against their distance, both logarithmic, and the power law.

    Bars are 95 % intervals of each share (Wilson's). Where the counts leave the line there is no one exponent.

    Args:
        result: of ``uncertainty_exponent``.
        ax: where to draw; a new figure, one column wide, by default.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for another result, or an axis that is not two-dimensional.
    """
    if not isinstance(result, UncertaintyExponent):
        raise ArgumentError(
            "result", f"must be the UncertaintyExponent of uncertainty_exponent, got {type(result).__name__}"
        )
    ax = style.axis_for(ax, dimensions=2)
    seen = (result.parted > 0).numpy()
    distances = (result.distances * result.span).numpy()[seen]
    totals = result.pairs.numpy()[seen].astype(float)
    shares = result.parted.numpy()[seen] / np.maximum(totals, 1)
    hits = zip(result.parted[result.parted > 0], result.pairs[result.parted > 0].tolist(), strict=True)
    bounds = [wilson_intervals(hit[None], total)[0] for hit, total in hits]
    look: dict[str, Any] = {"color": style.BLACK, "marker": "o", "markersize": 3.5, "linestyle": "none"}
    handles: list[Any] = []
    with style.styled():
        if len(shares):
            low, high = torch.stack(bounds).numpy().T
            spread = np.stack([shares - low, high - shares]).clip(min=0)
            ax.errorbar(distances, shares, spread, elinewidth=style.THIN, capsize=1.5, capthick=style.THIN, **look)
            handles.append(Line2D([], [], label="pairs that lead to different attractors", **look))
        if math.isfinite(result.exponent):
            weights = totals * shares
            level = float(weights @ (np.log(shares) - result.exponent * np.log(distances)) / weights.sum())
            line: dict[str, Any] = {"color": style.BLACK, "linewidth": style.THICK}
            ax.plot(distances, np.exp(level) * distances**result.exponent, zorder=1, **line)
            low_end, high_end = result.interval
            text = f"power law: α = {result.exponent:.3f} [{low_end:.3f}, {high_end:.3f}]"
            handles.append(Line2D([], [], label=text, **line))
        ax.set_xscale("log")
        uncrowd(ax.xaxis)
        ax.set_yscale("log")
        uncrowd(ax.yaxis)
        ax.set_xlabel("distance of two states")
        ax.set_ylabel("share parted")
        if legend:
            style.add_legend(ax, handles or [style.nothing("no pair was parted")], columns=1)
    return ax
