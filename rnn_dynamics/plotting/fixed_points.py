"""Fixed points in the plane or in space."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, CheckedInside, as_tensor, checked
from ..fixed_points import Continuum, FixedPoints
from . import style
from .classes import SLOW, Look, classify, rank
from .conditions import Condition, Conditions, coloured, conditions_of, listed
from .projection import Onto, Projection, projection_for, remember

_REACH = 0.07
"""How far unstable directions reach to each side, as a share of the picture: seen, but not across to the next point."""

_SEEN = 0.25
"""If all unstable directions leave the picture more than this, they are drawn short rather than magnified."""

_MOST_VECTOR = 50_000
"""Longer trajectories are stored in the PDF as an image, which would otherwise take minutes to open."""


@checked
def plot_fixed_points(
    points: Annotated[Conditions, CheckedInside()],
    trajectories: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    onto: Annotated[Onto | None, CheckedInside()] = None,
    dimensions: int = 2,
    directions: bool | float = True,
    labels: Annotated[Sequence[str] | None, CheckedInside()] = None,
    aspect: str | None = None,
    legend: bool = True,
) -> Axes:
    """Draw fixed points by kind, with their unstable directions, slow points, continua and trajectories.

    Stable points are full circles; saddles pale triangles, squares and pentagons for one, two and more unstable
    directions; unstable points open diamonds; marginal ones stars; slow points crosses. A segment through a point is
    an unstable direction (for a complex pair two, which span its plane), shorter than others the more it leaves the
    picture.

    Of several conditions, such as held inputs, colour tells the condition, shape and filling the kind. Up to eight have
    colours of their own; more have those of a scale, in order, of which the legend names six.

    Args:
        points: the result of ``find_fixed_points`` or ``find_fixed_points_over_inputs``, or a list of the former.
        trajectories: states [batch, time, n], thin and grey behind; their principal components are shown. Without
            them those of all that is drawn, or all units where there are no more of them than ``dimensions``.
        ax: where to draw; a new figure, one column wide, by default. What was drawn there before decides the view, and
            its legend grows.
        onto: what to show instead: numbers of units; directions [dimensions, n], such as readout weights; or a mapping
            from names, which then label the axes, to units or directions.
        dimensions: 2 or 3.
        directions: whether to draw unstable directions; or a number s, for segments from x - s |lambda| v to
            x + s |lambda| v, in the units of the state.
        labels: names of the conditions; their inputs by default.
        aspect: "equal" draws one unit equally long on all axes, "auto" fills the picture; by default equal for units,
            principal components and other orthonormal directions.
        legend: whether to add the legend, which stands above the axis; False for all but one of several panels.

    Returns:
        The axis; ``ax.figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for shapes that do not fit, an axis that does not fit ``dimensions`` or shows other directions.
    """
    conditions = conditions_of(points, labels)
    n = conditions[0].points.states.shape[-1]
    if dimensions not in (2, 3):
        raise ArgumentError("dimensions", f"must be 2 or 3, got {dimensions}")
    if directions < 0:
        raise ArgumentError("directions", f"must be True, False, or a length of 0 or more, got {directions}")
    if dimensions == 3 and n < 3:
        raise ValueError(f"a 3-D plot needs states of size 3 or more, got {n}: use dimensions=2")
    paths = torch.empty(0, 0, n) if trajectories is None else as_trajectories(trajectories, n)
    parts = [part for condition in conditions for part in _parts(condition.points)]
    project = projection_for(ax, onto, paths, parts, dimensions)
    equal = style.is_equal(ax, aspect, project.isometric)
    ax = style.axis_for(ax, dimensions)
    drawn = np.concatenate([project(part).reshape(-1, dimensions) for part in (*parts, paths)])

    with style.styled():
        extents = _extents(ax, drawn, equal)
        names, handles = _draw_conditions(ax, conditions, project, _REACH * extents, directions)
        if paths.numel():
            handles.append(draw_trajectories(ax, project(paths)))
        style.label_axes(ax, project.labels, equal)
        remember(ax, project)
        if legend:
            handles = style.side_by_side(names, handles) if names else handles
            style.add_legend(ax, handles or [style.nothing("no fixed points")])
    return ax


def _parts(points: FixedPoints) -> list[Tensor]:
    return [points.states, points.slow.states, *(continuum.states for continuum in points.continua)]


def _extents(ax: Axes, drawn: np.ndarray, equal: bool) -> np.ndarray:
    """How far what is drawn reaches along each axis, [d]; along the longest where one unit is ``equal`` on all."""
    magnitude = max(1.0, float(np.abs(drawn).max(initial=0)))
    if not len(drawn):
        return np.full(drawn.shape[1], magnitude)
    sides = np.ptp(drawn, axis=0)
    longest = float(sides.max())
    if longest < 1e-9 * magnitude:  # a point alone has no scale of its own
        longest = magnitude
        ax.plot(*np.stack([drawn[0] - longest / 2, drawn[0] + longest / 2]).T, linestyle="none")
    return np.where(equal | (sides < 1e-9 * magnitude), longest, sides)


def _draw_conditions(
    ax: Axes, conditions: list[Condition], project: Projection, reaches: np.ndarray, directions: bool | float
) -> tuple[list[Artist], list[Artist]]:
    """Draw all conditions; returns the legend's entries: those of conditions, and of what shapes and lines mean."""
    several = conditions[0].color is not None
    names: list[Artist] = [
        Patch(label=f"{each.name} ({len(each.points)})", facecolor=str(each.color), edgecolor="none")
        for each in (listed(conditions) if several else [])
    ]
    continua: list[Artist] = []
    counts: dict[str, tuple[Look, int]] = {}
    unstable = False
    for condition in conditions:
        points, prefix = condition.points, f"{condition.name}: " if several else ""
        for continuum in points.continua:
            color = condition.color or style.SKY
            continua.append(_draw_continuum(ax, project(continuum.states), continuum, color, prefix))
        segments: list[np.ndarray] = []
        if directions is True:
            segments = _unstable_segments(points, project, reaches)
        elif directions:
            segments = _scaled_segments(points, project, directions)
        unstable |= any(map(len, segments))
        for group in classify(points):
            look = condition.look(group.look)
            if any(len(segments[row]) for row in group.rows if segments):
                own = _broken(np.concatenate([segments[row] for row in group.rows]))
                ax.plot(*own.T, color=look.edge, linewidth=style.THICK, zorder=3)
            look.draw(ax, project(points.states[group.rows]), prefix + group.label, zorder=4)
            counts[group.name] = (group.look, counts.get(group.name, (look, 0))[1] + len(group.rows))
        if len(points.slow):
            look, label = condition.look(SLOW), f"{prefix}slow ({len(points.slow)})"
            look.draw(ax, project(points.slow.states), label, zorder=3.5)
            counts["slow"] = (SLOW, counts.get("slow", (look, 0))[1] + len(points.slow))
    handles = continua
    for name, (look, count) in sorted(counts.items(), key=lambda entry: rank(entry[1][0])):
        handles.append((coloured(look, style.GREY) if several else look).entry(f"{name} ({count})"))
    if unstable:
        handles.append(Line2D([], [], color=style.GREY, linewidth=style.THICK, label="unstable direction"))
    return names, handles


