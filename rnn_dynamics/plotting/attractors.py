"""Attractors in the plane or in space, and the starts that settle on them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from ..attractors import AttractorKind, Attractors
from ..certificates import Certificates
from ..checks import ArgumentError, ArrayLike, CheckedInside, as_rows, checked
from . import style
from .classes import ATTRACTORS, SLOW, UNSETTLED
from .conditions import AttractorsOfConditions, Condition, conditions_of, with_results
from .orbits import draw_orbit, legend_entry
from .projection import Onto, Projection, remember
from .proved import draw_proved
from .scene import add_legend, condition_entries, draw_trajectories, look_of_all, name_conditions, view_of
from .trajectories import Trajectories

_START = 1.6
"""Diameter in points of starts that settled."""

_NUMBERED = 16
"""Attractors at most that bear their numbers where colours tell them apart."""


@checked
def plot_attractors(
    found: Annotated[AttractorsOfConditions, CheckedInside()],
    trajectories: Trajectories | None = None,
    ax: Axes | None = None,
    *,
    onto: Onto | None = None,
    fitted_on: Annotated[str | Sequence[str] | None, CheckedInside()] = None,
    dimensions: int = 2,
    starts: ArrayLike | None = None,
    labels: Annotated[Sequence[str] | None, CheckedInside()] = None,
    by_time: bool = False,
    aspect: str | None = None,
    legend: bool = True,
    certificates: Certificates | None = None,
) -> Axes:
    """Draw attractors by kind, with the starts that settle on each, ghosts, slow manifolds and trajectories.

    Fixed points are full circles; cycles hexagons, joined in order; circles curves; tori clouds; chaotic sets small
    dots; continua broad lines; ghosts, where the drift is slowest, crosses; slow manifolds broad dashed lines.

    With ``starts``, colour tells attractors apart instead of kinds, and each start that settled is a dot in the colour
    of its attractor. There are eight colours, which then begin again: the ninth attractor looks like the first, and
    in the plane up to 16 bear their numbers.

    Of several conditions, such as held inputs, colour tells the condition, as in ``plot_fixed_points``.

    Args:
        found: the result of ``find_attractors`` or ``find_attractors_over_inputs``; a list of the former, or a mapping
            to them from the names of conditions.
        trajectories: states [batch, time, n], thin and grey behind; their principal components are shown. Without
            them those of all that is drawn, or all units where there are no more of them than ``dimensions``. Or a
            mapping from names of conditions to such states: those that ``found`` has, or others.
        ax: where to draw; a new figure, one column wide, by default. What was drawn there before decides the view, and
            its legend grows.
        onto: what to show instead: numbers of units; directions [dimensions, n], such as readout weights; or a mapping
            from names, which then label the axes, to units or directions, as ``targeted_directions`` makes it.
        fitted_on: names of the conditions whose principal components are shown; those of all by default.
        dimensions: 2 or 3.
        starts: the states [k, n] that were given to ``find_attractors``; those that did not settle are grey crosses.
            Without conditions only, which take the colours.
        labels: names of the conditions; their own, or their inputs, by default.
        by_time: whether colours of trajectories tell the step; those of a condition begin at a dot in its colour.
        aspect: "equal" draws one unit equally long on all axes, "auto" fills the picture; by default equal for units,
            principal components and other orthonormal directions.
        legend: whether to add the legend, which stands above the axis; False for all but one of several panels.
        certificates: proofs by ``certify``: a white dot marks each state that is proved.

    Returns:
        The axis; ``ax.figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for shapes or names that do not fit, an axis that does not fit ``dimensions`` or shows other
            directions.
    """
    conditions = conditions_of(found, Attractors, "found", labels, trajectories)
    begun = None if starts is None else _as_starts(starts, conditions)

    def parts(each: Attractors) -> list[Tensor]:
        states = [*each.orbits, each.slow.states, *(manifold.states for manifold in each.slow_manifolds)]
        return states if begun is None else [*states, begun]

    view = view_of(ax, conditions, parts, onto, fitted_on, dimensions)
    equal = style.is_equal(ax, aspect, view.project.isometric)
    ax = style.axis_for(ax, dimensions)

    with style.styled():
        _widen(ax, view.drawn)
        handles = _draw_conditions(ax, conditions, view.project, by_attractor=begun is not None)
        if begun is not None:
            handles += _draw_starts(ax, with_results(conditions)[0][1], view.project(begun))
        handles += draw_proved(ax, certificates, view.project)
        lines = draw_trajectories(ax, conditions, view.project, by_time)
        style.label_axes(ax, view.project.labels, equal)
        remember(ax, view.project)
        if legend:
            add_legend(ax, condition_entries(conditions, by_time), lines, handles, "no attractors")
        name_conditions(ax, conditions, view.project)
    return ax


def _as_starts(starts: ArrayLike, conditions: list[Condition[Attractors]]) -> Tensor:
    if any(condition.name for condition in conditions):
        raise ArgumentError("starts", "colour attractors, but here colours tell conditions: draw one without a name")
    k, n = with_results(conditions)[0][1].ends.shape
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


def _draw_conditions(
    ax: Axes, conditions: list[Condition[Attractors]], project: Projection, *, by_attractor: bool
) -> list[Artist]:
    """Draw the attractors of all conditions; returns the legend's entries of kinds and of what is slow."""
    handles: list[Artist] = []
    results = with_results(conditions)
    for condition, found in results:
        for row, (kind, orbit) in enumerate(zip(found.kinds, found.orbits, strict=True)):
            look = condition.look(ATTRACTORS[kind])
            look = replace(look, edge=style.BLACK, face=style.qualitative(row)) if by_attractor else look
            label = f"{condition.prefix}attractor {row}"
            draw_orbit(ax, kind, orbit, project, look, label, outlined=by_attractor)
        if by_attractor and ax.name != "3d" and 1 < len(found) <= _NUMBERED:
            _number(ax, [project(orbit)[0] for orbit in found.orbits])
    for kind, label in _entries([found for _, found in results]):
        look = look_of_all(conditions, ATTRACTORS[kind])
        look = replace(look, edge=style.BLACK, face=style.LIGHT_GREY) if by_attractor else look
        handles.append(legend_entry(kind, look, label))
    for condition, found in results:
        handles += _draw_slow(ax, condition, found, project)
    return handles


