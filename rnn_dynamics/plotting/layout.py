"""Where the nodes of a graph of attractors are drawn."""

from collections.abc import Hashable, Mapping
from typing import Any

import networkx as nx
import numpy as np
import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, as_tensor
from .projection import principal

_VIEWS = 200
"""Sides from which states are looked at."""

_BELOW, _APART = 0.25, 0.3
"""How far below the others nodes without a position stand, and at least from one another, as shares of the picture."""


def place(graph: nx.MultiDiGraph, positions: Mapping[Any, ArrayLike] | ArrayLike | None) -> dict[Hashable, np.ndarray]:
    """A point (x, y) for each node: as given, or neighbours near to one another."""
    if positions is None:
        return _by_neighbours(graph)
    if not isinstance(positions, Mapping):
        rows = as_tensor(positions, "positions", dtype=torch.float64, device=torch.device("cpu"))
        attractors = [node for node in graph if isinstance(node, int) or str(node).startswith("attractor ")]
        if rows.ndim != 2 or rows.shape[1] < 2 or len(rows) > len(attractors):
            raise ArgumentError(
                "positions",
                f"must have shape [a, 2 or more] with a row for each of the {len(attractors)} attractors,"
                f" got {list(rows.shape)}",
            )
        # Attractors that were met on the way come last.
        positions = dict(zip(attractors, rows, strict=False))
    if strange := [node for node in positions if node not in graph]:
        raise ArgumentError("positions", f"has nodes that the graph does not have: {strange[:3]}")
    nodes = list(positions)
    rows = [
        as_tensor(positions[node], f"the position of {node}", dtype=torch.float64, device=torch.device("cpu"))
        for node in nodes
    ]
    sizes = {tuple(row.shape) for row in rows}
    if len(sizes) != 1 or len(min(sizes)) != 1 or min(sizes)[0] < 2:
        raise ArgumentError(
            "positions", f"must be points [2] or states [n], all of one size, got {sorted(map(list, sizes))}"
        )
    row_of = {node: row for row, node in enumerate(nodes)}
    links = [(row_of[a], row_of[b]) for a, b in graph.edges() if a != b and a in row_of and b in row_of]
    flat = _flat(torch.stack(rows), np.array(links, dtype=int).reshape(-1, 2))
    placed: dict[Hashable, np.ndarray] = dict(zip(nodes, flat, strict=True))
    corner, width = _box(np.stack(list(placed.values())))
    rest = [node for node in graph if node not in placed]
    apart = max(_APART, 1 / max(1, len(rest)))
    for index, node in enumerate(rest):
        across = 0.5 + (index - (len(rest) - 1) / 2) * apart
        placed[node] = corner + width * np.array([across, -_BELOW])
    return placed


def _flat(rows: Tensor, links: np.ndarray) -> np.ndarray:
    """Points [k, 2] as they are; states [k, n] in the space of their first three principal components.

    They are seen from the side from which no point is close to another, or to one of the ``links`` [e, 2] of others.
    """
    if rows.shape[1] == 2:
        return rows.numpy()
    solid = principal([rows], 3)(rows)
    seen = [solid @ view for view in _views()]
    best = torch.from_numpy(max(seen, key=lambda flat: _clearance(flat, links)))
    return principal([best], 2)(best)  # broad rather than tall


def _clearance(flat: np.ndarray, links: np.ndarray) -> float:
    """The least distance of a point [k, 2] to another, or to a link between two others."""
    others = np.linalg.norm(flat[:, None] - flat, axis=2)
    np.fill_diagonal(others, np.inf)
    start, along = flat[links[:, 0]], flat[links[:, 1]] - flat[links[:, 0]]
    offset = flat[:, None] - start
    share = (offset * along).sum(axis=2) / np.maximum((along**2).sum(axis=1), 1e-300)
    gap = np.linalg.norm(offset - share.clip(0, 1)[..., None] * along, axis=2)
    gap[links.T, np.arange(len(links))] = np.inf  # of a link's own ends
    return float(min(others.min(initial=np.inf), gap.min(initial=np.inf)))


def _views() -> list[np.ndarray]:
    """Planes [3, 2] whose normals lie evenly on half a sphere, along a spiral; the first is that of the first axes."""
    result = []
    for index in range(_VIEWS):
        height, angle = 1 - index / _VIEWS, index * np.pi * (3 - np.sqrt(5))
        side = np.sqrt(1 - height**2)
        normal = np.array([[side * np.cos(angle)], [side * np.sin(angle)], [height]])
        result.append(np.linalg.svd(normal)[0][:, 1:])
    return result


def _box(points: np.ndarray) -> tuple[np.ndarray, float]:
    """The lower left corner, and the length of the longer side."""
    return points.min(axis=0), float(np.ptp(points, axis=0).max()) or 1.0


def _by_neighbours(graph: nx.MultiDiGraph) -> dict[Hashable, np.ndarray]:
    plain = nx.Graph(graph)
    steps = {node: dict(lengths) for node, lengths in nx.all_pairs_shortest_path_length(plain)}
    far = 1 + max((step for lengths in steps.values() for step in lengths.values()), default=0)
    distances = {a: {b: steps[a].get(b, far) for b in plain} for a in plain}
    return nx.kamada_kawai_layout(plain, dist=distances)
