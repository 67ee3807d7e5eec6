"""Special points of branches: their markers, and short names beside them where nothing else is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from ..bifurcations import Branch, SpecialPoint
from ..continuation import BifurcationKind
from . import style
from .branch_curves import Height

MARKERS: dict[str, tuple[str, float]] = {
    BifurcationKind.FOLD: ("^", 4.4),
    BifurcationKind.BRANCH_POINT: ("s", 3.6),
    BifurcationKind.FLIP: ("D", 3.6),
    BifurcationKind.NEIMARK_SACKER: ("o", 4.0),
    BifurcationKind.BORDER_COLLISION: ("X", 4.4),
}
"""Shape and size in points, as shapes of equal size do not look equally large; the shapes of a training's timeline."""

_MOST_LABELS = 14

_CROWDED = 0.75
"""The size of markers where they are too many for names, as a share of their usual size."""

_SAME = 1e-4
"""Of the picture's width and height: markers of one kind nearer than this are one."""

_GAP = 3.6
"""Points from the middle of a marker to the box of its name, at the least."""

_RINGS = (1.0, 1.9, 3.0)
"""Distances that are tried, in gaps."""

_DIRECTIONS = 16

_OUTSIDE, _ON_LABEL, _ON_MARKER = 1e4, 1e3, 30.0
"""Costs of a name's place, where a point of a curve under it (one each 2 pixels) costs 1."""


@dataclass(frozen=True, eq=False)
class Mark:
    """A special point where it is drawn."""

    point: SpecialPoint
    x: float
    y: float

    @property
    def filled(self) -> bool:
        """Folds and border collisions, neither super- nor subcritical, are filled as everywhere in the field."""
        return self.point.kind in ("fold", "border collision") or self.point.criticality == "supercritical"


def marks_of(branches: Iterable[Branch], height: Height, size: tuple[float, float]) -> list[Mark]:
    """All special points, each once: where branches meet they share one, of which the judged one is kept."""
    every: list[Mark] = []
    for branch in branches:
        if not branch.special_points:
            continue
        rows = [point.row for point in branch.special_points]
        heights = height(branch.states[rows])
        for point, x, y in zip(branch.special_points, branch.parameters[rows].tolist(), heights, strict=True):
            every.append(Mark(point, x, float(y)))
    every.sort(key=lambda mark: not mark.point.criticality)
    kept: list[Mark] = []
    for mark in every:
        if not any(_same(mark, other, size) for other in kept):
            kept.append(mark)
    return sorted(kept, key=lambda mark: mark.x)


def _same(one: Mark, other: Mark, size: tuple[float, float]) -> bool:
    near = abs(one.x - other.x) <= _SAME * size[0] and abs(one.y - other.y) <= _SAME * size[1]
    return near and one.point.kind == other.point.kind


def draw_marks(ax: Axes, marks: Sequence[Mark]) -> list[Line2D]:
    """Draw the markers of each kind and criticality; returns the legend's entries, in the order of the kinds."""
    scale = _CROWDED if len(marks) > _MOST_LABELS else 1.0
    handles: list[Line2D] = []
    for kind in BifurcationKind:
        own = [mark for mark in marks if mark.point.kind == kind]
        for criticality in sorted({mark.point.criticality for mark in own}, reverse=True):
            group = [mark for mark in own if mark.point.criticality == criticality]
            handle = _handle(group[0], f"{criticality} {kind} ({group[0].point.label})".strip(), scale)
            line = Line2D([mark.x for mark in group], [mark.y for mark in group], zorder=5)
            line.update_from(handle)
            line.set(zorder=5, clip_on=False, label=handle.get_label())
            ax.add_line(line)
            handles.append(handle)
    return handles


def _handle(mark: Mark, label: str, scale: float) -> Line2D:
    marker, size = MARKERS[mark.point.kind]
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=scale * size,
        markeredgewidth=0.7,
        label=label,
        markeredgecolor=style.BLACK,
        markerfacecolor=style.BLACK if mark.filled else "white",
    )


def label_marks(ax: Axes, marks: Sequence[Mark], curves: Sequence[np.ndarray], dots: np.ndarray) -> list[Annotation]:
    """Write LP, BP, PD and NS beside the markers, unless they are many, off curves [m, 2], dots [q, 2] and one another.

    Greedy: each takes the best place that those before it have left.
    """
    if not 0 < len(marks) <= _MOST_LABELS:
        return []
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()  # the layout settles how large the axis is, and so what is near to what
    unit = figure.dpi / 72
    ink = np.concatenate([_dense(ax.transData.transform(curve)) for curve in curves] + [ax.transData.transform(dots)])
    places = ax.transData.transform([(mark.x, mark.y) for mark in marks])
    frame = ax.get_window_extent()
    taken: list[np.ndarray] = []
    labels: list[Annotation] = []
    for mark, place in zip(marks, places, strict=True):
        text = ax.annotate(
            mark.point.label,
            (mark.x, mark.y),
            (0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=style.SMALL,
            zorder=6,
            annotation_clip=False,
        )
        text.set_in_layout(False)
        extent = text.get_window_extent()
        half = 0.5 * np.array([extent.width, 0.72 * extent.height])  # capitals leave room below the line
        centers = place + _offsets(half, _GAP * unit)
        costs = _crowding(centers, half + 1.5 * unit, ink, places, taken)
        beyond = (centers - half < (frame.x0 + unit, frame.y0 + unit)) | (
            centers + half > (frame.x1 - unit, frame.y1 - unit)
        )
        best = centers[int(np.argmin(costs + _OUTSIDE * beyond.any(axis=1)))]
        text.set_position(tuple((best - place) / unit))
        taken.append(np.array([best - half, best + half]))
        labels.append(text)
    return labels


def _offsets(half: np.ndarray, gap: float) -> np.ndarray:
    """Where the middle of a name could be from its marker, [q, 2], nearest first."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS + np.pi / 4
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    around /= np.abs(around).max(axis=1, keepdims=True)  # along a rectangle: a corner keeps its distance too
    return np.concatenate([around * (half + ring * gap) for ring in _RINGS])


def _crowding(
    centers: np.ndarray, half: np.ndarray, ink: np.ndarray, places: np.ndarray, taken: list[np.ndarray]
) -> np.ndarray:
    """What each place [q, 2] would hide, and how far it is."""

    def under(points: np.ndarray) -> np.ndarray:
        return (np.abs(points[None] - centers[:, None]) < half).all(axis=2).sum(axis=1)

    near = ink[(np.abs(ink - centers.mean(axis=0)) < 6 * half.max() + 40).all(axis=1)]
    costs = under(near) + _ON_MARKER * under(places) + 0.5 * np.repeat(np.arange(len(_RINGS)), _DIRECTIONS)
    for low, high in taken:
        costs = costs + _ON_LABEL * ((centers + half > low) & (centers - half < high)).all(axis=1)
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
