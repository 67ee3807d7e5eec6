"""The plane of two parameters: regions by their number of attractors, bifurcation curves, points of codimension two."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from ..bifurcations import BifurcationCurve, CodimensionTwoPoint, MultistabilityMap
from ..checks import ArgumentError, CheckedInside, checked
from ..continuation import BifurcationKind
from . import style
from .names import Name, write_names

LOOKS: dict[str, tuple[str, Any]] = {
    "fold": (style.COLORS_OF["fold"], "solid"),
    "flip": (style.COLORS_OF["flip"], (0, (4.0, 1.6))),
    "Neimark-Sacker": (style.COLORS_OF["Neimark-Sacker"], (0, (5.0, 1.4, 1.0, 1.4))),
}
"""Colour and dashes, either of which is enough to tell them apart."""

_ATTRACTORS_CHANGE, _SADDLES_ONLY = 1.3 * style.THICK, style.THIN
"""Widths, as what happens to unstable sets matters less."""

_SADDLES_PALE = 0.6

_STEP, _DARKEST = 0.22, 0.66
"""Greys from few attractors to many, as strengths of ``style.GREY``: curves keep their colours on them."""

_MOST_KEYS = 8
"""Numbers of attractors on the colour bar; from there on ticks are left to matplotlib."""


@dataclass(frozen=True, eq=False)
class _Named:
    """A point of codimension two where it is drawn."""

    point: CodimensionTwoPoint
    x: float
    y: float


@checked
def plot_parameter_plane(
    curves: Sequence[Annotated[BifurcationCurve, CheckedInside()]] = (),
    chart: Annotated[MultistabilityMap | None, CheckedInside()] = None,
    ax: Axes | None = None,
    *,
    labels: bool = True,
    legend: bool = True,
    parameters: tuple[str, str] = ("p", "q"),
) -> Axes:
    """Draw bifurcation curves of two parameters over the regions with 1, 2, 3 ... attractors.

    Each kind of curve has its colour and dashes; it is thin and pale where another eigenvalue is outside the unit
    circle, so that no attractor is born or lost. Greys tell the number of attractors, cells that were not computed are
    hatched. Dots are points of codimension two; where they concern attractors they carry their short names.

    Args:
        curves: results of ``continue_bifurcation``.
        chart: the result of ``multistability_map``, or None.
        ax: where to draw; by default a new figure, one column wide.
        labels: whether names stand beside the dots, if there are no more than 14.
        legend: whether to add the legend above the axis, and the colour bar of the chart.
        parameters: their names.

    Returns:
        The axis.

    Raises:
        ValueError: for other results, nothing to draw, or an axis that is not two-dimensional.
    """
    if isinstance(curves, BifurcationCurve):
        raise ArgumentError("curves", "must be a sequence of BifurcationCurve, got a single one: put it in a list")
    curves = list(curves)
    for curve in curves:
        if not isinstance(curve, BifurcationCurve):
            raise ArgumentError("curves", f"must be those of continue_bifurcation, got {type(curve).__name__}")
    if not (chart is None or isinstance(chart, MultistabilityMap)):
        raise ArgumentError("chart", f"must be the MultistabilityMap of multistability_map, got {type(chart).__name__}")
    if not curves and chart is None:
        raise ValueError("nothing to draw: give curves, a chart, or both")
    ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        handles: list[Any] = []
        if chart is not None:
            handles += _draw_chart(ax, chart, legend)
        _limit(ax, curves, chart)
        handles = [*draw_curves(ax, curves), *handles]
        marks = draw_points(ax, curves)
        ax.set_xlabel(parameters[0])
        ax.set_ylabel(parameters[1])
        if legend and handles:
            style.add_legend(ax, handles, columns=min(3, len(handles)))
        if labels and marks:
            lines = [curve.parameters.numpy() for curve in curves]
            write_names(ax, [Name(mark.point.label, mark.x, mark.y) for mark in marks], lines, np.empty((0, 2)))
    return ax


def _limit(ax: Axes, curves: Sequence[BifurcationCurve], chart: MultistabilityMap | None) -> None:
    """Show the rectangles of all results."""
    every = [curve.spans for curve in curves] + ([] if chart is None else [chart.spans])
    firsts, seconds = zip(*every, strict=True)
    ax.set_xlim(min(map(min, firsts)), max(map(max, firsts)))
    ax.set_ylim(min(map(min, seconds)), max(map(max, seconds)))


def _edges(centers: Tensor) -> np.ndarray:
    """The borders [k + 1] of cells around evenly spaced ``centers`` [k]; the outermost are half cells, cut off."""
    values = centers.numpy()
    return np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, values[-1:]])


def _draw_chart(ax: Axes, chart: MultistabilityMap, key: bool) -> list[Patch]:
    x, y, counts = _edges(chart.first), _edges(chart.second), chart.counts.numpy()
    handles: list[Patch] = []
    if (counts >= 0).any():
        low, high = int(counts[counts >= 0].min()), int(counts.max())
        steps = np.linspace(0.0, min(_DARKEST, _STEP * (high - low)), high - low + 1)
        colors = ListedColormap([style.tint(style.GREY, float(strength)) for strength in steps])
        norm = BoundaryNorm(np.arange(low, high + 2) - 0.5, high - low + 1)
        mesh = ax.pcolormesh(
            x, y, np.ma.masked_less(counts, 0), cmap=colors, norm=norm, zorder=0, rasterized=True, edgecolors="none"
        )
        figure = ax.get_figure(root=True)
        if key and isinstance(figure, Figure):
            ticks = range(low, high + 1) if high - low < _MOST_KEYS else None
            bar = figure.colorbar(mesh, ax=ax, ticks=ticks, fraction=0.06, pad=0.02, aspect=24, drawedges=high > low)
            bar.set_label("attractors", fontsize=style.SMALL)
            bar.ax.tick_params(labelsize=style.SMALL, width=style.THIN, length=0)
            bar.outline.set_linewidth(style.THIN)  # pyright: ignore[reportCallIssue]
            bar.dividers.set_linewidth(style.THIN)
            bar.ax.minorticks_off()
    if (counts < 0).any():
        hatch = {"hatch": "////", "edgecolor": style.LIGHT_GREY, "linewidth": 0}
        unknown = np.ma.masked_greater_equal(counts, 0)
        ax.pcolor(x, y, unknown, facecolor="none", cmap=ListedColormap(["white"]), zorder=0, **hatch)
        handles.append(Patch(label="not computed", facecolor="white", **hatch))
    return handles


def draw_curves(ax: Axes, curves: Sequence[BifurcationCurve]) -> list[Line2D]:
    """Curves by their kinds; the entries of the legend."""
    handles: list[Line2D] = []
    for kind in (kind for kind in BifurcationKind if kind.continuable):
        own = [curve for curve in curves if curve.kind == kind]
        color, dashes = LOOKS[kind]
        widest = 0.0
        for curve in own:
            points = curve.parameters.numpy()
            for part, matters in _stretches(curve):
                width = _ATTRACTORS_CHANGE if matters else _SADDLES_ONLY
                shown = color if matters else style.tint(color, _SADDLES_PALE)
                ax.plot(*points[part].T, color=shown, linestyle=dashes, linewidth=width, zorder=3.0 + matters)
                widest = max(widest, width)
        if own:
            label = f"{kind} ({own[0].label})"
            handles.append(Line2D([], [], color=color, linestyle=dashes, linewidth=widest, label=label))
    return handles


def _stretches(curve: BifurcationCurve) -> list[tuple[slice, bool]]:
    """Stretches and whether attractors change there: by the ordinary rows, as at special ones a modulus is just 1."""
    special = {point.row for point in curve.codimension_two}
    cuts = sorted({0, *special, len(curve) - 1})
    parts: list[tuple[slice, bool]] = []
    for begin, end in pairwise(cuts):
        rows = [row for row in range(begin, end + 1) if row not in special] or [begin]
        # The middle one: next to a double eigenvalue rounding decides what is outside.
        matters = int(curve.n_unstable[rows[len(rows) // 2]]) == 0
        if parts and parts[-1][1] == matters:
            parts[-1] = (slice(parts[-1][0].start, end + 1), matters)
        else:
            parts.append((slice(begin, end + 1), matters))
    return parts


def draw_points(ax: Axes, curves: Sequence[BifurcationCurve]) -> list[_Named]:
    """Dots where points concern attractors, each once though several curves may meet there; what they are."""
    width, height = np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())
    marks: list[_Named] = []
    for curve in curves:
        stretches = [part for part, matters in _stretches(curve) if matters]
        for point in curve.codimension_two:
            x, y = point.parameters.tolist()
            touching = any(part.start <= point.row < part.stop for part in stretches)
            twin = any(
                other.point.kind == point.kind and abs(other.x - x) < 1e-4 * width and abs(other.y - y) < 1e-4 * height
                for other in marks
            )
            if touching and not twin:
                marks.append(_Named(point, x, y))
    if marks:
        ax.plot(
            [mark.x for mark in marks],
            [mark.y for mark in marks],
            linestyle="none",
            marker="o",
            markersize=3.6,
            markerfacecolor=style.BLACK,
            markeredgewidth=0,
            zorder=5,
        )
    return marks