def as_trajectories(trajectories: ArrayLike, n: int) -> Tensor:
    paths = as_tensor(trajectories, "trajectories", dtype=torch.float64, device=torch.device("cpu"))
    if paths.ndim != 3 or paths.shape[2] != n or 0 in paths.shape:
        raise ArgumentError("trajectories", f"must have shape [batch, time, {n}], got {list(paths.shape)}")
    return paths


def _broken(lines: np.ndarray) -> np.ndarray:
    """Lines [k, m, d] as one [k (m + 1), d] with gaps, which draws as one artist in the plane and in space alike."""
    return np.pad(lines, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, lines.shape[-1])


def draw_trajectories(ax: Axes, paths: np.ndarray) -> Line2D:
    (line,) = ax.plot(*_broken(paths).T, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=1, label="trajectories")
    line.set_rasterized(paths.size > _MOST_VECTOR)
    return Line2D([], [], color=style.LIGHT_GREY, linewidth=style.THICK, label="trajectories")


def _draw_continuum(ax: Axes, states: np.ndarray, continuum: Continuum, color: str, prefix: str) -> Line2D:
    """A curve as a line through its samples, a sheet as a cloud of them."""
    look: dict[str, Any] = {"color": color, "label": f"{prefix}{continuum.shape} ({len(states)} samples)"}
    if continuum.dimension == 1:
        path = np.concatenate([states, states[:1]]) if continuum.closed else states
        look |= {"linewidth": 2 * style.THICK}
        ax.plot(*path.T, solid_capstyle="round", zorder=2, **look)
    else:
        look |= {"linestyle": "none", "marker": ".", "markersize": 2.0}
        ax.plot(*states.T, zorder=2, **look)
    return Line2D([], [], **look)


def _unstable_segments(points: FixedPoints, project: Projection, reaches: np.ndarray) -> list[np.ndarray]:
    """For each point the ends [k, 2, d] of a segment along each of its unstable directions.

    The longest reaches to ``reaches`` [d], on an ellipse where axes have scales of their own.
    """
    directions = [project.seen(_repelling(points, row)) for row in range(len(points))]
    scales = reaches / reaches.max()
    longest = max((float(np.linalg.norm(seen / scales, axis=1).max(initial=0)) for seen in directions), default=0)
    scale = reaches.max() / max(longest, _SEEN)
    centers = project(points.states)
    return [
        np.stack([center - scale * seen, center + scale * seen], axis=1)
        for center, seen in zip(centers, directions, strict=True)
    ]


def _scaled_segments(points: FixedPoints, project: Projection, scale: float) -> list[np.ndarray]:
    """For each point the ends [k, 2, d] of x -+ scale |lambda| v along each of its unstable directions v."""
    segments = []
    for row, (state, moduli) in enumerate(zip(points.states, points.eigenvalues.abs(), strict=True)):
        modes = [mode for mode, _ in points.unstable_directions(row)]
        reach = scale * moduli[modes].unsqueeze(1) * _repelling(points, row)
        segments.append(np.stack([project(state - reach), project(state + reach)], axis=1))
    return segments


def _repelling(points: FixedPoints, row: int) -> Tensor:
    """Unit vectors [k, n] that span where a point repels."""
    spanning = [direction for _, direction in points.unstable_directions(row)]
    return torch.stack(spanning) if spanning else points.right_eigenvectors[row].T[:0].real
