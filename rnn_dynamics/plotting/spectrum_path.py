"""How the eigenvalues of a fixed point move in the complex plane: through a parameter, or through training."""

from collections.abc import Mapping
from numbers import Real
from typing import Annotated, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from ..bifurcations import Branch
from ..checks import ArgumentError, CheckedInside, Count, checked
from ..fixed_points import FixedPoints
from . import style
from .conditions import typeset
from .special_points import MARKERS

_SCALE = "viridis"


@checked
def plot_spectrum_path(
    branch: Annotated[Branch | Mapping[float, FixedPoints], CheckedInside()],
    ax: Axes | None = None,
    *,
    xlabel: str = "parameter",
    most: Count = 16,
    legend: bool = True,
) -> Axes:
    """Draw the eigenvalues along a branch, or at the steps of a training, and the unit circle that bounds stability.

    Colour tells the parameter, by the bar beside the picture; a triangle to the left marks where each begins, one to
    the right where it ends. Larger open marks, of a branch, are its special points, where eigenvalues meet the circle.

    Args:
        branch: of ``continue_fixed_point``; or fixed points by step or parameter, one row each: the same point followed
            through a training.
        ax: where to draw; a new figure, one column wide, by default.
        xlabel: what the parameter is.
        most: leading eigenvalues that are drawn.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for something else, several rows at a step, or fewer than two steps.
    """
    parameters, eigenvalues = _values(branch, most)
    ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        ax.axhline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
        ax.axvline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
        ax.add_patch(Circle((0, 0), 1, fill=False, edgecolor=style.GREY, linewidth=0.8 * style.THICK, zorder=1))
        handles: list[Artist] = [Line2D([], [], color=style.GREY, linewidth=0.8 * style.THICK, label="unit circle")]
        clock = np.repeat(parameters, eigenvalues.shape[1])
        flat = eigenvalues.ravel()
        dots = ax.scatter(
            np.real(flat), np.imag(flat), c=clock, cmap=_SCALE, s=5.0, linewidths=0, zorder=2, label="eigenvalues"
        )
        for row, marker, name in ((0, "<", "first"), (-1, ">", "last")):
            look: dict[str, Any] = {"marker": marker, "markersize": 4.0, "markerfacecolor": "white"}
            look |= {"markeredgecolor": style.BLACK, "markeredgewidth": 0.8, "linestyle": "none"}
            label = typeset(f"{name}: {parameters[row]:.4g}")
            handles += ax.plot(eigenvalues[row].real, eigenvalues[row].imag, label=label, zorder=3, **look)
        handles += _draw_special(ax, branch)
        style.color_bar(ax, dots, xlabel)
        style.label_axes(ax, ("Re λ", "Im λ"))
        ax.autoscale_view()
        if legend:
            style.add_legend(ax, handles)
    return ax


def _values(branch: Branch | Mapping[float, FixedPoints], most: int) -> tuple[np.ndarray, np.ndarray]:
    """Parameters [k] and eigenvalues [k, m]."""
    if isinstance(branch, Branch):
        parameters, values = branch.parameters.numpy(), branch.eigenvalues[:, :most].cpu().numpy()
    elif isinstance(branch, Mapping) and all(isinstance(points, FixedPoints) for points in branch.values()):
        if strange := [step for step, points in branch.items() if not isinstance(step, Real) or len(points) != 1]:
            raise ArgumentError("branch", f"must have one fixed point at each number, but not so at {strange[:3]}")
        parameters = np.array(list(branch), dtype=float)
        rows = [points.eigenvalues[0, :most].cpu().numpy() for points in branch.values()]
        if len({len(row) for row in rows}) > 1:
            raise ArgumentError("branch", "must have fixed points of one size")
        values = np.array(rows)
    else:
        raise ArgumentError("branch", f"must be a Branch, or FixedPoints by number, got {type(branch).__name__}")
    if len(parameters) < 2:
        raise ArgumentError("branch", f"must have two rows or more, got {len(parameters)}")
    return parameters, values


def _draw_special(ax: Axes, branch: Branch | Mapping[float, FixedPoints]) -> list[Artist]:
    if not isinstance(branch, Branch):
        return []
    handles: dict[str, Artist] = {}
    for point in branch.special_points:
        if point.eigenvalue != point.eigenvalue:
            continue
        marker, size = MARKERS[point.kind]
        look: dict[str, Any] = {
            "marker": marker,
            "markersize": 2 * size,
            "markerfacecolor": "none",
            "linestyle": "none",
        }
        look |= {"markeredgecolor": style.COLORS_OF.get(point.kind, style.BLACK), "markeredgewidth": 1.0}
        both = [point.eigenvalue, point.eigenvalue.conjugate()] if point.eigenvalue.imag else [point.eigenvalue]
        ax.plot([value.real for value in both], [value.imag for value in both], zorder=4, **look)
        label = typeset(f"{point.kind} at {point.parameter:.4g}")
        small: dict[str, Any] = look | {"markersize": 1.3 * size}
        handles.setdefault(label, Line2D([], [], label=label, **small))
    return list(handles.values())
