"""How one attractor is drawn, by its kind: a point, a closed polygon, a curve, or a cloud."""

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from ..fixed_points import describe
from . import style
from .classes import Look
from .projection import Projection

_JOINED = 32
"""The states of longer cycles are not joined: their lines would cover them."""

_LONG = 12
"""The states of longer cycles are drawn smaller."""

_GAP = 0.05
"""Samples of a circle that are farther apart than this share of its extent are not joined: what lies between is not
known, and the pieces of a circle in several pieces are not connected."""

_OUTLINE = 0.8
"""Both sides together, in points."""

_DOTS = {"circle": 1.0, "torus": 1.4, "chaotic": 1.1, "continuum": 2.0}
"""Diameters of samples in points."""


def draw_orbit(
    ax: Axes, kind: str, states: Tensor, project: Projection, look: Look, label: str, *, outlined: bool = False
) -> None:
    """Draw the states [k, n] of one attractor where ``project`` puts them; every artist bears ``label``.

    Curves and clouds have the colour of the look's edge, or if ``outlined`` that of its face within that of its edge.
    """
    where = project(states)
    if kind in ("fixed point", "cycle"):
        look = look if len(states) <= _LONG else replace(look, size=0.6 * look.size)
        if 1 < len(states) <= _JOINED:
            path = np.concatenate([where, where[:1]])
            ax.plot(*path.T, color=look.edge, linewidth=style.THIN, zorder=3, label=label)
        look.draw(ax, where, label, zorder=4)
        return
    settings: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": _DOTS[kind], "markeredgewidth": 0}
    if kind == "circle":
        where = _with_gaps(where[_chain(states)])
        settings |= {"linestyle": "-", "linewidth": style.THICK}
    elif kind == "continuum":
        curve = describe(states, states.new_zeros(len(states)), 0)
        if curve.dimension == 1:
            where = np.concatenate([where, where[:1]]) if curve.closed else where
            settings = {"linewidth": 2 * style.THICK, "solid_capstyle": "round"}
    if outlined:
        wider = {name: settings[name] + _OUTLINE for name in ("linewidth", "markersize") if name in settings}
        ax.plot(*where.T, color=look.edge, zorder=2.4, **settings | wider)
    ax.plot(*where.T, color=look.face if outlined else look.edge, zorder=2.5, label=label, **settings)


def legend_entry(kind: str, look: Look, label: str) -> Line2D:
    """What stands for ``draw_orbit`` in a legend."""
    if kind in ("circle", "continuum"):
        width = style.THICK if kind == "circle" else 2 * style.THICK
        return Line2D([], [], color=look.edge, linewidth=width, label=label)
    if kind in ("torus", "chaotic"):
        dot: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 2 * _DOTS[kind], "markeredgewidth": 0}
        return Line2D([], [], color=look.edge, label=label, **dot)
    return Line2D(
        [],
        [],
        linestyle="-" if kind == "cycle" else "none",
        color=look.edge,
        linewidth=style.THIN,
        marker=look.marker,
        markersize=look.size,
        markerfacecolor=look.face,
        markeredgecolor=look.edge,
        label=label,
    )


def _chain(states: Tensor) -> np.ndarray:
    """The rows of ``states`` in the order in which one walks along their curve: always to the nearest one left."""
    rows = states.double().cpu()
    row, order = 0, [0]
    left = np.ones(len(rows), dtype=bool)
    left[0] = False
    while left.any():  # a row of distances at a time: all at once grow as the square of the states
        distance = (rows - rows[row]).norm(dim=-1).numpy()
        row = int(np.where(left, distance, np.inf).argmin())
        left[row] = False
        order.append(row)
    return np.array([*order, 0])


def _with_gaps(path: np.ndarray) -> np.ndarray:
    """``path`` [k, d], interrupted where a step is long."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    long = np.flatnonzero(steps > _GAP * np.ptp(path, axis=0).max())
    return np.insert(path, long + 1, np.nan, axis=0)
