"""Where the nodes of a graph of attractors are drawn."""

from collections.abc import Hashable, Mapping
from typing import Any

import networkx as nx
import numpy as np
import torch
from torch import Tensor

from ..checks import ArrayLike, as_tensor
from .projection import principal

_VIEWS = 200
"""Sides from which states are looked at."""

_BELOW = 0.25
"""How far below the others nodes without a position stand, as a share of the picture."""


def place(graph: nx.MultiDiGraph, positions: Mapping[Any, ArrayLike] | ArrayLike | None) -> dict[Hashable, np.ndarray]:
    """A point (x, y) for each node: as given, or neighbours near to one another."""
    if positions is None:
        return _by_neighbours(graph)
    if not isinstance(positions, Mapping):
        rows = as_tensor(positions, "positions", dtype=torch.float64, device=torch.device("cpu"))
        attractors = [node for node in graph if isinstance(node, int) or str(node).startswith("attractor ")]
        if rows.ndim != 2 or rows.shape[1] < 2 or len(rows) > len(attractors):
            raise ValueError(
                f"positions must have shape [a, 2 or more] with a row for each of the {len(attractors)} attractors,"
                f" got {list(rows.shape)}"
            )
        # Attractors that were met on the way come last.
        positions = dict(zip(attractors, rows, strict=False))
    if strange := [node for node in positions if node not in graph]:
        raise ValueError(f"positions has nodes that the graph does not have: {strange[:3]}")
    nodes = list(positions)
    rows = [
        as_tensor(positions[node], f"the position of {node}", dtype=torch.float64, device=torch.device("cpu"))
        for node in nodes
    ]
    sizes = {tuple(row.shape) for row in rows}
    if len(sizes) != 1 or len(min(sizes)) != 1 or min(sizes)[0] < 2:
        raise ValueError(f"positions must be points [2] or states [n], all of one size, got {sorted(map(list, sizes))}")
    placed: dict[Hashable, np.ndarray] = dict(zip(nodes, _flat(torch.stack(rows)), strict=True))
    corner, width = _box(np.stack(list(placed.values())))
    rest = [node for node in graph if node not in placed]
    for index, node in enumerate(rest):
        placed[node] = corner + width * np.array([(index + 0.5) / len(rest), -_BELOW])
    return placed


def _flat(rows: Tensor) -> np.ndarray:
    """Points [k, 2] as they are; states [k, n] in the space of their first three principal components.

    They are seen from the side from which the closest two are farthest apart.
    """
    if rows.shape[1] == 2:
        return rows.numpy()
    solid = principal([rows], 3)(rows)
    seen = [solid @ view for view in _views()]
    first, second = np.triu_indices(len(rows), 1)
    closest = [np.linalg.norm(flat[first] - flat[second], axis=1).min(initial=np.inf) for flat in seen]
    best = torch.from_numpy(seen[int(np.argmax(closest))])
    return principal([best], 2)(best)  # broad rather than tall


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
