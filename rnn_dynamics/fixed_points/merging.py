"""Which of many converged rows are the same point."""

import numpy as np
import scipy
import torch
from torch import Tensor

from ..systems import warped

_WIDEST = 1e-3
"""Errors estimated as larger than this are no reason to merge."""

_ERROR_FACTOR = 10.0
"""Rows within ten times their estimated errors are the same point. At a triple root, where Newton converges linearly,
the estimate is a seventh of the true error."""


def merge(states: Tensor, residuals: Tensor, errors: Tensor, tolerance: float, units: Tensor | None = None) -> Tensor:
    """Group rows [k, n] that lie within ``tolerance``, or within their errors, of one another.

    Distances are taken between ``warped`` states y, times max(1, |y|), so that a large coordinate does not hide a small
    one; the units are 1 by default.

    Groups are the connected components of that relation, so they do not depend on the order of the rows. A component
    wider than a few tolerances is no point but a continuum sampled finely; its rows stay apart.

    Returns:
        For each row the row that represents it: the one of lowest residual in its group, [k], int64.
    """
    if len(states) < 2:
        return torch.arange(len(states), device=states.device)
    states = states.detach().double()
    points = warped(states, torch.ones_like(states[0]) if units is None else units.double()).cpu().numpy()
    scale = np.maximum(1.0, np.linalg.norm(points, axis=1))
    reach = _ERROR_FACTOR * errors.double().nan_to_num(0.0, posinf=0.0).cpu().numpy()
    radius = np.clip(reach, tolerance * scale, max(tolerance, _WIDEST) * scale)
    residual = residuals.cpu().numpy()

    representative = np.arange(len(points))
    for group in _coarse_groups(points, float(radius.max(initial=0.0))):
        best = group[np.argmin(residual[group])]
        distance = np.linalg.norm(points[group] - points[best], axis=1)
        if (distance <= np.maximum(radius[group], radius[best])).all():
            representative[group] = best
            continue
        for component in _components(points[group], radius[group]):
            rows = group[component]
            best = rows[np.argmin(residual[rows])]
            width = np.linalg.norm(points[rows] - points[best], axis=1).max()
            if width <= 4 * radius[rows].max():
                representative[rows] = best
    return torch.from_numpy(representative).to(states.device)


def _coarse_groups(points: np.ndarray, gap: float) -> list[np.ndarray]:
    """Split rows wherever some line's projections leave a gap: rows within ``gap`` of each other are never parted.

    Returns:
        The groups of two rows or more.
    """
    directions = np.random.default_rng(0).standard_normal((6, points.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    owner = np.zeros(len(points), dtype=int)
    for shadow in directions @ points.T:
        order = np.lexsort((shadow, owner))  # group by group, and along the line in each
        cuts = (np.diff(shadow[order]) > gap) | (np.diff(owner[order]) > 0)
        owner[order] = np.concatenate([[0], cuts.cumsum()])
    order = np.argsort(owner, kind="stable")
    groups = np.split(order, np.nonzero(np.diff(owner[order]))[0] + 1)
    return [group for group in groups if len(group) > 1]


def _components(points: np.ndarray, radius: np.ndarray) -> list[np.ndarray]:
    pairs = scipy.spatial.KDTree(points).query_pairs(float(radius.max()), output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    near = np.linalg.norm(points[first] - points[second], axis=1) <= np.maximum(radius[first], radius[second])
    shape = (len(points), len(points))
    links = scipy.sparse.coo_matrix((np.ones(near.sum()), (first[near], second[near])), shape=shape)
    n_components, labels = scipy.sparse.csgraph.connected_components(links, directed=False)
    return [np.nonzero(labels == label)[0] for label in range(n_components)]
