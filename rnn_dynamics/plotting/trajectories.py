"""Trajectories behind what they lead to: grey, or coloured by condition or by time."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, TypeAlias

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, as_tensor
from . import style

Trajectories: TypeAlias = ArrayLike | Mapping[str, ArrayLike]
"""States [batch, time, n]; or such by the name of their condition."""

_MOST_VECTOR = 50_000
"""Longer trajectories are stored in the PDF as an image, which would otherwise take minutes to open."""

_COLOURED = 1.6 * style.THIN
"""The width in points of lines whose colour says something."""

_SHADES = 24
"""So many colours stand for time: the eye sees a gradient."""

_BEGIN = 3.0
"""Diameter in points of the dot where a trajectory begins."""


def as_trajectories(trajectories: ArrayLike, name: str, n: int) -> Tensor:
    paths = as_tensor(trajectories, name, dtype=torch.float64, device=torch.device("cpu"))
    if paths.ndim != 3 or paths.shape[2] != n or 0 in paths.shape:
        raise ArgumentError(name, f"must have shape [batch, time, {n}], got {list(paths.shape)}")
    return paths


def broken(lines: np.ndarray) -> np.ndarray:
    """Lines [k, m, d] as one [k (m + 1), d] with gaps, which draws as one artist in the plane and in space alike."""
    return np.pad(lines, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, lines.shape[-1])


def draw_plain(ax: Axes, prefix: str, paths: np.ndarray, color: str | None, dashes: str) -> None:
    """Draw ``paths`` [batch, time, d] in the colour of their condition; without one thin and grey."""
    look: dict[str, Any] = {"color": color or style.LIGHT_GREY, "linestyle": dashes}
    width = style.THIN if color is None else _COLOURED
    (line,) = ax.plot(*broken(paths).T, linewidth=width, zorder=1, label=f"{prefix}trajectories", **look)
    line.set_rasterized(paths.size > _MOST_VECTOR)


def draw_over_time(ax: Axes, prefix: str, paths: np.ndarray, color: str | None, last: int) -> None:
    """Draw ``paths`` [batch, time, d] in the colours of steps 0 to ``last``, each from a dot in ``color`` if any."""
    steps = paths.shape[1] - 1
    edges = np.unique(np.linspace(0, steps, min(steps, _SHADES) + 1).round().astype(int))
    for begin, end in pairwise(edges.tolist()):
        shade, label = _color_at((begin + end) / 2, last), f"{prefix}steps {begin} to {end}"
        piece = broken(paths[:, begin : end + 1])
        (line,) = ax.plot(*piece.T, color=shade, linewidth=_COLOURED, zorder=1, label=label)
        line.set_rasterized(paths.size > _MOST_VECTOR)
    if color is not None:
        ax.plot(*paths[:, 0].T, zorder=1.5, label=f"{prefix}begin", **_dot(color))


def line_entry(label: str, color: str | None, dashes: str = "-") -> Line2D:
    """What stands for ``draw_plain`` in a legend."""
    look: dict[str, Any] = {"color": color or style.LIGHT_GREY, "linestyle": dashes}
    return Line2D([], [], linewidth=style.THICK, label=label, **look)


def entries_of_time(last: int, *, begin: bool) -> list[Artist]:
    """The colours of time in a legend: first step, middle and last; and if ``begin`` the dots."""
    entries: list[Artist] = [line_entry(f"step {step}", _color_at(step, last)) for step in sorted({0, last // 2, last})]
    return [*entries, Line2D([], [], label="begin", **_dot(style.GREY))] if begin else entries


def _dot(color: str) -> dict[str, Any]:
    return {"linestyle": "none", "marker": "o", "markersize": _BEGIN, "markeredgewidth": 0, "color": color}


def _color_at(step: float, last: int) -> str:
    # No scale that conditions have; the last tenth is as light as the paper.
    return to_hex(mpl.colormaps["plasma"](0.9 * step / max(1, last)))
