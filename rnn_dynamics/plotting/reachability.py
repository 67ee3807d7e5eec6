"""What the published measure claims beside what is there, and how fast the states still move when it is taken."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from ..attractors import AttractorKind
from ..checks import ArgumentError, Told, checked
from ..multistability import Reachability
from . import pages, style
from .classes import ATTRACTORS, HATCHES
from .counts import STEPS

_HEIGHT = 2.6
"""Inches."""

_FEWEST_DECADES = 2

_BARS: dict[str, dict[str, Any]] = {kind: {"facecolor": look.edge} for kind, look in ATTRACTORS.items()} | {
    outcome: {"facecolor": "white", "hatch": hatch} for outcome, hatch in HATCHES.items()
}
"""Kinds have the colours that they have in other figures, what is no attractor a hatching."""


@checked
def plot_reachability(
    reach: Reachability,
    axes: Annotated[Sequence[Axes], Told("two matplotlib Axes")] | None = None,
    *,
    legend: bool = True,
) -> tuple[Axes, Axes]:
    """Draw how many attractors the published VAA claims at each horizon, what is there, and how fast states still move.

    Left: n VAA against the horizon M, thin for each held input and thick for their mean, the limits 1 and n that no VAA
    can leave, and the number of attractors that the same states settle on. Right: the speeds |F(h) - h| at the last
    horizon, averaged over held inputs, coloured by what the states settle on; states at exact rest stand apart at 0.

    Args:
        reach: the result of ``reachability``.
        axes: two axes to draw on; a new figure, two columns wide, by default.
        legend: whether to add the legends, which stand above the axes.

    Returns:
        Both axes; ``axes[0].figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for another result, or anything else than two flat axes.
    """
    if not isinstance(reach, Reachability):
        raise ArgumentError("reach", f"must be the Reachability of reachability, got {type(reach).__name__}")
    if axes is None:
        left, right = pages.panels(2, _HEIGHT)
    else:
        if not (isinstance(axes, Sequence | np.ndarray) and len(axes) == 2):
            raise ArgumentError("axes", f"must be two matplotlib Axes, got {type(axes).__name__}")
        left, right = (style.axis_for(ax, dimensions=2) for ax in axes)
    with style.styled():
        claims = _draw_counts(left, reach)
        kinds = _draw_speeds(right, reach)
        if legend:
            style.add_legend(left, claims, columns=1)  # side by side they would be wider than the panel
            style.add_legend(right, kinds, columns=min(3, len(kinds)))
    return left, right


def _draw_counts(ax: Axes, reach: Reachability) -> list[Line2D]:
    horizons, claimed = reach.horizons.numpy(), reach.n * reach.vaas.numpy()
    q = len(claimed)
    for limit in (1, reach.n):
        ax.axhline(limit, color=style.GREY, linewidth=style.THIN, linestyle=":", zorder=1)
    look: dict[str, Any] = {"color": style.COLORS_OF["claimed"], "zorder": 3}
    if q > 1:
        for row in claimed:
            ax.plot(horizons, row, alpha=0.6, linewidth=style.THIN, label="n · VAA of one input", **look, **STEPS)
    label = "claimed: n · VAA" + (f", mean of {q} inputs" if q > 1 else "")
    dots: dict[str, Any] = {"linewidth": 1.5 * style.THICK, "marker": "o", "markersize": 2.6}
    ax.plot(horizons, claimed.mean(axis=0), label=label, **dots, **look, **STEPS)
    handles = [Line2D([], [], color=look["color"], label=label, **dots)]
    if reach.attractors:
        counted = [f"{number:.3g} {kind.named(number)}" for kind, number in reach.counts.items()]
        label = f"reached: {', '.join(counted) or 'none'}" + (" per input" if q > 1 else "")
        there: dict[str, Any] = {"color": style.COLORS_OF["reached"], "linewidth": 1.5 * style.THICK, "label": label}
        if reach.count:
            ax.axhline(reach.count, zorder=2, **there)
        handles.append(Line2D([], [], **there))
    counts_against_horizons(ax, horizons, reach.count or 1.0, reach.n)
    return handles


def counts_against_horizons(ax: Axes, horizons: np.ndarray, fewest: float, n: int) -> None:
    """Scale and name the axes of a plot of n VAA and of attractors, and write what its limits 1 and ``n`` mean."""
    positive = horizons[horizons > 0]
    if len(positive):
        ax.set_xscale("symlog", linthresh=positive.min(), linscale=0.5)  # logarithmic, and yet shows 0
        ax.set_xlim(-0.1 * positive.min() if 0 in horizons else None, 1.3 * positive.max())
        ax.xaxis.set_minor_locator(NullLocator())
    ax.set_yscale("log")
    ax.set_ylim(0.6 * min(1.0, fewest), 1.9 * n)
    limits = ((1, "1: all states are one", "top", -2), (n, f"n = {n}: no two states are one", "bottom", 2))
    for limit, text, side, gap in limits:
        ax.annotate(
            text,
            (1, limit),
            (-3, gap),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va=side,
            color=style.GREY,
            fontsize=style.SMALL,
        )
    ax.set_xlabel("horizon M (steps)")
    ax.set_ylabel("number of attractors")


def _draw_speeds(ax: Axes, reach: Reachability) -> list[Patch]:
    speeds, ends = reach.speeds[:, -1].numpy(), _ends(reach)
    moving = np.isfinite(speeds) & (speeds > 0)
    logs = np.log10(speeds, where=moving, out=np.zeros_like(speeds))
    edges = _edges(logs[moving])
    width = edges[1] - edges[0]
    # Two bars apart from the others, for rest at the left and for what is no number any more at the right.
    still, lost = edges[0] - 3 * width, edges[-1] + 2 * width
    bins = np.array([still, still + width, *edges, lost, lost + width])
    where = np.where(moving, logs, np.where(speeds == 0, still, lost) + width / 2)
    bottom = np.zeros(len(bins) - 1)
    handles = []
    for name, colors in _BARS.items():
        if not (own := ends == name).any():
            continue
        counts = np.histogram(where[own], bins)[0] / len(speeds)
        label = f"{AttractorKind(name).noun if name in ATTRACTORS else name} ({counts.sum():.3g})"
        look: dict[str, Any] = {"edgecolor": style.BLACK, "linewidth": style.THIN, "label": label, **colors}
        ax.bar(bins[:-1], counts, np.diff(bins), bottom, align="edge", **look)
        bottom += counts
        handles.append(Patch(**look))
    decades = np.arange(np.ceil(edges[0]), edges[-1] + 1e-9) if moving.any() else np.empty(0)
    decades = decades[:: 1 + len(decades) // 8]
    ticks = {float(decade): f"$10^{{{decade:.0f}}}$" for decade in decades}
    ticks |= {still + width / 2: "0"} if (speeds == 0).any() else {}
    ticks |= {lost + width / 2: "∞"} if not np.isfinite(speeds).all() else {}
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.set_xlabel(f"speed |F(h) − h| after {int(reach.horizons[-1]):,} steps")
    ax.set_ylabel("states" + (f" (mean of {len(speeds)} inputs)" if len(speeds) > 1 else ""))
    return handles


def _ends(reach: Reachability) -> np.ndarray:
    """For each held input and state [q, n] the kind of its attractor, or why it is on none."""
    ends = np.full((len(reach.inputs), reach.n), "unfinished", dtype=object)
    for row, found in enumerate(reach.attractors):
        kinds = np.array([*found.kinds, ""], dtype=object)[found.labels.numpy()]
        ends[row] = np.where(found.labels.numpy() >= 0, kinds, np.array(found.outcomes, dtype=object))
    return ends


def _edges(logs: np.ndarray) -> np.ndarray:
    """The edges of bars over whole decades, two at least."""
    if not len(logs):
        return np.array([0.0, 1.0])
    high = np.floor(logs.max()) + 1
    low = min(np.floor(logs.min()), high - _FEWEST_DECADES)
    return np.linspace(low, high, round(high - low) * (8 if high - low <= 3 else 4 if high - low <= 6 else 2) + 1)