def _number(ax: Axes, places: list[np.ndarray]) -> None:
    """Write the number of each beside it, on the side of the middle, where the frame is far."""
    for row, place in enumerate(places):
        side = np.where(place > np.mean(places, axis=0), -1, 1)
        beside: dict[str, Any] = {
            "xytext": tuple(7 * side),
            "textcoords": "offset points",
            "ha": "center",
            "va": "center",
        }
        ax.annotate(str(row), tuple(place), fontsize=style.SMALL, zorder=6, **beside)


def _entries(every: list[Attractors]) -> Iterator[tuple[str, str]]:
    """The kinds that occur, each with its legend."""
    rows = [row for found in every for row in zip(found.kinds, found.periods.tolist(), strict=True)]
    for kind in AttractorKind:
        periods = [period for name, period in rows if name == kind]
        if not periods:
            continue
        name, count = kind.noun, len(periods)
        if kind == "cycle":
            periods = sorted(set(periods))
            few = len(periods) <= 3
            name += f", period {', '.join(map(str, periods)) if few else f'{periods[0]}–{periods[-1]}'}"
        yield kind, f"{name} ({count})"


def _draw_slow(ax: Axes, condition: Condition[Attractors], found: Attractors, project: Projection) -> list[Line2D]:
    handles = []
    for manifold in found.slow_manifolds:
        line = "--" if manifold.dimension == 1 else "none"
        look = {"linestyle": line, "marker": "" if line == "--" else ".", "markersize": 2.0}
        look |= {"color": condition.color or style.GREY}
        label = f"{condition.prefix}slow {manifold.shape}"
        ax.plot(*project(manifold.states).T, zorder=2, linewidth=style.THICK, label=label, **look)
        handles.append(Line2D([], [], linewidth=style.THICK, label=label, **look))
    if len(found.slow):
        ghost = replace(SLOW, edge=condition.color or style.BLACK)
        label = f"{condition.prefix}ghost ({len(found.slow)})"
        handles.append(ghost.draw(ax, project(found.slow.states), label, zorder=3.5))
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
