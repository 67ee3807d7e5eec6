"""The eigenvalues of fixed points in the complex plane."""

from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from ..checks import ArrayLike, checked
from ..fixed_points import FixedPoints
from ..tables import chosen_rows
from . import style
from .classes import classify, require_fixed_points

_SMALLER = 0.55
"""The size of markers here as a share of that of fixed points: there are n times as many."""


@checked
def plot_spectrum(
    points: FixedPoints, ax: Axes | None = None, *, which: ArrayLike | int | None = None, legend: bool = True
) -> Axes:
    """Draw the eigenvalues of the Jacobian at fixed points, and the unit circle that bounds stability.

    Args:
        points: the result of ``find_fixed_points``.
        ax: where to draw; a new figure, one column wide, by default.
        which: rows of ``points``, as numbers or as a mask [p] such as ``points.stable``; all by default.
        legend: whether to add the legend of the classes of points, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for rows that ``points`` does not have, or an axis that is not two-dimensional.
    """
    require_fixed_points(points)
    rows = list(range(len(points))) if which is None else chosen_rows(which, len(points), "which", "points")
    ax = style.axis_for(ax, dimensions=2)
    handles: list[Line2D] = []
    with style.styled():
        ax.axhline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
        ax.axvline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
        ax.add_patch(Circle((0, 0), 1, fill=False, edgecolor=style.GREY, linewidth=0.8 * style.THICK, zorder=1))
        for group in classify(points, rows):
            values = points.eigenvalues[group.rows].flatten().cpu()
            coordinates = torch.stack([values.real, values.imag], dim=1).numpy()
            look: dict[str, Any] = {"s": (_SMALLER * group.look.size) ** 2, "linewidths": style.THIN, "alpha": 0.6}
            look["zorder"] = 3 - len(group.rows) / len(rows)  # the rarest on top
            handles.append(group.look.draw(ax, coordinates, group.label, **look))
        style.label_axes(ax, ("Re λ", "Im λ"))
        ax.autoscale_view()
        if legend:
            style.add_legend(ax, handles or [style.nothing("no fixed points")])
    return ax
