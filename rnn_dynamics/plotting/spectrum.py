"""The eigenvalues of fixed points in the complex plane."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from ..checks import ArgumentError, ArrayLike, CheckedInside, checked
from ..fixed_points import FixedPoints
from ..tables import chosen_rows
from . import style
from .classes import Look, classify, rank
from .conditions import PointsOfConditions, conditions_of, with_results
from .scene import add_legend, condition_entries, look_of_all

_SMALLER = 0.55
"""The size of markers here as a share of that of fixed points: there are n times as many."""

_NEAR, _LEAST = 0.15, 0.02
"""From the rim, eigenvalues that an inset is for; the least width that it shows."""

_SIZE, _GAP = 0.34, 0.03
"""Of the inset and between it and the frame, as shares of the axis."""


@checked
def plot_spectrum(
    points: Annotated[PointsOfConditions, CheckedInside()],
    ax: Axes | None = None,
    *,
    which: ArrayLike | int | None = None,
    labels: Annotated[Sequence[str] | None, CheckedInside()] = None,
    rim: bool = True,
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
        rim: whether an inset magnifies the part of the unit circle's rim near which most eigenvalues are, if it has
            enough room: there what is stable and what is not lie close together.
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
    drawn: list[tuple[Look, np.ndarray, dict[str, Any]]] = []
    with style.styled():
        ax.axhline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
        ax.axvline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
        ax.add_patch(_circle())
        for condition, found in with_results(conditions):
            rows = list(range(len(found)))
            rows = rows if which is None else chosen_rows(which, len(found), "which", "points")
            for group in classify(found, rows):
                values = found.eigenvalues[group.rows].flatten().cpu()
                coordinates = torch.stack([values.real, values.imag], dim=1).numpy()
                settings: dict[str, Any] = {"s": (_SMALLER * group.look.size) ** 2, "linewidths": style.THIN}
                settings |= {"alpha": 0.6, "zorder": 3 - len(group.rows) / len(rows)}  # the rarest on top
                look = condition.look(group.look)
                look.draw(ax, coordinates, condition.prefix + group.label, **settings)
                drawn.append((look, coordinates, settings))
                counts[group.name] = (group.look, counts.get(group.name, (group.look, 0))[1] + len(group.rows))
        style.label_axes(ax, ("Re λ", "Im λ"))
        ax.autoscale_view()
        if rim:
            _magnify_rim(ax, drawn)
        if legend:
            classes = sorted(counts.items(), key=lambda entry: rank(entry[1][0]))
            entries: list[Artist] = [
                look_of_all(conditions, look).entry(f"{name} ({count})") for name, (look, count) in classes
            ]
            add_legend(ax, condition_entries(conditions), [], entries, "no fixed points")
    return ax


def _circle() -> Circle:
    return Circle((0, 0), 1, fill=False, edgecolor=style.GREY, linewidth=0.8 * style.THICK, zorder=1)


def _magnify_rim(ax: Axes, drawn: Sequence[tuple[Look, np.ndarray, dict[str, Any]]]) -> None:
    """Draw the busiest part of the rim again, larger, in the emptiest corner; nothing if none is empty."""
    every = np.concatenate([points for _, points, _ in drawn]) if drawn else np.empty((0, 2))
    every = every[np.isfinite(every).all(axis=1)]
    near = every[np.abs(np.hypot(*every.T) - 1) < _NEAR]
    if not len(near):
        return
    feet = near / np.hypot(*near.T)[:, None]
    feet = feet[feet[:, 1] >= -1e-9]  # eigenvalues come in conjugate pairs
    if not len(feet):
        return
    inside = (np.abs(near[None] - feet[:, None]) < _NEAR).all(axis=2)
    busiest = int(inside.sum(axis=1).argmax())
    shown = np.vstack([near[inside[busiest]], feet[busiest]])
    (x, y), reach = (shown.min(axis=0) + shown.max(axis=0)) / 2, 0.65 * max(_LEAST, float(np.ptp(shown, axis=0).max()))
    sides = reach * np.array([[-1, -1], [-1, 0], [-1, 1], [0, 1], [1, 1], [1, 0], [1, -1], [0, -1]])
    corner = _empty_corner(ax, np.vstack([every, np.add((x, y), sides)]))
    if corner is None:
        return
    inset = ax.inset_axes((*corner, _SIZE, _SIZE))
    style.dress(inset)
    inset.add_patch(_circle())
    inset.axhline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
    for look, points, settings in drawn:
        look.draw(inset, points, "", **settings)
    inset.set(xlim=(x - reach, x + reach), ylim=(y - reach, y + reach), aspect="equal")
    inset.tick_params(labelsize=style.SMALL - 1)
    inset.xaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 4, 5, 10]))
    inset.yaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 4, 5, 10]))
    ax.indicate_inset(
        (x - reach, y - reach, 2 * reach, 2 * reach), edgecolor=style.BLACK, linewidth=style.THIN, alpha=1.0
    )


def _empty_corner(ax: Axes, points: np.ndarray) -> tuple[float, float] | None:
    """The lower left corner of an inset, as shares of the axis, that hides none of the points [k, 2]."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()  # equal units widen the limits only now
    where = ax.transAxes.inverted().transform(ax.transData.transform(points))
    room = 3 * _GAP  # for the numbers at its axes
    far = 1 - _SIZE - _GAP
    for left, low in ((far, far), (far, room), (room, far), (room, room)):
        box = (where >= (left - room, low - room)) & (where <= (left + _SIZE + _GAP, low + _SIZE + _GAP))
        if not box.all(axis=1).any():
            return left, low
    return None
