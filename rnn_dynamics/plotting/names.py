"""Names beside what is drawn, where nothing else is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from . import style

MOST = 14
"""Names beside markers; more would hide what they name."""

_GAP = 3.6
"""Points from the middle of a marker to the box of its name, at the least."""

_RINGS, _LED = (1.0, 1.9, 3.0), (3.0, 4.2, 5.6)
"""Distances that are tried, in gaps; those from which lines lead to the markers."""

_DIRECTIONS = 16

_OUTSIDE, _ON_NAME, _ON_MARKER = 1e4, 1e3, 30.0
"""Costs of a name's place, where a point of a curve under it (one each 2 pixels) costs 1."""


class Name(NamedTuple):
    """A name and the marker that it belongs to."""

    text: str
    x: float
    y: float


def write_names(
    ax: Axes, names: Sequence[Name], curves: Sequence[np.ndarray], dots: np.ndarray, *, led: bool = False
) -> list[Annotation]:
    """Write each beside its marker, unless they are many, off curves [m, 2], dots [q, 2] and one another.

    Greedy: each takes the best place that those before it have left. Where markers of others are near, lines from the
    names have to say which are theirs: then names are ``led``.
    """
    if not 0 < len(names) <= MOST:
        return []
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()  # the layout settles how large the axis is, and so what is near to what
    unit = figure.dpi / 72
    ink = np.concatenate([_dense(ax.transData.transform(curve)) for curve in curves] + [ax.transData.transform(dots)])
    places = ax.transData.transform([(name.x, name.y) for name in names])
    frame = ax.get_window_extent()
    taken: list[np.ndarray] = []
    written: list[Annotation] = []
    rings = _LED if led else _RINGS
    line = {"arrowstyle": "-", "linewidth": style.THIN, "color": style.GREY, "shrinkA": 0, "shrinkB": 0}
    for name, place in zip(names, places, strict=True):
        text = ax.annotate(
            name.text,
            (name.x, name.y),
            (0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=style.SMALL,
            zorder=6,
            annotation_clip=False,
            arrowprops={**line, "relpos": (0.5, 0.5), "zorder": 5} if led else None,
        )
        text.set_in_layout(False)
        extent = text.get_window_extent()
        half = 0.5 * np.array([extent.width, 0.72 * extent.height])  # capitals leave room below the line
        centers = place + _offsets(half, _GAP * unit, rings)
        costs = _crowding(centers, half + 1.5 * unit, ink, places, taken)
        beyond = (centers - half < (frame.x0 + unit, frame.y0 + unit)) | (
            centers + half > (frame.x1 - unit, frame.y1 - unit)
        )
        best = centers[int(np.argmin(costs + _OUTSIDE * beyond.any(axis=1)))]
        text.set_position(tuple((best - place) / unit))
        taken.append(np.array([best - half, best + half]))
        written.append(text)
    return written


def _offsets(half: np.ndarray, gap: float, rings: Sequence[float]) -> np.ndarray:
    """Where the middle of a name could be from its marker, [q, 2], nearest first."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS + np.pi / 4
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    around /= np.abs(around).max(axis=1, keepdims=True)  # along a rectangle: a corner keeps its distance too
    return np.concatenate([around * (half + ring * gap) for ring in rings])


def _crowding(
    centers: np.ndarray, half: np.ndarray, ink: np.ndarray, places: np.ndarray, taken: list[np.ndarray]
) -> np.ndarray:
    """What each place [q, 2] would hide, and how far it is."""

    def under(points: np.ndarray) -> np.ndarray:
        return (np.abs(points[None] - centers[:, None]) < half).all(axis=2).sum(axis=1)

    near = ink[(np.abs(ink - centers.mean(axis=0)) < 6 * half.max() + 40).all(axis=1)]
    costs = under(near) + _ON_MARKER * under(places) + 0.5 * np.repeat(np.arange(len(_RINGS)), _DIRECTIONS)
    for low, high in taken:
        costs = costs + _ON_NAME * ((centers + half > low) & (centers - half < high)).all(axis=1)
    return costs


def _dense(points: np.ndarray) -> np.ndarray:
    """Points [m, 2] of a curve, not more than 2 pixels apart."""
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < 2:
        return points
    steps = np.hypot(*np.diff(points, axis=0).T)
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, arc[-1], min(20_000, int(arc[-1] / 2) + 2))
    return np.stack([np.interp(at, arc, points[:, k]) for k in (0, 1)], axis=1)
