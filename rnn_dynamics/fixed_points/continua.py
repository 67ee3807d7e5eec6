"""Lines, rings and sheets of fixed or slow points: one object each, not hundreds of points."""

from dataclasses import dataclass

import numpy as np
import scipy
import torch
from torch import Tensor

from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap

_FEWEST = 8
"""Fewer members than this are listed as points."""

_NEUTRAL = 0.1
"""Neighbours belong together if the map is neutral between them: the speed halfway is below this share of what an
eigenvalue 0 would give. It admits time constants of ten steps and more."""

_CROSSING = 100
"""A slow manifold takes at least so many steps to cross at its highest speed; scattered ghosts take fewer."""

_MOST = 1500
"""More candidates than this are thinned before their pairwise distances are taken."""


ENDS = {
    "closed": "it closes upon itself",
    "edge": "it ends at an edge of F",
    "beyond": "it goes on beyond the region of the starts",
    "steps": "it was not followed to its end",
    "": "it ends where the starts did",
}
"""Why the samples of a line end where they do."""

_TREND = 0.9
"""Spearman's correlation of residuals with their place above which they fall towards one end."""

_VARIANCE = 0.95
"""Of the variance: a cloud of slow points has as many dimensions as principal components hold this."""

_MARGIN = 1e-6
"""How near to 1 a modulus across a continuum leaves open whether it attracts."""


@dataclass(frozen=True, eq=False)
class Continuum:
    """A connected set of fixed points, sampled along its length, or of near-neutral slow points where starts ended."""

    states: Tensor
    """[m, n]; in order along the curve where ``dimension`` is 1."""

    speeds: Tensor
    """|F(h) - h|_2 of each, [m]: along an approximate attractor they bound how fast a memory drifts (2408.00109)."""

    dimension: int
    """1 for a line or ring, 2 for a sheet, ...: of fixed points the number of neutral directions; of slow points that
    of the neighbourhoods of the samples, but no more than hold 95 % of their variance."""

    closed: bool
    """Whether a curve returns to its start: a ring rather than a line."""

    hits: int
    """How many of the user's starts ended on it."""

    transverse: Tensor | None = None
    """Max |lambda| across it, of all eigenvalues but the ``dimension`` nearest to 1, [m]: below 1 it attracts."""

    ends: tuple[str, str] = ("", "")
    """Of a line why it ends at its first and last sample: see ``ENDS``."""

    crossings: Tensor | None = None
    """Where others cross a line of fixed points, [c, n]."""

    slow: bool = False
    """Whether its samples are slow points, not fixed ones: beside a coordinate of 1e12 a speed of 1e-3 looks like 0."""

    @property
    def shape(self) -> str:
        if self.dimension == 1:
            return "ring" if self.closed else "line"
        return f"{self.dimension}-dimensional sheet"

    @property
    def variances(self) -> Tensor:
        """The share of the samples' variance that each principal component holds, by falling share."""
        return torch.from_numpy(_variances(self.states.double().cpu().numpy()))

    @property
    def attracting(self) -> float:
        """The share of its samples at which it attracts from all sides; NaN where that is not known, or no side is."""
        if self.transverse is None or self.dimension >= self.states.shape[-1]:
            return float("nan")
        return float((self.transverse < 1 - _MARGIN).double().mean())

    @property
    def name(self) -> str:
        """Its shape, and whether it is an attractor: "line attractor", "ring", ..."""
        if self.attracting != 1:
            return self.shape
        return f"{self.shape} attractor" if self.dimension == 1 else f"{self.dimension}-dimensional attractor"

    def __repr__(self) -> str:
        zero = max(1e-9, 1e3 * torch.finfo(self.speeds.dtype).eps) * max(1.0, float(self.states.norm(dim=-1).max()))
        exact = not self.slow and bool(self.speeds.max() <= zero)
        what = "fixed points" if exact else f"slow points, speed <= {self.speeds.max():.1e}"
        text = f"{self.name} of {what}, {len(self.states)} samples, {self.hits} starts"
        if not exact and not self.closed:
            text += (
                f", {float(self.variances[: self.dimension].sum()):.1%} of the variance in {self.dimension} dimension"
            )
            text += "s" * (self.dimension > 1)
        if 0 < self.attracting < 1:
            text += f", attracting along {self.attracting:.0%}"
        if self.crossings is not None and len(self.crossings):
            text += f", crossed at {len(self.crossings)} point{'s' * (len(self.crossings) > 1)}"
        return text + (", goes on beyond the starts" if "beyond" in self.ends else "")


