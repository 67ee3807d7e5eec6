"""Delay plots: a state against what it was a few steps before."""

from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..checks import ArgumentError, ArrayLike, Count, as_tensor, checked
from . import style
from .trajectories import Trajectories, as_trajectories, line_entry

_MARKERS = ("o", "^", "s", "D", "v", "P", "X", "h")
"""Beside the colour of a condition."""

_MOST_VECTOR = 20_000


@checked
def plot_delay(
    trajectories: Trajectories,
    ax: Axes | None = None,
    *,
    unit: int | ArrayLike = 0,
    lag: Count = 1,
    legend: bool = True,
) -> Axes:
    """Draw h(t + lag) against h(t), for one unit or along one direction.

    Points on the diagonal rest; a curve is the graph of a map of one unit, be it in a chaotic set or a slow passage;
    k clusters are a cycle of period k.

    Args:
        trajectories: states [batch, time, n], or a mapping from names of conditions to such, each with a colour and
            marker of its own.
        ax: where to draw; a new figure, one column wide, by default.
        unit: the number of a unit, or a direction [n] that states are projected on.
        lag: steps between the two.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for shapes that do not fit, or fewer steps than ``lag``.
    """
    named: Mapping[str, ArrayLike] = trajectories if isinstance(trajectories, Mapping) else {"": trajectories}
    ax = style.axis_for(ax, dimensions=2)
    if not named:
        raise ArgumentError("trajectories", "must be of at least one condition, got none")
    handles: list[Artist] = []
    with style.styled():
        low, high = torch.inf, -torch.inf
        for number, (name, given) in enumerate(named.items()):
            raw = as_tensor(given, "trajectories", dtype=torch.float64, device=torch.device("cpu"))
            paths = as_trajectories(raw, "trajectories", raw.shape[-1] if raw.ndim == 3 else 0)
            values = _along(paths, unit)
            if values.shape[1] <= lag:
                raise ArgumentError("lag", f"must be below the number of steps, {values.shape[1]}, got {lag}")
            x, y = values[:, :-lag].flatten().numpy(), values[:, lag:].flatten().numpy()
            color = style.qualitative(number) if name else style.BLACK
            look: dict[str, Any] = {"marker": _MARKERS[number % len(_MARKERS)], "color": color, "markersize": 1.8}
            label = str(name) or "states"
            (dots,) = ax.plot(x, y, linestyle="none", markeredgewidth=0, zorder=2, label=label, **look)
            dots.set_rasterized(len(x) > _MOST_VECTOR)
            look["markersize"] = 3.5
            handles.append(Line2D([], [], linestyle="none", label=label, **look))
            low, high = min(low, float(values.min())), max(high, float(values.max()))
        margin = 0.04 * (high - low) or 0.5
        ends = (low - margin, high + margin)
        ax.plot(ends, ends, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=1, label="at rest")
        handles.append(line_entry("at rest", style.LIGHT_GREY))
        what = f"unit {unit}" if isinstance(unit, int) else "projection"
        ax.set(xlim=ends, ylim=ends, aspect="equal")
        ax.set_xlabel(f"{what}, step t")
        ax.set_ylabel(f"{what}, step t + {lag}")
        if legend:
            style.add_legend(ax, handles)
    return ax


def _along(paths: torch.Tensor, unit: int | ArrayLike) -> torch.Tensor:
    """One number for each state, [batch, time]."""
    n = paths.shape[-1]
    given = torch.tensor(unit) if isinstance(unit, int) else unit
    direction = as_tensor(given, "unit", dtype=torch.float64, device=torch.device("cpu"))
    if direction.ndim == 0:
        number = float(direction)
        if not number.is_integer() or not -n <= number < n:
            raise ArgumentError("unit", f"must be one of {n} units, or a direction [{n}], got {unit}")
        return paths[..., int(number)]
    if direction.shape != (n,):
        raise ArgumentError("unit", f"must be one of {n} units, or a direction [{n}], got {list(direction.shape)}")
    return paths @ direction
