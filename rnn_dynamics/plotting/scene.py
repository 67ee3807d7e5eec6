"""What pictures of states in one or several conditions share: the view, trajectories, and entries of the legend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from mpl_toolkits.mplot3d import Axes3D
from torch import Tensor

from ..checks import ArgumentError
from . import style
from .classes import Look
from .conditions import Condition, Part, chosen, coloured, listed, with_results
from .names import Name, write_names
from .projection import Onto, Projection, projection_for
from .trajectories import draw_over_time, draw_plain, entries_of_time, line_entry


@dataclass(frozen=True, eq=False)
class View:
    """Where states are drawn."""

    project: Projection

    drawn: np.ndarray
    """All that is drawn, [k, d]."""


def view_of(
    ax: Axes | None,
    conditions: list[Condition[Part]],
    parts_of: Callable[[Part], list[Tensor]],
    onto: Onto | None,
    fitted_on: str | Sequence[str] | None,
    dimensions: int,
) -> View:
    """Onto what is asked for, what ``ax`` shows, or principal components of the conditions that are ``fitted_on``.

    Args:
        parts_of: all states [..., n] of a result.
    """
    if dimensions not in (2, 3):
        raise ArgumentError("dimensions", f"must be 2 or 3, got {dimensions}")
    n = with_results(conditions)[0][1].states.shape[-1]
    if dimensions == 3 and n < 3:
        raise ValueError(f"a 3-D plot needs states of size 3 or more, got {n}: use dimensions=2")

    def states_of(some: list[Condition[Part]]) -> tuple[list[Tensor], list[Tensor]]:
        paths = [condition.trajectories for condition in some if condition.trajectories is not None]
        return paths, [part for _, result in with_results(some) for part in parts_of(result)]

    fitted = fitted_on is not None
    project = projection_for(ax, onto, *states_of(chosen(conditions, fitted_on)), n, dimensions, fitted=fitted)
    paths, parts = states_of(conditions)
    drawn = np.concatenate([project(part).reshape(-1, dimensions) for part in (*parts, *paths)])
    return View(project, drawn)


def draw_trajectories(ax: Axes, conditions: list[Condition[Part]], project: Projection, by_time: bool) -> list[Artist]:
    """Draw those of all conditions; returns the entries of the legend that are of no condition."""
    own = [(condition, condition.trajectories) for condition in conditions if condition.trajectories is not None]
    last = max((paths.shape[1] - 1 for _, paths in own), default=0)
    for condition, paths in own:
        if by_time:
            draw_over_time(ax, condition.prefix, project(paths), condition.color, last)
        else:
            draw_plain(ax, condition.prefix, project(paths), condition.color, condition.dashes)
    if not own:
        return []
    if by_time:
        return entries_of_time(last, begin=any(condition.color for condition, _ in own))
    return [line_entry("trajectories", None) for condition, _ in own if condition.color is None]


def name_conditions(ax: Axes, conditions: list[Condition[Part]], project: Projection) -> None:
    """Write the name of each condition beside a state of it, so that not colour alone tells them apart.

    That is the state farthest from those of others and from states that are named already. Conditions in the colours of
    a scale have no names there: lightness tells their order.
    """
    named = [(condition, project(result.states)) for condition, result in with_results(conditions)]
    named = [(condition, own) for condition, own in named if condition.name and len(own)]
    if not 1 < len(named) <= style.COLORS:
        return
    seen = [own if isinstance(ax, Axes3D) else ax.transData.transform(own) for _, own in named]
    taken = np.empty((0, seen[0].shape[1]))
    names: list[tuple[str, np.ndarray]] = []
    for row, (condition, own) in enumerate(named):
        others = np.concatenate([*seen[:row], *seen[row + 1 :], taken])
        lonely = int(np.linalg.norm(seen[row][:, None] - others, axis=2).min(axis=1).argmax())
        taken = np.concatenate([taken, seen[row][lonely : lonely + 1]])
        names.append((condition.name, own[lonely]))
    if isinstance(ax, Axes3D):
        for text, (x, y, z) in names:
            ax.text(x, y, z, f"  {text}", fontsize=style.SMALL, zorder=6)
        return
    batches = [condition.trajectories for condition in conditions if condition.trajectories is not None]
    paths = [path for batch in batches for path in project(batch)]
    dots = np.concatenate([own for _, own in named])
    write_names(ax, [Name(text, *place) for text, place in names], paths, dots, led=True)


def condition_entries(conditions: list[Condition[Part]], by_time: bool = False) -> list[Artist]:
    """What the legend says of conditions: name, number of results, and colour, with the dashes of trajectories."""
    entries: list[Artist] = []
    for condition in listed(conditions):
        label = condition.name + ("" if condition.result is None else f" ({len(condition.result)})")
        if condition.trajectories is None or by_time:
            entries.append(Patch(label=label, facecolor=str(condition.color), edgecolor="none"))
        else:
            entries.append(line_entry(label, condition.color, condition.dashes))
    return entries


def look_of_all(conditions: list[Condition[Part]], look: Look) -> Look:
    """How a kind looks in the legend: grey where each condition has a colour of its own."""
    several = any(condition.name for condition, _ in with_results(conditions))
    return coloured(look, style.GREY) if several else with_results(conditions)[0][0].look(look)


def add_legend(ax: Axes, names: list[Artist], lines: list[Artist], others: list[Artist], nothing: str) -> None:
    """The legend: conditions, if there are any, and lines in the first column, what shapes mean in the second."""
    handles = style.side_by_side([*names, *lines], others) if names else [*others, *lines]
    style.add_legend(ax, handles or [style.nothing(nothing)])