def find_continua(
    system: AutonomousMap, states: Tensor, speeds: Tensor, fewest: int = _FEWEST, crossing: float = _CROSSING
) -> list[Tensor]:
    """Groups of ``fewest`` rows or more of ``states`` [m, n] that form one object, of ``crossing`` steps at least.

    All are candidates that each have a near-neutral mode. Neighbours in the minimum spanning tree are linked when the
    point halfway between them is slow too.
    """
    if len(states) < fewest:
        return []
    chosen = _thinned(len(states), speeds)
    points = states[chosen]
    host = points.double().cpu().numpy()
    tree = scipy.sparse.csgraph.minimum_spanning_tree(_distances(host)).tocoo()
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
    count, label = scipy.sparse.csgraph.connected_components(tree, directed=False)
    groups = [np.nonzero(label == index)[0] for index in range(count)]
    speed = speeds[chosen].cpu().numpy()
    return [
        chosen[torch.from_numpy(_along(host[group], group))]
        for group in groups
        if len(group) >= fewest and speed[group].max() * crossing <= np.ptp(host[group], axis=0).max()
    ]


def fades_out(states: Tensor, speeds: Tensor) -> bool:
    """Whether |F(h) - h| [m] falls from sample to sample [m, n] towards one end, by two decades and more.

    Along a continuum of fixed points it is rounding, without a trend; where a map fades out, as h + exp(-h), it falls.
    """
    known = speeds > 0
    if int(known.sum()) < _FEWEST:
        return False
    host, logs = states[known].double().cpu().numpy(), np.log10(speeds[known].double().cpu().numpy())
    along = np.linalg.svd(host - host.mean(axis=0), full_matrices=False)[0][:, 0]
    ranks = (scipy.stats.rankdata(along), scipy.stats.rankdata(logs))
    return bool(np.ptp(logs) >= 2.0 and abs(float(np.corrcoef(*ranks)[0, 1])) >= _TREND)


def describe(
    states: Tensor, speeds: Tensor, hits: int, system: AutonomousMap | None = None, slow: bool = False
) -> Continuum:
    """The continuum whose samples, in order, are ``states`` [m, n]; with its ``system``, whether it attracts."""
    host = states.double().cpu().numpy()
    distance = _distances(host)
    held = int((_variances(host).cumsum() < _VARIANCE).sum()) + 1
    dimension = min(_dimension(host, distance), held)
    edges = distance[np.arange(len(host) - 1), np.arange(1, len(host))]
    # The ends of a ring's walk are neighbours; those of a line, however few its samples, are its length apart.
    closed = dimension == 1 and held > 1 and bool(distance[0, -1] <= min(3 * edges.max(), 0.5 * edges.sum()))
    across = None if system is None else transverse_radii(system, states, dimension)
    ends = ("closed", "closed") if closed else ("", "")
    return Continuum(states, speeds, dimension, closed, hits, across, ends, slow=slow)


def transverse_radii(
    system: AutonomousMap, states: Tensor, dimension: int, memory_budget: int = DEFAULT_MEMORY_BUDGET
) -> Tensor:
    """Max |lambda| of DF at states [m, n], but for the ``dimension`` eigenvalues nearest to 1: [m], 0 where none is."""
    parts = [torch.empty(0, dtype=torch.float64)]
    for part in system.chunks(len(states), memory_budget):
        values = system.linearize(states[part])[1].eigenvalues().cpu()
        order = (values - 1).abs().argsort(dim=-1, stable=True)[:, dimension:]
        moduli = values.abs().gather(-1, order).double()
        parts.append(moduli.amax(dim=-1) if moduli.shape[-1] else torch.zeros(len(moduli), dtype=torch.float64))
    return torch.cat(parts)


def along(states: Tensor) -> Tensor:
    """The order [m] in which a walk along states [m, n] of one curve meets them, from one end to the other."""
    rows = _along(states.double().cpu().numpy(), np.arange(len(states)))
    return torch.from_numpy(rows).to(states.device)


def _variances(points: np.ndarray) -> np.ndarray:
    """The share of the variance of points [m, n] along each principal axis, falling."""
    square = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) ** 2
    return square / max(float(square.sum()), 1e-300)


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
    tree = scipy.sparse.csgraph.minimum_spanning_tree(_distances(points))
    lengths = scipy.sparse.csgraph.dijkstra(tree, directed=False, indices=0)
    end = int(np.argmax(lengths))
    from_end = scipy.sparse.csgraph.dijkstra(tree, directed=False, indices=end)
    order, _ = scipy.sparse.csgraph.breadth_first_order(tree, end, directed=False)
    return rows[order[np.argsort(from_end[order], kind="stable")]]


def _dimension(points: np.ndarray, distance: np.ndarray) -> int:
    """The median number of directions in which a sample's ten nearest neighbours spread."""
    counts = []
    for row in distance:
        near = points[np.argsort(row)[: min(11, len(points))]]
        spread = np.linalg.svd(near - near.mean(axis=0), compute_uv=False)
        counts.append(int((spread > 0.3 * spread[0]).sum()))
    return max(1, int(np.median(counts)))
