"""Sheets of fixed points of two dimensions and more: samples that spread from a few until they cover them."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from .curves import SHARP
from .neutral import Chart, NeutralEquation

_ACROSS = {2: 14.0, 3: 7.0}
"""Samples along the longest side of the region: enough to draw a sheet, and few enough to be found in seconds."""

_MOST = 1200
"""Samples of all sheets together."""

_CROWDED = 0.6
"""Of the spacing: a sample nearer than this to another is not kept."""

_LINKED = 1.75
"""Of the spacing: samples nearer than this may be neighbours."""

_MOST_BEND = 0.5

_FAINT = 0.1
"""Of the refused neighbours: as many whose F(h) - h is barely above rounding, a spacing away, show that F fades out."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """Samples [m, n] that cover a sheet, about ``spacing`` apart."""

    points: np.ndarray
    spacing: float
    dimension: int
    ends: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, points: np.ndarray, dimension: int) -> "Sheet":
        """A sheet from its samples."""
        return cls(points, float(np.median(KDTree(points).query(points, k=2)[0][:, 1])) / _CROWDED, dimension)

    def within(self, which: np.ndarray) -> "Sheet":
        """Some of its samples, of a sheet that goes on beyond them."""
        return Sheet(self.points[which], self.spacing, self.dimension, ("beyond", "beyond"))

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Which of neutral points [k, n] are on it, [k]."""
        return KDTree(self.points).query(points)[0] <= self.spacing


@dataclass(frozen=True, eq=False)
class Spreading:
    """Samples of sheets that were found together."""

    samples: Chart

    spacing: float

    sheet: np.ndarray
    """The number of the sheet of each sample, [k]."""

    fades: bool
    """Whether F(h) - h falls under rounding so gradually that these are no sheets of fixed points."""

    def sheets(self) -> list[Sheet]:
        """Those of more than a few samples."""
        numbers, counts = np.unique(self.sheet, return_counts=True)
        d = self.samples.right.shape[-1]
        members = [self.samples.points[self.sheet == number] for number in numbers[counts > 2 * d]]
        return [Sheet(points, self.spacing, d) for points in members]


def spread(
    equation: NeutralEquation, seeds: Chart, lower: np.ndarray, upper: np.ndarray
) -> Spreading | None:
    """Samples of the sheets through seeds, all of one dimension d.

    Each sample proposes others around it, a spacing away along its null space; those that Newton's method brings onto
    the sheet, that lie within the box and are not crowded are samples in turn. None where no seed has a neighbour.
    """
    d = seeds.right.shape[-1]
    spacing = float((upper - lower).max()) / _ACROSS.get(d, 4.0)
    samples = seeds.rows(_uncrowded(seeds.points, np.empty((0, seeds.points.shape[1])), spacing))
    directions = _directions(d)
    front, grown = samples, False
    refused, faint = 0, 0
    while len(front.points) and len(samples.points) < _MOST:
        offsets = spacing * np.einsum("knd,qd->kqn", front.right, directions)
        guesses = (front.points[:, None] + offsets).reshape(-1, offsets.shape[-1])
        inside = ((guesses >= lower) & (guesses <= upper)).all(axis=1)
        parent = np.repeat(np.arange(len(front.points)), len(directions))[inside]
        guesses = guesses[inside]
        kept = _uncrowded(guesses, samples.points, spacing)
        guesses, parent = guesses[kept], parent[kept]
        found = equation.projected(guesses, front.right[parent], front.left[parent])
        bend = np.linalg.norm(found.points - guesses, axis=1)
        straight = found.usable & (bend <= _MOST_BEND * spacing)
        refused += int((found.drift > 1.0).sum())
        faint += int((straight & (found.drift > 1.0) & (found.drift < SHARP)).sum())
        found = found.rows(np.nonzero(straight & (found.drift <= 1.0))[0])
        front = found.rows(_uncrowded(found.points, samples.points, spacing))
        grown |= bool(len(found.points))
        samples = samples.followed_by(front)
    if not grown:
        return None
    return Spreading(samples, spacing, _connected(equation, samples, spacing), faint > _FAINT * refused)


def _directions(d: int) -> np.ndarray:
    """Unit vectors [q, d]: of a hexagon in the plane, along the axes beyond."""
    if d == 2:
        angles = np.arange(6) * np.pi / 3
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([np.eye(d), -np.eye(d)])


def _uncrowded(points: np.ndarray, others: np.ndarray, spacing: float) -> np.ndarray:
    """The rows of points [k, n] that are not near to any of the others or to one kept before, in order."""
    near = _CROWDED * spacing
    free = np.ones(len(points), dtype=bool)
    if len(points) and len(others):
        free = KDTree(others).query(points)[0] > near
    rows = np.nonzero(free)[0]
    if len(rows) < 2:
        return rows
    around = KDTree(points[rows]).query_ball_point(points[rows], near)
    taken = np.zeros(len(rows), dtype=bool)
    kept = []
    for row in range(len(rows)):
        if not taken[row]:
            kept.append(row)
            taken[around[row]] = True
    return rows[kept]


def _connected(equation: NeutralEquation, samples: Chart, spacing: float) -> np.ndarray:
    """The number of the sheet of each sample: neighbours are on one if it holds what is halfway between them, too."""
    count = len(samples.points)
    pairs = KDTree(samples.points).query_pairs(_LINKED * spacing, output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    middle = 0.5 * (samples.points[first] + samples.points[second])
    between = equation.projected(middle, samples.right[first], samples.left[first])
    near = np.linalg.norm(between.points - middle, axis=1) <= _MOST_BEND * spacing
    linked = near & between.usable & (between.drift <= 1.0)
    graph = coo_matrix((np.ones(int(linked.sum())), (first[linked], second[linked])), shape=(count, count))
    return connected_components(graph, directed=False)[1]
