"""Which orbits of a cell are on the same attractor."""

from collections.abc import Callable
from itertools import combinations

import torch
from torch import Tensor

from ..attractors import Attractors
from .orbits import Conduct, Orbits
from .watch import Watch, distances

_APART = 100.0
"""Two cycles so many tolerances apart are two; those that are nearer but not within four are looked at again."""

_TOGETHER = 4.0


def labels_of(
    orbits: Orbits, each: int, watch: Watch, units: Tensor, search: Callable[[int, Tensor], Attractors]
) -> Tensor:
    """For each of c cells numbers of attractors of its orbits [c, each], -1 where one is on none or it is not told.

    Cycles are compared state by state. Where that does not tell, as with circles and chaos, ``search`` settles the last
    states of the cell anew.
    """
    cells = len(orbits.conducts) // each
    conducts = orbits.conducts.view(cells, each)
    periods = orbits.periods.view(cells, each)
    tails = orbits.tails.view(cells, each, *orbits.tails.shape[1:])
    gone = conducts == Conduct.DIVERGED
    unclear = ((conducts != Conduct.PERIODIC) & ~gone).any(dim=1)
    lengths = watch.lengths(tails.shape[-1])
    labels = torch.arange(each).expand(cells, each).clone()
    for first, second in combinations(range(each), 2):
        state = tails[:, second, :1]
        gaps = distances(tails[:, first] - state, state, units.cpu().double(), lengths).amin(dim=1)
        both = ~gone[:, first] & ~gone[:, second] & (periods[:, first] == periods[:, second])
        same = both & (gaps <= _TOGETHER * watch.tolerance)
        unclear |= both & ~same & (gaps <= _APART * watch.tolerance)
        labels[:, second] = torch.where(same & (labels[:, second] == second), labels[:, first], labels[:, second])
    labels[gone] = -1
    for cell in unclear.nonzero().flatten().tolist():
        alive = ~gone[cell]
        labels[cell] = -1
        labels[cell, alive] = search(cell, tails[cell, alive, 0]).labels.cpu()
    return labels
