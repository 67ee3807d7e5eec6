"""A chart of two parameters as an image, with bifurcation curves over it."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, Colormap, LinearSegmentedColormap, ListedColormap, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..bifurcations import BifurcationCurve
from ..charts import Chart, Conduct
from ..checks import ArgumentError, CheckedInside, checked
from . import style
from .names import Name, write_names
from .parameter_plane import draw_curves, draw_points

_MOST_PERIODS = 7
"""With a colour of their own."""

_STRENGTH = 0.75
"""Of the colours of regions, on which curves keep theirs."""

_PALE = 0.35
"""What is left of the colour where an orbit is not locked."""

_NIL = 1e-3
"""An exponent below which there is no telling it from 0."""

_LIMIT = 0.05
"""The share of the most negative exponents that are beyond the colour bar: those of superstable cycles have no end."""


@checked
def plot_chart(
    chart: Annotated[Chart, CheckedInside()],
    ax: Axes | None = None,
    *,
    curves: Sequence[Annotated[BifurcationCurve, CheckedInside()]] = (),
    labels: bool = True,
    legend: bool = True,
    parameters: tuple[str, str] = ("p", "q"),
) -> Axes:
    """Draw a chart of two parameters: colours tell exponents, periods, rotation numbers, counts or attractors.

    Exponents are red above zero and blue below, white at zero. Periods and attractors have a colour each, aperiodic
    orbits are dark. Rotation numbers go from dark to light, pale where the orbit is not locked. The ground is white and
    dotted where orbits run away, grey where it is not told what they do, hatched where nothing was computed.

    Args:
        chart: the result of ``chart``.
        ax: where to draw; by default a new figure, one column wide.
        curves: results of ``continue_bifurcation``, drawn over it as in ``plot_parameter_plane``.
        labels: whether points of codimension two carry their names.
        legend: whether to add the legend above the axis, and the colour bar.
        parameters: their names.

    Returns:
        The axis.

    Raises:
        ValueError: for another result, or an axis that is not two-dimensional.
    """
    if not isinstance(chart, Chart):
        raise ArgumentError("chart", f"must be the Chart of chart, got {type(chart).__name__}")
    if chart.chosen_from is not None:
        raise ArgumentError("chart", "must be whole: cells that were chosen do not tile the plane")
    if isinstance(curves, BifurcationCurve):
        raise ArgumentError("curves", "must be a sequence of BifurcationCurve, got a single one: put it in a list")
    for curve in curves:
        if not isinstance(curve, BifurcationCurve):
            raise ArgumentError("curves", f"must be those of continue_bifurcation, got {type(curve).__name__}")
    ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        handles = _draw_cells(ax, chart, legend)
        (p0, p1), (q0, q1) = (sorted(span) for span in chart.spans)
        ax.set_xlim(p0, p1)
        ax.set_ylim(q0, q1)
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


def _draw_cells(ax: Axes, chart: Chart, key: bool) -> list[Any]:
    values, conducts = chart.image().numpy(), chart.image("conducts").numpy()
    (p0, p1), (q0, q1) = (sorted(span) for span in chart.spans)
    x, y = np.linspace(p0, p1, values.shape[1] + 1), np.linspace(q0, q1, values.shape[0] + 1)
    settings: dict[str, Any] = {"zorder": 0, "rasterized": True, "edgecolors": "none"}
    known = np.isfinite(values)
    if known.any():
        cmap, norm, ticks, names = _look(chart, values[known])
        shown = np.ma.masked_array(values if ticks is None or names is None else _placed(values, ticks), ~known)
        mesh = ax.pcolormesh(x, y, shown, cmap=cmap, norm=norm, **settings)
        if chart.measure.startswith("Rotation"):
            loose = np.ma.masked_array(np.ones_like(values), ~(known & (chart.image("periods").numpy() == 0)))
            white = ListedColormap([(1.0, 1.0, 1.0, 1.0 - _PALE)])
            ax.pcolormesh(x, y, loose, cmap=white, **settings)
        figure = ax.get_figure(root=True)
        if key and isinstance(figure, Figure):
            extend = "min" if chart.measure.startswith("Exponent") and norm.vmin > values[known].min() else "neither"
            places = None if ticks is None else (range(len(ticks)) if names else ticks)
            bar = figure.colorbar(mesh, ax=ax, ticks=places, extend=extend, fraction=0.06, pad=0.02, aspect=24)
            if names:
                bar.set_ticklabels(names)
            bar.set_label(chart.label, fontsize=style.SMALL)
            bar.ax.tick_params(labelsize=style.SMALL, width=style.THIN, length=0 if ticks else 2)
            bar.outline.set_linewidth(style.THIN)  # pyright: ignore[reportCallIssue]
            bar.ax.minorticks_off()
    handles: list[Any] = []
    grounds: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        ("ran away", ~known & (conducts == Conduct.DIVERGED), {"facecolor": "white", "hatch": "...."}),
        ("undecided", ~known & (conducts >= 0) & (conducts != Conduct.DIVERGED), {"facecolor": style.LIGHT_GREY}),
        ("not computed", conducts < 0, {"facecolor": "white", "hatch": "////"}),
    ]
    for name, where, look in grounds:
        if where.any():
            mask = np.ma.masked_array(np.ones_like(values), ~where)
            ax.pcolormesh(x, y, mask, cmap=ListedColormap([look["facecolor"]]), **settings)
            if "hatch" in look:
                edge = {"hatch": look["hatch"], "edgecolor": style.LIGHT_GREY, "linewidth": 0}
                ax.pcolor(x, y, mask, cmap=ListedColormap(["white"]), facecolor="none", zorder=0.5, **edge)
            handles.append(Patch(label=name, edgecolor=style.LIGHT_GREY, linewidth=style.THIN, **look))
    return handles


def _look(chart: Chart, values: np.ndarray) -> tuple[Colormap, Normalize, list[float] | None, list[str] | None]:
    """Colours, their scale, and the ticks of the bar; with names, values are drawn by the place of theirs."""
    kind = chart.measure.partition("(")[0]
    if kind == "Exponent":
        cold, warm = style.COLORS_OF["contracting"], style.COLORS_OF["expanding"]
        high, low = float(values.max()), min(float(np.quantile(values, _LIMIT)), -_NIL)
        if high < _NIL:  # no half of the bar is for what is not there
            return LinearSegmentedColormap.from_list("exponent", [cold, "white"]), Normalize(low, 0.0), None, None
        cmap = LinearSegmentedColormap.from_list("exponent", [cold, "white", warm])
        return cmap, TwoSlopeNorm(0.0, max(low, -4 * high), high), None, None
    if kind == "Rotation":
        low, high = float(values.min()), float(values.max())
        return colormaps["cividis"], Normalize(low, high if high > low else low + 1), None, None
    whole = sorted({int(value) for value in values})
    if kind == "Count":
        strengths = np.linspace(0.0, min(0.66, 0.22 * (len(whole) - 1)), len(whole))
        colors = [style.tint(style.GREY, float(strength)) for strength in strengths]
        names = [str(value) for value in whole]
    elif kind == "Period":
        own = [value for value in whole if value > 0][:_MOST_PERIODS]
        more = [value for value in whole if value > 0][_MOST_PERIODS:]
        whole = [*own, *more[:1], *([0] if 0 in whole else [])]
        colors = [style.tint(style.qualitative(number), _STRENGTH) for number in range(len(own))]
        colors += [style.LIGHT_GREY] * bool(more) + [style.tint(style.BLACK, 0.8)] * (0 in whole)
        names = [str(value) for value in own] + ["more"] * bool(more) + ["none"] * (0 in whole)
    else:
        colors = [style.tint(style.qualitative(value), _STRENGTH) for value in whole]
        names = [str(value) for value in whole]
    ticks = [float(value) for value in whole]
    return ListedColormap(colors), BoundaryNorm(np.arange(len(whole) + 1) - 0.5, max(2, len(whole))), ticks, names


def _placed(values: np.ndarray, ticks: list[float]) -> np.ndarray:
    """The place of each value among ``ticks``; of other periods that of the last one above zero."""
    positive = [place for place, tick in enumerate(ticks) if tick > 0]
    placed = np.full(values.shape, float(positive[-1]) if positive else 0.0)
    for place, tick in enumerate(ticks):
        placed[values == tick] = place
    return placed
