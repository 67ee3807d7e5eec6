"""Trajectories alone: by time, by condition, or by a value of each step such as an input."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, as_tensor, checked
from . import style
from .projection import Onto, Projection, projection_for, remember
from .trajectories import Trajectories, as_trajectories, draw_over_time, draw_plain, entries_of_time, line_entry

_DIVERGING, _RISING = "coolwarm", "viridis"
"""Of values of both signs, and of one."""


@checked
def plot_trajectories(
    trajectories: Trajectories,
    ax: Axes | None = None,
    *,
    values: ArrayLike | None = None,
    label: str = "input",
    onto: Onto | None = None,
    dimensions: int = 2,
    aspect: str | None = None,
    legend: bool = True,
) -> Axes:
    """Draw trajectories coloured by time, by a value of each step, or by condition.

    Args:
        trajectories: states [batch, time, n], coloured by step; or a mapping from names of conditions to such, each
            with a colour and dashes of its own.
        ax: where to draw; a new figure, one column wide, by default. What was drawn there before decides the view.
        values: [batch, time], such as one input: the colour of the way into each step, by a bar beside the picture.
            Not for several conditions.
        label: what the values are.
        onto: what to show, as in ``plot_fixed_points``; principal components by default, or all units where there are
            no more than dimensions.
        dimensions: 2 or 3.
        aspect: "equal" draws one unit equally long on all axes, "auto" fills the picture.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for shapes that do not fit, values for several conditions, or an axis that does not fit.
    """
    if dimensions not in (2, 3):
        raise ArgumentError("dimensions", f"must be 2 or 3, got {dimensions}")
    several = isinstance(trajectories, Mapping)
    named = {str(k): v for k, v in trajectories.items()} if isinstance(trajectories, Mapping) else {"": trajectories}
    if not named:
        raise ArgumentError("trajectories", "must be of at least one condition, got none")
    if several and values is not None:
        raise ArgumentError("values", "colour trajectories of one condition: give them without a mapping")
    host = {"dtype": torch.float64, "device": torch.device("cpu")}
    first = as_tensor(next(iter(named.values())), "trajectories", **host)
    n = first.shape[-1] if first.ndim else 0
    paths = {name: as_trajectories(given, "trajectories", n) for name, given in named.items()}
    if n < dimensions and not (n == 1 and dimensions == 2):
        raise ArgumentError("dimensions", f"must not exceed the {n} units of a state, got {dimensions}")
    project = projection_for(ax, onto, [], list(paths.values()), n, dimensions, fitted=False)
    equal = style.is_equal(ax, aspect, project.isometric)
    ax = style.axis_for(ax, dimensions)
    with style.styled():
        if values is not None:
            handles = _draw_values(ax, project, paths[""], as_tensor(values, "values", **host), label)
        elif several:
            handles = []
            for number, (name, states) in enumerate(paths.items()):
                color, dashes = style.qualitative(number), style.dashes(number)
                draw_plain(ax, f"{name}: ", project(states), color, dashes)
                handles.append(line_entry(name, color, dashes))
        else:
            last = paths[""].shape[1] - 1
            draw_over_time(ax, "", project(paths[""]), style.GREY, last)
            handles = entries_of_time(last, begin=True)
        style.label_axes(ax, project.labels, equal)
        remember(ax, project)
        if legend and handles:
            style.add_legend(ax, handles)
    return ax


def _draw_values(ax: Axes, project: Projection, paths: Tensor, values: Tensor, label: str) -> list[Artist]:
    if values.shape != paths.shape[:2]:
        raise ArgumentError("values", f"must have shape {list(paths.shape[:2])}, got {list(values.shape)}")
    flat = project(paths)
    segments = np.stack([flat[:, :-1], flat[:, 1:]], axis=2).reshape(-1, 2, flat.shape[-1])
    both = bool((values < 0).any() and (values > 0).any())
    reach = float(values.abs().max())
    limits = (-reach, reach) if both else (float(values.min()), float(values.max()))
    options: dict[str, Any] = {"cmap": _DIVERGING if both else _RISING, "linewidths": 0.8, "zorder": 1}
    kind = Line3DCollection if ax.name == "3d" else LineCollection
    lines = kind(list(segments), array=values[:, 1:].flatten().numpy(), label="trajectories", **options)
    lines.set_clim(*limits)
    if ax.name == "3d":
        ax.add_collection3d(lines)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        ax.add_collection(lines)
    ax.plot(*flat.reshape(-1, flat.shape[-1]).T, linestyle="none")  # widens the axis, which collections in space do not
    style.color_bar(ax, lines, label)
    return []
