"""Sheets of fixed points of two dimensions and more: samples that spread from a few until they cover them."""

from dataclasses import dataclass

import numpy as np
import scipy

from .curves import SHORTEST_STEP, fades
from .neutral import Chart, NeutralEquation

_ACROSS = {2: 14.0, 3: 7.0}
"""Samples along the longest side of what the seeds span: enough to draw a sheet, few enough to be found in seconds."""

_MOST = 1200
"""Samples of all sheets together."""

_CROWDED = 0.6
"""Of the spacing: a sample nearer than this to another is not kept."""

_MOST_BEND = 0.5
"""Of a step, how far a sheet may leave its tangent space."""

_SUBSTEPS = 8
"""Steps in which a neighbour is reached that one step does not reach."""

_RAY_STEPS = 80


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
        nearest = scipy.spatial.KDTree(points).query(points, k=2)[0][:, 1]
        return cls(points, float(np.median(nearest)) / _CROWDED, dimension)

    def within(self, which: np.ndarray) -> "Sheet":
        """Some of its samples, of a sheet that goes on beyond them."""
        return Sheet(self.points[which], self.spacing, self.dimension, ("beyond", "beyond"))

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Which of neutral points [k, n] are on it, [k]."""
        return scipy.spatial.KDTree(self.points).query(points)[0] <= self.spacing


def spread(equation: NeutralEquation, seeds: Chart, lower: np.ndarray, upper: np.ndarray) -> list[Sheet]:
    """The sheets through seeds, all of one dimension d, within a box; none where no seed has a neighbour.

    Each sample proposes others around it, a spacing away along its null space; those that Newton's method brings onto
    the sheet, and that are not crowded, are samples in turn.
    """
    d, n = seeds.right.shape[-1], seeds.points.shape[1]
    own = float(np.ptp(seeds.points, axis=0).max())
    spacing = (own or float((upper - lower).max())) / _ACROSS.get(d, 4.0)
    samples = seeds.rows(_uncrowded(seeds.points, np.empty((0, n)), spacing))
    directions = _directions(d)
    links: list[np.ndarray] = []
    begin = 0
    while begin < len(samples.points) < _MOST:
        front = np.arange(begin, len(samples.points))
        begin = len(samples.points)
        parent = np.repeat(front, len(directions))
        offsets = spacing * np.einsum("knd,qd->kqn", samples.right[front], directions).reshape(-1, n)
        guesses = samples.points[parent] + offsets
        free = ((guesses >= lower) & (guesses <= upper)).all(axis=1)
        free[free] = scipy.spatial.KDTree(samples.points).query(guesses[free])[0] > 0.5 * _CROWDED * spacing
        found, arrived = _stepped(equation, samples.rows(parent[free]), offsets[free])
        found, parent = found.rows(arrived), parent[free][arrived]
        fresh = _uncrowded(found.points, samples.points, spacing)
        samples = samples.followed_by(found.rows(fresh))
        # A sample is linked with whichever is next to what it proposed.
        if len(parent):
            links.append(np.stack([parent, scipy.spatial.KDTree(samples.points).query(found.points)[1]], axis=1))
    if not links:
        return []
    first, second = np.concatenate(links).T
    count = len(samples.points)
    graph = scipy.sparse.coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count))
    label = scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
    groups = [np.nonzero(label == number)[0] for number in range(label.max() + 1)]
    return [Sheet(samples.points[rows], spacing, d) for rows in groups if len(rows) > 2 * d]


def _stepped(equation: NeutralEquation, charts: Chart, offsets: np.ndarray) -> tuple[Chart, np.ndarray]:
    """Where offsets [k, n] in the null spaces lead from points, and the rows that arrived."""
    guesses = charts.points + offsets
    found = equation.projected(guesses, charts.right, charts.left)
    arrived = _straight(found, guesses, offsets)
    rest = np.nonzero(~arrived)[0]
    here, along = charts.rows(rest), offsets[rest] / _SUBSTEPS
    still = np.ones(len(rest), dtype=bool)
    for _ in range(_SUBSTEPS if len(rest) else 0):
        guesses = here.points + along
        there = equation.projected(guesses, here.right, here.left)
        still &= _straight(there, guesses, along)
        here, along = there, _transported(along, there)
    arrived[rest] = still
    for name in ("points", "right", "left", "drift", "usable"):
        getattr(found, name)[rest] = getattr(here, name)
    return found, np.nonzero(arrived)[0]


def _straight(found: Chart, guesses: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    bend = np.linalg.norm(found.points - guesses, axis=1)
    return found.usable & (found.drift <= 1.0) & (bend <= _MOST_BEND * np.linalg.norm(offsets, axis=1))


def _transported(offsets: np.ndarray, charts: Chart) -> np.ndarray:
    """Offsets turned into the null spaces where they led, of the same length."""
    turned = np.einsum("knd,kmd,km->kn", charts.right, charts.right, offsets)
    size = np.linalg.norm(turned, axis=1, keepdims=True)
    return turned * np.linalg.norm(offsets, axis=1, keepdims=True) / np.maximum(size, 1e-300)


def sheet_fades(equation: NeutralEquation, seed: Chart, middle: np.ndarray, reach: np.ndarray) -> bool:
    """Whether F(h) - h falls under rounding so gradually that a claimed sheet through a point (one row) is none.

    Rays leave the point both ways along each neutral direction; one that ends where nothing sharp ends it convicts.
    """
    for direction in _rays(seed.right.shape[-1]):
        here = seed
        along = here.right[0] @ direction
        size = 0.1
        for _ in range(_RAY_STEPS):
            if size < SHORTEST_STEP:
                if fades(equation, here, along):
                    return True
                break
            offset = size * along[None]
            there = equation.projected(here.points + offset, here.right, here.left)
            if not _straight(there, here.points + offset, offset)[0]:
                size /= 4
                continue
            along = _transported(along[None], there)[0]
            here, size = there, 1.5 * size
            if (np.abs(here.points[0] - middle) > reach).any():
                break
    return False


def _rays(d: int) -> np.ndarray:
    return np.concatenate([np.eye(d), -np.eye(d)])


def _directions(d: int) -> np.ndarray:
    """Unit vectors [q, d]: of a hexagon in the plane, along the axes beyond."""
    if d == 2:
        angles = np.arange(6) * np.pi / 3
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return _rays(d)


def _uncrowded(points: np.ndarray, others: np.ndarray, spacing: float) -> np.ndarray:
    """The rows of points [k, n] that are not near to any of the others or to one kept before, in order."""
    near = _CROWDED * spacing
    free = np.ones(len(points), dtype=bool)
    if len(points) and len(others):
        free = scipy.spatial.KDTree(others).query(points)[0] > near
    rows = np.nonzero(free)[0]
    if len(rows) < 2:
        return rows
    around = scipy.spatial.KDTree(points[rows]).query_ball_point(points[rows], near)
    taken = np.zeros(len(rows), dtype=bool)
    kept = []
    for row in range(len(rows)):
        if not taken[row]:
            kept.append(row)
            taken[around[row]] = True
    return rows[kept]
