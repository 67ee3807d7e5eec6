"""Which points are one: the best of each neighbourhood, whatever the order of the rows."""

from typing import Any

import numpy as np


def best_apart(
    data: np.ndarray[Any, Any], cost: np.ndarray[Any, Any], tolerance: float
) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Rows of ``data`` [n, d] that are kept so that none is within ``tolerance`` of another, in rising order.

    The row of least cost [n] is kept, what lies within ``tolerance`` of it dropped, and so on with the rest. So every
    row dropped lies near to a kept one of no greater cost, a chain of close points keeps one in every stretch, and
    another order of the rows gives the same points; ties are decided by the data themselves.
    """
    order = np.lexsort((*data.T[::-1], np.nan_to_num(cost, nan=np.inf)))
    rest, kept = order, []
    while len(rest):
        kept.append(rest[0])
        near = np.linalg.norm(data[rest] - data[rest[0]], axis=1) <= tolerance
        near[0] = True  # a row with NaN is near to nothing
        rest = rest[~near]
    return np.sort(np.array(kept, dtype=np.intp))
