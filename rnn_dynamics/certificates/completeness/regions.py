"""Boxes that touch, put together into regions."""

import numpy as np
import scipy
import torch

from ..intervals import Intervals

_MOST = 3000
"""Boxes that are compared with one another; more are left as they are."""


def regions(boxes: Intervals) -> Intervals:
    """The hull of each connected set of boxes [k, n]."""
    if not 1 < len(boxes) <= _MOST:
        return boxes
    touching = (boxes.lower[:, None] <= boxes.upper) & (boxes.lower <= boxes.upper[:, None])
    count, labels = scipy.sparse.csgraph.connected_components(np.asarray(touching.all(dim=-1)), directed=False)
    of = torch.from_numpy(labels).long().unsqueeze(-1).expand_as(boxes.lower)
    empty = boxes.lower.new_zeros(count, boxes.lower.shape[-1])
    lower = empty.scatter_reduce(0, of, boxes.lower, "amin", include_self=False)
    return Intervals(lower, empty.scatter_reduce(0, of, boxes.upper, "amax", include_self=False))
