"""What warmup did update by update, and what it made."""

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..checks import ArgumentError, checked
from ..multistability import Reachability
from ..warmup import Warmup
from . import pages, style
from .counts import STEPS
from .logarithms import uncrowd
from .reachability import counts_against_horizons

_HEIGHT = 2.4
"""Inches."""

_DASHES = ("-", "-.", ":")
"""Of layers, with their colours."""


@checked
def plot_warmup(warmup: Warmup, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw VAA* of each layer at every update, its target, and behind them the held steps M that it was taken after.

    M has its own axis at the right. In a new figure, two columns wide, a second panel shows the norm of the gradient;
    crosses at its foot are updates at which it was exactly 0: all states were nearer to each other than epsilon.

    Args:
        warmup: the result of ``warm_up``.
        ax: where to draw VAA*; a new figure by default.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis of VAA*; ``ax.figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for another result, or an axis that is not two-dimensional.
    """
    if not isinstance(warmup, Warmup):
        raise ArgumentError("warmup", f"must be the Warmup of warm_up, got {type(warmup).__name__}")
    right = None
    if ax is None:
        ax, right = pages.panels(2, _HEIGHT)
    else:
        ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        handles = _draw_values(ax, warmup)
        if right is not None:
            vanished = _draw_norms(right, warmup)
            if legend and vanished:
                style.add_legend(right, vanished)
        if legend:
            style.add_legend(ax, handles, columns=min(4, len(handles)))
    return ax


def _draw_values(ax: Axes, warmup: Warmup) -> list[Artist]:
    updates = np.arange(len(warmup))
    handles: list[Artist] = []
    layers = warmup.soft_vaas.shape[1]
    for index in range(layers):
        look: dict[str, Any] = {"color": style.qualitative(index), "linewidth": style.THICK}
        look["linestyle"] = _DASHES[index % len(_DASHES)]
        look |= {"marker": "o", "markersize": 3} if len(warmup) == 1 else {}  # one update makes no line
        look["label"] = f"layer {index + 1}" if layers > 1 else "VAA*"
        ax.plot(updates, warmup.soft_vaas[:, index].numpy(), zorder=3, **look)
        handles.append(Line2D([], [], **look))
    dashed: dict[str, Any] = {"color": style.BLACK, "linewidth": style.THIN, "linestyle": "--"}
    dashed["label"] = f"target {warmup.target:g}"
    ax.axhline(warmup.target, zorder=2, **dashed)
    handles.append(Line2D([], [], **dashed))
    ax.set_ylim(0, 1.03)
    ax.set_xlabel("update")
    ax.set_ylabel(f"VAA* of n = {warmup.n} states")
    if not len(warmup):
        return [*handles, Line2D([], [], linestyle="none", label="no update was made")]

    behind = ax.twinx()
    style.dress(behind)
    grey: dict[str, Any] = {"color": style.PALE_GREY, "linewidth": 0, "label": "held steps M"}
    behind.fill_between(updates, warmup.horizons.numpy(), step="mid", **grey)
    behind.set_ylim(0, 1.03 * int(warmup.horizons.max()))
    behind.set_ylabel("held steps M", color=style.GREY)
    behind.tick_params(axis="y", colors=style.GREY)
    # Twins are drawn after their originals: behind them, with nothing opaque before it.
    ax.set_zorder(behind.get_zorder() + 1)
    ax.patch.set_visible(False)
    ax.set_xlim(-0.5, len(warmup) - 0.5)
    return [*handles, Patch(**grey)]


def _draw_norms(ax: Axes, warmup: Warmup) -> list[Line2D]:
    """On a logarithmic axis, at whose foot stand the updates whose gradient is exactly 0; returns their legend."""
    updates, norms = np.arange(len(warmup)), warmup.gradient_norms.numpy()
    dots: dict[str, Any] = {"marker": "o", "markersize": 1.6, "linewidth": style.THICK, "label": "gradient norm"}
    ax.plot(updates, norms, color=style.BLACK, **dots)
    handles: list[Line2D] = []
    if (norms > 0).any():
        ax.set_yscale("log", nonpositive="mask")
        uncrowd(ax.yaxis)
        if (none := norms == 0).any():
            look: dict[str, Any] = {"linestyle": "none", "marker": "x", "markersize": 3, "color": style.GREY}
            look["label"] = f"exactly 0 ({int(none.sum())})"
            ax.plot(updates[none], np.full(none.sum(), 0.025), transform=ax.get_xaxis_transform(), **look)
            handles = [Line2D([], [], color=style.BLACK, **dots), Line2D([], [], **look)]
    if len(norms):
        ax.set_xlim(-0.5, len(norms) - 0.5)
    ax.set_xlabel("update")
    ax.set_ylabel("norm of the gradient")
    return handles


@checked
def plot_warmup_outcome(
    before: Reachability, after: Reachability, ax: Axes | None = None, *, legend: bool = True
) -> Axes:
    """Draw how many attractors VAA claims at each horizon before and after warmup, and how many there are.

    n VAA against the horizon M, the mean over held inputs; level lines are the numbers of attractors that the same
    states settle on. Pale and broad: before; dark: after. Dotted: the limits 1 and n that no VAA can leave.

    Args:
        before, after: the results of ``reachability`` for the same inputs.
        ax: where to draw; a new figure, one column wide, by default.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for other results, or an axis that is not two-dimensional.
    """
    for name, reach in (("before", before), ("after", after)):
        if not isinstance(reach, Reachability):
            raise ArgumentError(name, f"must be the Reachability of reachability, got {type(reach).__name__}")
    ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        handles: list[Artist] = []
        for limit in {1, before.n, after.n}:
            ax.axhline(limit, color=style.GREY, linewidth=style.THIN, linestyle=":", zorder=1)
        for when, reach in (("before", before), ("after", after)):
            handles += _draw_reach(ax, when, reach)
        fewest = min(reach.count or 1.0 for reach in (before, after))
        horizons = np.concatenate([before.horizons.numpy(), after.horizons.numpy()])
        counts_against_horizons(ax, horizons, fewest, max(before.n, after.n))
        if legend:
            style.add_legend(ax, handles, columns=1 if max(len(str(h.get_label())) for h in handles) > 26 else 2)
    return ax


def _draw_reach(ax: Axes, when: str, reach: Reachability) -> list[Artist]:
    early = when == "before"
    width, strength = (2.4 * style.THICK, 0.4) if early else (1.2 * style.THICK, 1.0)
    claim: dict[str, Any] = {"color": style.tint(style.COLORS_OF["claimed"], strength), "linewidth": width}
    claim |= {"marker": "o", "markersize": 4.4 if early else 2.6, "label": f"claimed {when}: n · VAA"}
    ax.plot(
        reach.horizons.numpy(), reach.n * reach.vaas.numpy().mean(axis=0), zorder=4 if early else 5, **claim, **STEPS
    )
    kinds = ", ".join(f"{number:.3g} {kind.noun}" for kind, number in reach.counts.items()) or "none"
    there: dict[str, Any] = {"color": style.tint(style.COLORS_OF["reached"], strength), "linewidth": width}
    there["label"] = f"reached {when}: {kinds}"
    if reach.count:
        ax.axhline(reach.count, zorder=2 if early else 3, **there)
    return [Line2D([], [], **look) for look in (claim, there)]
