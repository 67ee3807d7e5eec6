"""Fixed points in the plane or in space."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from ..certificates import Certificates
from ..checks import ArgumentError, CheckedInside, checked
from ..fixed_points import Continuum, FixedPoints
from . import style
from .classes import SLOW, Look, classify, rank
from .conditions import Condition, PointsOfConditions, conditions_of, with_results
from .projection import Onto, Projection, remember
from .proved import draw_proved
from .scene import (
    add_legend,
    condition_entries,
    draw_trajectories,
    look_of_all,
    name_conditions,
    view_of,
)
from .trajectories import Trajectories, broken

_REACH = 0.07
"""How far unstable directions reach to each side, as a share of the picture: seen, but not across to the next point."""

_SEEN = 0.25
"""If all unstable directions leave the picture more than this, they are drawn short rather than magnified."""


@checked
def plot_fixed_points(
    points: Annotated[PointsOfConditions, CheckedInside()],
    trajectories: Trajectories | None = None,
    ax: Axes | None = None,
    *,
    onto: Annotated[Onto | None, CheckedInside()] = None,
    fitted_on: Annotated[str | Sequence[str] | None, CheckedInside()] = None,
    dimensions: int = 2,
    directions: bool | float = True,
    labels: Annotated[Sequence[str] | None, CheckedInside()] = None,
    by_time: bool = False,
    aspect: str | None = None,
    legend: bool = True,
    certificates: Certificates | None = None,
) -> Axes:
    """Draw fixed points by kind, with their unstable directions, slow points, continua and trajectories.

    Stable points are full circles; saddles pale triangles, squares and pentagons for one, two and more unstable
    directions; unstable points open diamonds; marginal ones stars; slow points crosses. A segment through a point is
    an unstable direction (for a complex pair two, which span its plane), shorter than others the more it leaves the
    picture.

    Of several conditions, such as held inputs, colour tells the condition, shape and filling the kind; a name stands
    beside one state of each. Up to eight have
    colours of their own; more have those of a scale, in order, of which the legend names six. Trajectories of a
    condition have its colour, and dashes of their own; where they alone have conditions, points are black.

    Args:
        points: the result of ``find_fixed_points`` or ``find_fixed_points_over_inputs``; a list of the former, or a
            mapping to them from the names of conditions.
        trajectories: states [batch, time, n], thin and grey behind; their principal components are shown. Without
            them those of all that is drawn, or all units where there are no more of them than ``dimensions``. Or a
            mapping from names of conditions to such states: those that ``points`` have, or others.
        ax: where to draw; a new figure, one column wide, by default. What was drawn there before decides the view, and
            its legend grows.
        onto: what to show instead: numbers of units; directions [dimensions, n], such as readout weights; or a mapping
            from names, which then label the axes, to units or directions, as ``targeted_directions`` makes it.
        fitted_on: names of the conditions whose principal components are shown; those of all by default.
        dimensions: 2 or 3.
        directions: whether to draw unstable directions; or a number s, for segments from x - s |lambda| v to
            x + s |lambda| v, in the units of the state.
        labels: names of the conditions; their own, or their inputs, by default.
        by_time: whether colours of trajectories tell the step; those of a condition begin at a dot in its colour.
        aspect: "equal" draws one unit equally long on all axes, "auto" fills the picture; by default equal for units,
            principal components and other orthonormal directions.
        legend: whether to add the legend, which stands above the axis; False for all but one of several panels.
        certificates: proofs by ``certify``: a white dot marks what is proved.

    Returns:
        The axis; ``ax.figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for shapes or names that do not fit, an axis that does not fit ``dimensions`` or shows other
            directions.
    """
    conditions = conditions_of(points, FixedPoints, "points", labels, trajectories)
    if directions < 0:
        raise ArgumentError("directions", f"must be True, False, or a length of 0 or more, got {directions}")
    view = view_of(ax, conditions, _parts, onto, fitted_on, dimensions)
    equal = style.is_equal(ax, aspect, view.project.isometric)
    ax = style.axis_for(ax, dimensions)

    with style.styled():
        extents = _extents(ax, view.drawn, equal)
        handles = _draw_conditions(ax, conditions, view.project, _REACH * extents, directions)
        handles += draw_proved(ax, certificates, view.project)
        lines = draw_trajectories(ax, conditions, view.project, by_time)
        style.label_axes(ax, view.project.labels, equal)
        remember(ax, view.project)
        if legend:
            add_legend(ax, condition_entries(conditions, by_time), lines, handles, "no fixed points")
        name_conditions(ax, conditions, view.project)
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
    ax: Axes,
    conditions: list[Condition[FixedPoints]],
    project: Projection,
    reaches: np.ndarray,
    directions: bool | float,
) -> list[Artist]:
    """Draw the fixed points of all conditions; returns the legend's entries of what shapes and lines mean."""
    continua: list[Artist] = []
    counts: dict[str, tuple[Look, int]] = {}
    unstable = False
    for condition, points in with_results(conditions):
        for continuum in points.continua:
            color = condition.color or style.COLORS_OF["continuum"]
            continua.append(_draw_continuum(ax, project(continuum.states), continuum, color, condition.prefix))
        segments: list[np.ndarray] = []
        if directions is True:
            segments = _unstable_segments(points, project, reaches)
        elif directions:
            segments = _scaled_segments(points, project, directions)
        unstable |= any(map(len, segments))
        for group in classify(points):
            look = condition.look(group.look)
            if any(len(segments[row]) for row in group.rows if segments):
                own = broken(np.concatenate([segments[row] for row in group.rows]))
                ax.plot(*own.T, color=look.edge, linewidth=style.THICK, zorder=3)
            look.draw(ax, project(points.states[group.rows]), condition.prefix + group.label, zorder=4)
            counts[group.name] = (group.look, counts.get(group.name, (look, 0))[1] + len(group.rows))
        if len(points.slow):
            look, label = condition.look(SLOW), f"{condition.prefix}slow ({len(points.slow)})"
            look.draw(ax, project(points.slow.states), label, zorder=3.5)
            counts["slow"] = (SLOW, counts.get("slow", (look, 0))[1] + len(points.slow))
    handles = continua
    for name, (look, count) in sorted(counts.items(), key=lambda entry: rank(entry[1][0])):
        handles.append(look_of_all(conditions, look).entry(f"{name} ({count})"))
    if unstable:
        handles.append(Line2D([], [], color=style.GREY, linewidth=style.THICK, label="unstable direction"))
    return handles


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
