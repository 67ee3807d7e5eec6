"""Lines, rings and sheets of fixed or slow points: one object each, not hundreds of points."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra, minimum_spanning_tree
from torch import Tensor

from ..systems import AutonomousMap

_FEWEST = 8
"""Fewer members than this are listed as points."""

_NEUTRAL = 0.1
"""Neighbours belong together if the map is neutral between them: the speed halfway is below this share of what an
eigenvalue 0 would give. It admits time constants of ten steps and more."""

_CROSSING = 100
"""A slow manifold takes at least so many steps to cross at its highest speed; scattered ghosts take fewer."""

_MOST = 1500
"""More candidates than this are thinned before their pairwise distances are taken."""


@dataclass(frozen=True, eq=False)
class Continuum:
    """A connected set of near-neutral fixed or slow points, sampled where starts ended."""

    states: Tensor
    """[m, n]; in order along the curve where ``dimension`` is 1."""

    speeds: Tensor
    """|F(h) - h|_2 of each, [m]: along an approximate attractor they bound how fast a memory drifts (2408.00109)."""

    dimension: int
    """1 for a line or ring, 2 for a sheet, ...: that of the neighbourhoods of its samples."""

    closed: bool
    """Whether a curve returns to its start: a ring rather than a line."""

    hits: int
    """How many of the user's starts ended on it."""

    @property
    def shape(self) -> str:
        if self.dimension == 1:
            return "ring" if self.closed else "line"
        return f"{self.dimension}-dimensional sheet"

    def __repr__(self) -> str:
        zero = max(1e-9, 1e3 * torch.finfo(self.speeds.dtype).eps) * max(1.0, float(self.states.norm(dim=-1).max()))
        what = "fixed points" if self.speeds.max() <= zero else f"slow points, speed <= {self.speeds.max():.1e}"
        return f"{self.shape} of {what}, {len(self.states)} samples, {self.hits} starts"


def find_continua(system: AutonomousMap, states: Tensor, speeds: Tensor) -> list[Tensor]:
    """Groups of rows of ``states`` [m, n], candidates that each have a near-neutral mode, that form one object.

    Neighbours in the minimum spanning tree are linked when the point halfway between them is slow too.
    """
    if len(states) < _FEWEST:
        return []
    chosen = _thinned(len(states), speeds)
    points = states[chosen]
    host = points.double().cpu().numpy()
    tree = minimum_spanning_tree(_distances(host)).tocoo()
    first, second = (torch.from_numpy(ends.astype(np.int64)).to(states.device) for ends in (tree.row, tree.col))
    # Three states between the ends: one alone may be a fixed point itself, as the middle of a symmetric pair is.
    between = [points[first] + share * (points[second] - points[first]) for share in (0.3, 0.5, 0.75)]
    speed = torch.stack([(system(state) - state).norm(dim=-1) for state in between]).amax(dim=0)
    # Halfway between an attracting and a repelling root the speed is |lambda - 1| L / 4; between slow points theirs.
    length = (points[first] - points[second]).norm(dim=-1)
    ends = torch.maximum(speeds[chosen][first], speeds[chosen][second])
    neutral = (speed <= torch.maximum(_NEUTRAL * length / 4, 2 * ends)).cpu().numpy()
    tree.data[~neutral] = 0
    tree.eliminate_zeros()
    count, label = connected_components(tree, directed=False)
    groups = [np.nonzero(label == index)[0] for index in range(count)]
    speed = speeds[chosen].cpu().numpy()
    return [
        chosen[torch.from_numpy(_along(host[group], group))]
        for group in groups
        if len(group) >= _FEWEST and speed[group].max() * _CROSSING <= np.ptp(host[group], axis=0).max()
    ]


def describe(states: Tensor, speeds: Tensor, hits: int) -> Continuum:
    """The continuum whose samples, in order, are ``states`` [m, n]."""
    host = states.double().cpu().numpy()
    distance = _distances(host)
    dimension = _dimension(host, distance)
    edges = distance[np.arange(len(host) - 1), np.arange(1, len(host))]
    # The ends of a ring's walk are neighbours; those of a line, however few its samples, are its length apart.
    closed = dimension == 1 and bool(distance[0, -1] <= min(3 * edges.max(), 0.5 * edges.sum()))
    return Continuum(states, speeds, dimension, closed, hits)


def _thinned(rows: int, speeds: Tensor) -> Tensor:
    if rows <= _MOST:
        return torch.arange(rows, device=speeds.device)
    picked = torch.randperm(rows, generator=torch.Generator().manual_seed(0))[:_MOST]
    return picked.sort().values.to(speeds.device)


def _distances(points: np.ndarray) -> np.ndarray:
    square = (points**2).sum(axis=1)
    gram = square[:, None] + square[None, :] - 2 * points @ points.T
    distance = np.sqrt(np.maximum(gram, 1e-30))  # zero would mean "no edge" to the spanning tree
    np.fill_diagonal(distance, 0.0)
    return distance


def _along(points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """``rows`` in the order in which a walk from one end of their spanning tree meets them."""
    tree = minimum_spanning_tree(_distances(points))
    lengths = dijkstra(tree, directed=False, indices=0)
    end = int(np.argmax(lengths))
    from_end = dijkstra(tree, directed=False, indices=end)
    order, _ = breadth_first_order(tree, end, directed=False)
    return rows[order[np.argsort(from_end[order], kind="stable")]]


def _dimension(points: np.ndarray, distance: np.ndarray) -> int:
    """The median number of directions in which a sample's ten nearest neighbours spread."""
    counts = []
    for row in distance:
        near = points[np.argsort(row)[: min(11, len(points))]]
        spread = np.linalg.svd(near - near.mean(axis=0), compute_uv=False)
        counts.append(int((spread > 0.3 * spread[0]).sum()))
    return max(1, int(np.median(counts)))
