"""The eigenvalues of fixed points in the complex plane."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from ..checks import ArgumentError, ArrayLike, CheckedInside, checked
from ..fixed_points import FixedPoints
from ..tables import chosen_rows
from . import style
from .classes import Look, classify, rank
from .conditions import PointsOfConditions, conditions_of, with_results
from .scene import add_legend, condition_entries, look_of_all

_SMALLER = 0.55
"""The size of markers here as a share of that of fixed points: there are n times as many."""


@checked
def plot_spectrum(
    points: Annotated[PointsOfConditions, CheckedInside()],
    ax: Axes | None = None,
    *,
    which: ArrayLike | int | None = None,
    labels: Annotated[Sequence[str] | None, CheckedInside()] = None,
    legend: bool = True,
) -> Axes:
    """Draw the eigenvalues of the Jacobian at fixed points, and the unit circle that bounds stability.

    Of several conditions, such as held inputs, colour tells the condition, as in ``plot_fixed_points``.

    Args:
        points: the result of ``find_fixed_points`` or ``find_fixed_points_over_inputs``; a list of the former, or a
            mapping to them from the names of conditions.
        ax: where to draw; a new figure, one column wide, by default.
        which: rows of ``points``, as numbers or as a mask [p] such as ``points.stable``; all by default. Of one
            condition only.
        labels: names of the conditions; their own, or their inputs, by default.
        legend: whether to add the legend of the classes of points, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for rows that ``points`` does not have, or an axis that is not two-dimensional.
    """
    conditions = conditions_of(points, FixedPoints, "points", labels)
    if which is not None and conditions[0].name:
        raise ArgumentError("which", "chooses rows of one result: of several conditions give chosen rows of each")
    ax = style.axis_for(ax, dimensions=2)
    counts: dict[str, tuple[Look, int]] = {}
    with style.styled():
        ax.axhline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
        ax.axvline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
        ax.add_patch(Circle((0, 0), 1, fill=False, edgecolor=style.GREY, linewidth=0.8 * style.THICK, zorder=1))
        for condition, found in with_results(conditions):
            rows = list(range(len(found)))
            rows = rows if which is None else chosen_rows(which, len(found), "which", "points")
            for group in classify(found, rows):
                values = found.eigenvalues[group.rows].flatten().cpu()
                coordinates = torch.stack([values.real, values.imag], dim=1).numpy()
                settings: dict[str, Any] = {"s": (_SMALLER * group.look.size) ** 2, "linewidths": style.THIN}
                settings |= {"alpha": 0.6, "zorder": 3 - len(group.rows) / len(rows)}  # the rarest on top
                condition.look(group.look).draw(ax, coordinates, condition.prefix + group.label, **settings)
                counts[group.name] = (group.look, counts.get(group.name, (group.look, 0))[1] + len(group.rows))
        style.label_axes(ax, ("Re λ", "Im λ"))
        ax.autoscale_view()
        if legend:
            classes = sorted(counts.items(), key=lambda entry: rank(entry[1][0]))
            entries: list[Artist] = [
                look_of_all(conditions, look).entry(f"{name} ({count})") for name, (look, count) in classes
            ]
            add_legend(ax, condition_entries(conditions), [], entries, "no fixed points")
    return ax
