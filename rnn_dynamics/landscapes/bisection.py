"""The first place on a way at which an attractor is left, for many ways at once."""

from collections.abc import Callable

import torch
from torch import Tensor

from .sides import Sides, left

_SECTIONS = 15
"""Places between the two ends that are settled at a time: sixteen times nearer with each batch."""

Ways = Callable[[Tensor, Tensor], Tensor]
"""From rows [k] and shares [k] of their ways, 0 to 1, to the states there, [k, n]."""


def first_exits(ways: Ways, own: Tensor, sides: Sides, width: float) -> tuple[Tensor, Tensor, Tensor]:
    """Between which shares of each way the attractor is left, to within ``width``, and for which side.

    Each way begins in the basin of ``own`` [q]; the first of its sections that leads elsewhere is taken, so that a
    narrower excursion before it may be missed. States that settle nowhere lie on the boundary, and are passed over.

    Returns:
        The last share that was seen to come back, the first that was seen to leave, and the side there; NaN, NaN and
        ``own`` for ways that are nowhere seen to leave.
    """
    count = len(own)
    low, high = torch.zeros(count, dtype=torch.float64), torch.full((count,), torch.nan, dtype=torch.float64)
    target = own.clone()
    rows = torch.arange(count)
    top = torch.ones(count, dtype=torch.float64)
    while len(rows):
        shares = torch.arange(1, _SECTIONS + 2, dtype=torch.float64) / (_SECTIONS + 1)
        places = low[rows, None] + (top[rows] - low[rows])[:, None] * shares
        seen = sides(ways(rows.repeat_interleave(len(shares)), places.flatten())).view(len(rows), -1)
        gone = left(seen, own[rows, None])
        going = gone.any(dim=1)
        kept = []
        for index in going.nonzero().flatten().tolist():
            row, first = int(rows[index]), int(gone[index].long().argmax())
            back = (seen[index, :first] == own[row]).nonzero().flatten()
            last = int(back[-1]) if len(back) else -1
            high[row], target[row] = places[index, first], seen[index, first]
            low[row] = places[index, last] if last >= 0 else low[row]
            top[row] = high[row]
            if high[row] - low[row] > width * high[row] and first - last == 1:
                kept.append(row)  # else nothing between them settles: as close as can be told
        rows = torch.tensor(kept, dtype=torch.long)
    return torch.where(high.isnan(), torch.nan, low), high, target
