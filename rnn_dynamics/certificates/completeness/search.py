"""Branch and prune: every fixed point in a box is in one of the boxes that are left."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...progress import count
from ...stopping import go_on, stoppable
from ..intervals import Evaluation, Intervals, contracted, joined, krawczyk, preconditioned

_BATCH = 1024

_SMALLEST = 2.0**-20
"""Of the first box, in each coordinate: a narrower box that is not decided is set aside, as at a degenerate point none
ever is."""

_INFLATION = 0.1
"""Of a box's width, by which it grows on each side before Krawczyk's test: a zero on its wall is then inside."""

_GRAIN = 1e-13
"""More of it, relative to what numbers are there: the width of a box that rounding alone is left of."""

_NEAR = 1e-6

_SHRINKING = 0.9
"""A box that becomes no smaller than this share of it is as tight as it gets."""

_CUT = 0.5078125
"""Where an edge is cut: not in its middle, where symmetric maps have their zeros."""

_LITTLE = 0.7
"""A box that a round leaves more of than this, in its widest coordinate, is cut."""


@dataclass(frozen=True, eq=False)
class Leaves:
    """What the search left of a box: outside of these boxes there is no fixed point."""

    proved: Intervals
    """[p, n]: exactly one fixed point in each, and no two are one."""

    undecided: Intervals
    """[u, n]: none, one or more in each."""

    boxes: int
    """How many were looked at."""


def search(evaluation: Evaluation, box: Intervals, budget: int) -> tuple[Leaves, bool]:
    """All fixed points in a box [1, n], looking at ``budget`` boxes at most, and whether Ctrl-C came."""
    waiting, proved, aside, looked = box, _none(box), _none(box), 0
    smallest = box.width * _SMALLEST
    with stoppable() as stop:
        while len(waiting) and looked < budget:
            go_on()
            batch = waiting[: min(_BATCH, budget - looked)]
            left, system = contracted(evaluation, batch)
            kept = ~left.empty
            left, spread = left[kept], system.spread[kept]
            found, isolated = _isolated(evaluation, left, system.contraction[kept] < 1.0)
            known, unclear = _distinct(evaluation, proved, found, box)
            small = ~isolated & (batch[kept].width <= smallest).all(dim=-1)
            rest = ~isolated & ~small
            halves = _cut(batch[kept][rest], left[rest], spread[rest])
            # All at once, so that a box is always on one list when Ctrl-C comes.
            proved, aside, waiting, looked = (
                known,
                joined([aside, left[small], unclear]),
                joined([waiting[len(batch) :], halves]),
                looked + len(batch),
            )
            count(len(batch))
    return Leaves(proved, joined([aside, waiting]), looked), bool(stop)


def _none(like: Intervals) -> Intervals:
    return like[:0]


def _isolated(evaluation: Evaluation, boxes: Intervals, promising: Tensor) -> tuple[Intervals, Tensor]:
    """Boxes with exactly one fixed point each, that together hold all of those boxes [k, n] that are marked, [k]."""
    marked = promising.clone()
    if not bool(promising.any()):
        return _none(boxes), marked
    inflated = _inflated(boxes[promising])
    _, one = krawczyk(evaluation, inflated)
    marked[promising] = one
    return _tightened(evaluation, inflated[one]), marked


def _tightened(evaluation: Evaluation, boxes: Intervals) -> Intervals:
    """Krawczyk's operator again and again, which converges as Newton's method does once boxes are small, until none of
    them becomes much smaller.
    """
    shrinking = bool(len(boxes))
    while shrinking:
        image, _ = krawczyk(evaluation, boxes)
        before, boxes = boxes, boxes.meet(image)
        shrinking = bool((boxes.width.amax(dim=-1) < _SHRINKING * before.width.amax(dim=-1)).any())
    return boxes


def _inflated(boxes: Intervals) -> Intervals:
    more = _INFLATION * boxes.width + _GRAIN * (1.0 + boxes.magnitude)
    return Intervals(boxes.lower - more, boxes.upper + more)


def _distinct(
    evaluation: Evaluation, known: Intervals, found: Intervals, box: Intervals
) -> tuple[Intervals, Intervals]:
    """Boxes of distinct fixed points, those found put to those known, and boxes of which it is not clear.

    Two that meet hold the same point where their hull holds one at most; those outside of the first box are none of it.
    """
    unclear = [_none(known)]
    found = found[_meet(found, box)]
    if len(known) and len(found):
        for begin in range(0, len(known), _BATCH):
            part = known[begin : begin + _BATCH]
            mine, theirs = _meet(Intervals(found.lower[:, None], found.upper[:, None]), part).nonzero().unbind(1)
            if len(mine):
                same = _at_most_one(evaluation, found[mine].hull(part[theirs]))
                unclear.append(found[mine[~same]])
                found = found[~torch.isin(torch.arange(len(found)), mine)]
    while len(found):
        first, others = found[:1], found[1:]
        known = joined([known, first])
        near = _meet(others, first)
        if bool(near.any()):
            same = _at_most_one(evaluation, others[near].hull(first))
            unclear.append(others[near][~same])
        found = others[~near]
    return known, joined(unclear)


def _meet(a: Intervals, b: Intervals) -> Tensor:
    return ((a.lower <= b.upper) & (b.lower <= a.upper)).all(dim=-1)


def _at_most_one(evaluation: Evaluation, boxes: Intervals) -> Tensor:
    _, derivative = evaluation.linearize(boxes)
    return preconditioned(evaluation, boxes, derivative).contraction < 1.0


def _cut(before: Intervals, boxes: Intervals, spread: Tensor) -> Intervals:
    """Both halves of boxes that the last round left much of, and the others whole.

    Cut is the coordinate by which F varies most over the box.
    """
    if not len(boxes):
        return boxes
    shrunk = boxes.width.amax(dim=-1) < _LITTLE * before.width.amax(dim=-1)
    whole, halved, spread = boxes[shrunk], boxes[~shrunk], spread[~shrunk]
    if not len(halved):
        return whole
    # What is as narrow as floats go cannot be cut.
    divisible = halved.width > _GRAIN * (1.0 + halved.magnitude)
    edge = torch.where(divisible, spread, -1.0).argmax(dim=-1, keepdim=True)
    low, high = halved.lower.gather(1, edge), halved.upper.gather(1, edge)
    at = low + _CUT * (high - low)
    return joined(
        [
            whole,
            Intervals(halved.lower, halved.upper.scatter(1, edge, at)),
            Intervals(halved.lower.scatter(1, edge, at), halved.upper),
        ]
    )


def standing_for(evaluation: Evaluation, proved: Intervals, states: Tensor) -> Tensor:
    """Which of the fixed points in boxes [p, n] each of the states [k, n] stands for, [k]; -1 where it is not sure.

    It stands for one that is within a millionth of max(1, |h_i|), as searches merge what is nearer, where the hull of
    both holds one fixed point at most.
    """
    rows = torch.full((len(states),), -1)
    if not len(proved) or not len(states):
        return rows
    nearest = torch.cdist(states, proved.middle).argmin(dim=-1)
    hull = proved[nearest].hull(Intervals.exactly(states))
    near = (hull.width <= _NEAR * states.abs().clamp(min=1.0)).all(dim=-1)
    same = near & _at_most_one(evaluation, hull)
    return torch.where(same, nearest, rows)
