"""Basins of attraction on a plane."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from ..attractors import BasinMap
from ..checks import ArgumentError, checked
from . import style
from .classes import ATTRACTORS, HATCHES, Look
from .orbits import draw_orbit
from .projection import Projection

_PALE = 0.4
"""The strength of fills: attractors and numbers must stand out."""

_NEAR = 0.05
"""Attractors are drawn if they are no farther from the plane than this share of its longer side."""

_RUGGED = 0.3
"""Borders are drawn if they touch no more than this share of the states: those of fractal basins would cover them."""

_ROOM = 0.02
"""Basins with less room around their deepest state, as a share of the longer side, are too small for a number."""

_OUTLINE: dict[str, Any] = {"edgecolor": style.GREY, "linewidth": style.THIN}

_SPANNING = Look("o", style.BLACK, "none", 7.0)

_LISTED = 12
"""The basins that the legend lists, the largest first."""


@checked
def plot_basins(basins: BasinMap, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw which states of a plane settle on which attractor.

    Each basin has one of eight pale colours, which then begin again, and the number of its attractor; states that
    settle nowhere are hatched. Attractors in or near the plane have the marker of their kind; rings are the points that
    span it.

    Args:
        basins: the result of ``basin_map``.
        ax: where to draw; a new figure, one column wide, by default.
        legend: whether to add the legend, which stands above the axis: kinds, and the share of the plane of each basin.

    Returns:
        The axis.

    Raises:
        ValueError: for another result, or an axis that is not two-dimensional.
    """
    if not isinstance(basins, BasinMap):
        raise ArgumentError("basins", f"must be the BasinMap of basin_map, got {type(basins).__name__}")
    ax = style.axis_for(ax, dimensions=2)
    labels, found = basins.labels.numpy(), basins.attractors
    outcomes = np.array(found.outcomes, dtype=object).reshape(labels.shape)
    names = np.where(labels < 0, outcomes, labels)
    x, y = _edges(basins.x), _edges(basins.y)
    with style.styled():
        _fill(ax, labels, x, y, max(1, len(found)))
        handles: list[Any] = [
            Patch(
                label=f"{row}: {found.kinds[row].noun} ({_percent(labels == row)})",
                facecolor=_pale(row),
                **_OUTLINE,
            )
            for row in np.argsort(-np.bincount(labels[labels >= 0], minlength=len(found)), kind="stable").tolist()
            if (labels == row).any()
        ][:_LISTED]
        handles += _hatch(ax, outcomes, x, y)
        _draw_borders(ax, names, x, y)
        _draw_attractors(ax, basins, x, y)
        corners = basins.points.cpu().numpy()
        handles.append(_SPANNING.draw(ax, corners, "A, B, C: span the plane", zorder=5))
        for name, corner in zip("ABC", corners, strict=True):
            ax.annotate(name, corner, (-6, -6), textcoords="offset points", ha="center", va="center", zorder=6)
        ax.set(xlim=x[[0, -1]], ylim=y[[0, -1]], aspect="equal")
        ax.set_xlabel("distance from A towards B")
        ax.set_ylabel("distance across, towards C")
        if legend:
            style.add_legend(ax, handles)
    return ax


def _edges(centers: Tensor) -> np.ndarray:
    """The borders [k + 1] between states at evenly spaced ``centers`` [k], and outside the first and last."""
    half = float(centers[1] - centers[0]) / 2
    return np.append(centers.cpu().numpy() - half, float(centers[-1]) + half)


def _pale(row: int) -> str:
    return style.tint(style.qualitative(row), _PALE)


def _percent(members: np.ndarray) -> str:
    share = 100 * members.mean()
    return f"{share:.0f} %" if share >= 1 else "< 1 %"


def _fill(ax: Axes, labels: np.ndarray, x: np.ndarray, y: np.ndarray, count: int) -> None:
    colors = ListedColormap([_pale(row) for row in range(count)])
    image = np.ma.masked_less(labels, 0)
    ax.imshow(
        image,
        cmap=colors,
        vmin=-0.5,
        vmax=count - 0.5,
        interpolation="nearest",
        origin="lower",
        zorder=0,
        extent=(x[0], x[-1], y[0], y[-1]),
    )


def _hatch(ax: Axes, outcomes: np.ndarray, x: np.ndarray, y: np.ndarray) -> list[Patch]:
    """Hatch states that settle nowhere."""
    handles = []
    for name, hatch in HATCHES.items():
        members = outcomes == name
        if members.any():
            # Twice per state, at both of its edges, so that the outline runs along the edges.
            corners = (np.repeat(edges, 2)[1:-1] for edges in (x, y))
            mask = members.repeat(2, axis=0).repeat(2, axis=1).astype(float)
            area = ax.contourf(*corners, mask, levels=[0.5, 1.5], colors="none", hatches=[hatch], zorder=1)
            area.set(edgecolor=style.GREY, linewidth=0)
            handles.append(Patch(label=f"{name} ({_percent(members)})", facecolor="white", hatch=hatch, **_OUTLINE))
    return handles


def _draw_borders(ax: Axes, names: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    beside, above = names[:, 1:] != names[:, :-1], names[1:] != names[:-1]
    if (beside.sum() + above.sum()) > _RUGGED * names.size:
        return
    i, j = np.nonzero(beside)
    upright = np.stack([np.stack([x[j + 1], y[i]], 1), np.stack([x[j + 1], y[i + 1]], 1)], axis=1)
    i, j = np.nonzero(above)
    level = np.stack([np.stack([x[j], y[i + 1]], 1), np.stack([x[j + 1], y[i + 1]], 1)], axis=1)
    segments = list(np.concatenate([upright, level]))
    ax.add_collection(
        LineCollection(segments, colors=style.GREY, linewidths=style.THIN, capstyle="projecting", zorder=2)
    )


def _draw_attractors(ax: Axes, basins: BasinMap, x: np.ndarray, y: np.ndarray) -> None:
    """Attractors in or near the plane, and the number of each in its basin."""
    side = max(np.ptp(x), np.ptp(y))
    project = Projection(basins.origin.double().cpu(), basins.directions.double().cpu(), ("", ""))
    labels = np.pad(basins.labels.numpy(), 1, constant_values=-1)
    for row, (kind, orbit) in enumerate(zip(basins.attractors.kinds, basins.attractors.orbits, strict=True)):
        where = project(orbit)
        away = orbit.double().cpu() - project.center - torch.from_numpy(where) @ project.directions
        near = float(away.norm(dim=-1).max()) <= _NEAR * side
        if near:
            look = replace(ATTRACTORS[kind], edge=style.BLACK, face=style.qualitative(row))
            draw_orbit(ax, kind, orbit, project, look, f"attractor {row}", outlined=True)
        depth = np.asarray(distance_transform_edt(labels == row))[1:-1, 1:-1]
        i, j = np.unravel_index(int(depth.argmax()), depth.shape)
        if depth[i, j] * (x[1] - x[0]) < _ROOM * side:
            continue
        middle = (float(x[j : j + 2].mean()), float(y[i : i + 2].mean()))
        beside = near and np.linalg.norm(where - middle, axis=1).min() < 2 * _ROOM * side
        ax.annotate(
            str(row),
            middle,
            (8, 6) if beside else (0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            bbox={"boxstyle": "round,pad=0.1", "facecolor": _pale(row), "edgecolor": "none"},
            zorder=6,
        )
