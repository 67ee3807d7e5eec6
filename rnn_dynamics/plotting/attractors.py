"""Attractors in the plane or in space, and the starts that settle on them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from ..attractors import AttractorKind, Attractors
from ..checks import ArgumentError, ArrayLike, as_rows, checked
from . import style
from .classes import ATTRACTORS, SLOW, UNSETTLED, require_attractors
from .fixed_points import as_trajectories, draw_trajectories
from .orbits import draw_orbit, legend_entry
from .projection import Onto, Projection, projection_for, remember

_START = 1.6
"""Diameter in points of starts that settled."""


@checked
def plot_attractors(
    found: Attractors,
    trajectories: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    onto: Onto | None = None,
    dimensions: int = 2,
    starts: ArrayLike | None = None,
    aspect: str | None = None,
    legend: bool = True,
) -> Axes:
    """Draw attractors by kind, with the starts that settle on each, ghosts, slow manifolds and trajectories.

    Fixed points are full circles; cycles hexagons, joined in order; circles curves; tori clouds; chaotic sets small
    dots; continua broad lines; ghosts, where the drift is slowest, crosses; slow manifolds broad dashed lines.

    With ``starts``, colour tells attractors apart instead of kinds, and each start that settled is a dot in the colour
    of its attractor. There are eight colours, which then begin again: the ninth attractor looks like the first.

    Args:
        found: the result of ``find_attractors``.
        trajectories: states [batch, time, n], thin and grey behind; their principal components are shown. Without
            them those of all that is drawn, or all units where there are no more of them than ``dimensions``.
        ax: where to draw; a new figure, one column wide, by default. What was drawn there before decides the view, and
            its legend grows.
        onto: what to show instead: numbers of units; directions [dimensions, n], such as readout weights; or a mapping
            from names, which then label the axes, to units or directions.
        dimensions: 2 or 3.
        starts: the states [k, n] that were given to ``find_attractors``; those that did not settle are grey crosses.
        aspect: "equal" draws one unit equally long on all axes, "auto" fills the picture; by default equal for units,
            principal components and other orthonormal directions.
        legend: whether to add the legend, which stands above the axis; False for all but one of several panels.

    Returns:
        The axis; ``ax.figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for shapes that do not fit, an axis that does not fit ``dimensions`` or shows other directions.
    """
    require_attractors(found)
    n = found.states.shape[-1]
    if dimensions not in (2, 3):
        raise ArgumentError("dimensions", f"must be 2 or 3, got {dimensions}")
    if dimensions == 3 and n < 3:
        raise ValueError(f"a 3-D plot needs states of size 3 or more, got {n}: use dimensions=2")
    paths = torch.empty(0, 0, n) if trajectories is None else as_trajectories(trajectories, n)
    begun = torch.empty(0, n) if starts is None else _as_starts(starts, found)
    others = [found.slow.states, *(manifold.states for manifold in found.slow_manifolds)]
    parts = [*found.orbits, *others, begun]
    project = projection_for(ax, onto, paths, parts, dimensions)
    equal = style.is_equal(ax, aspect, project.isometric)
    ax = style.axis_for(ax, dimensions)
    drawn = np.concatenate([project(part).reshape(-1, dimensions) for part in [*parts, paths]])

    handles: list[Line2D] = []
    with style.styled():
        _widen(ax, drawn)
        for row, (kind, orbit) in enumerate(zip(found.kinds, found.orbits, strict=True)):
            look = ATTRACTORS[kind]
            look = replace(look, edge=style.BLACK, face=style.qualitative(row)) if len(begun) else look
            draw_orbit(ax, kind, orbit, project, look, f"attractor {row}", outlined=len(begun) > 0)
        for kind, label in _entries(found):
            look = ATTRACTORS[kind]
            look = replace(look, edge=style.BLACK, face=style.LIGHT_GREY) if len(begun) else look
            handles.append(legend_entry(kind, look, label))
        handles += _draw_slow(ax, found, project)
        if len(begun):
            handles += _draw_starts(ax, found, project(begun))
        if paths.numel():
            handles.append(draw_trajectories(ax, project(paths)))
        style.label_axes(ax, project.labels, equal)
        remember(ax, project)
        if legend:
            style.add_legend(ax, handles or [style.nothing("no attractors")])
    return ax


def _as_starts(starts: ArrayLike, found: Attractors) -> Tensor:
    k, n = found.ends.shape
    rows = as_rows(starts, "starts", n, dtype=torch.float64, device=torch.device("cpu"))
    if len(rows) != k:
        raise ArgumentError(
            "starts", f"must be those that were given to find_attractors, [{k}, {n}], got {list(rows.shape)}"
        )
    return rows


def _widen(ax: Axes, drawn: np.ndarray) -> None:
    """Give the axis a scale where all that is drawn is one point, which has none of its own."""
    size = max(1.0, float(np.abs(drawn).max(initial=0)))
    if len(drawn) and float(np.ptp(drawn, axis=0).max()) < 1e-9 * size:
        ax.plot(*np.stack([drawn[0] - size / 2, drawn[0] + size / 2]).T, linestyle="none")


def _entries(found: Attractors) -> Iterator[tuple[str, str]]:
    """The kinds that occur, each with its legend."""
    for kind, count in found.counts.items():
        name = AttractorKind(kind).noun
        if kind == "cycle":
            periods = sorted({p for p, k in zip(found.periods.tolist(), found.kinds, strict=True) if k == kind})
            few = len(periods) <= 3
            name += f", period {', '.join(map(str, periods)) if few else f'{periods[0]}–{periods[-1]}'}"
        yield kind, f"{name} ({count})"


def _draw_slow(ax: Axes, found: Attractors, project: Projection) -> list[Line2D]:
    handles = []
    for manifold in found.slow_manifolds:
        line = "--" if manifold.dimension == 1 else "none"
        look = {"color": style.GREY, "linestyle": line, "marker": "" if line == "--" else ".", "markersize": 2.0}
        label = f"slow {manifold.shape}"
        ax.plot(*project(manifold.states).T, zorder=2, linewidth=style.THICK, label=label, **look)
        handles.append(Line2D([], [], linewidth=style.THICK, label=label, **look))
    if len(found.slow):
        ghost = replace(SLOW, edge=style.BLACK)
        handles.append(ghost.draw(ax, project(found.slow.states), f"ghost ({len(found.slow)})", zorder=3.5))
    return handles


def _draw_starts(ax: Axes, found: Attractors, where: np.ndarray) -> list[Line2D]:
    handles = []
    labels = found.labels.numpy()
    settled = labels >= 0
    if settled.any():
        colors = [style.qualitative(row) for row in labels[settled]]
        label = f"starts, by attractor ({settled.sum()})"
        depth = {"depthshade": False} if ax.name == "3d" else {}
        ax.scatter(*where[settled].T, s=_START**2, c=colors, linewidths=0, zorder=1.5, label=label, **depth)
        handles.append(
            Line2D(
                [], [], linestyle="none", marker="o", markersize=2.2, color=style.GREY, markeredgewidth=0, label=label
            )
        )
    outcomes = np.array(found.outcomes)
    for name, look in UNSETTLED.items():
        if (own := outcomes == name).any():
            handles.append(look.draw(ax, where[own], f"{name} ({own.sum()})", zorder=1.6))
    return handles
