"""A census proved again from what it holds."""

from dataclasses import replace

import torch
from torch import Tensor

from ...enclosures import Enclosure
from ..existence import Located, located
from ..intervals import Intervals, OverBalls
from ..keeping import restored
from ..stored_step import StoredStep
from .counting import first_of_each, leaves_of
from .first_box import of_everything
from .regions import regions
from .rows import Census
from .search import standing_for

_SAME = 1e-9
"""Relative: states are the images of the middles of their boxes up to rounding."""


def counted_again(census: Census, step: StoredStep, bits: int) -> Census:
    """What ``FixedPointCensus.check`` returns."""
    map, _ = restored(step)
    evaluation = OverBalls(map, bits)
    claimed = Intervals(census.box[:1], census.box[1:])
    box, everywhere = claimed, False
    if census.everywhere:
        box, everywhere = _everywhere(evaluation, claimed)
    leaves, interrupted = leaves_of(evaluation, box, max(census.budget, 2 * census.boxes))
    everywhere &= _all_meet(leaves.proved, claimed)
    middles = Intervals(census.lower, census.upper).middle
    rows = standing_for(evaluation, leaves.proved, middles)
    places = leaves.proved.middle
    if census.lifting is None:
        states, said = places, middles
    else:
        lift = restored(census.lifting)[1]
        states, said = lift(places), lift(middles)
    confirmed = _alone(map, census.lower, census.upper, bits) & _near(census.states, said) & (rows >= 0)
    confirmed &= torch.isin(torch.arange(len(rows)), first_of_each(rows, len(places)))  # no fixed point twice
    undecided = regions(leaves.undecided)
    first = first_of_each(torch.where(confirmed, rows, -1), len(places))
    missing = int((first < 0).sum()) if census.chosen_from is None else 0
    again = replace(
        census,
        states=states,
        lower=leaves.proved.lower,
        upper=leaves.proved.upper,
        rows=first,
        box=torch.stack([box.lower[0], box.upper[0]]),
        everywhere=everywhere,
        undecided=torch.stack([undecided.lower, undecided.upper]),
        boxes=leaves.boxes,
        astray=(~confirmed).nonzero().flatten(),
        obstacle=_disagreement(int((~confirmed).sum()), missing, census.everywhere and not everywhere),
        interrupted=interrupted,
        chosen_from=None,
    )
    return again if census.chosen_from is None else again[first >= 0]


def _everywhere(evaluation: OverBalls, claimed: Intervals) -> tuple[Intervals, bool]:
    """A box that holds the one claimed and, where one is known, all fixed points of R^n; and whether it does."""
    box = of_everything(evaluation)
    if bool(box.empty.any()):
        return claimed, True
    return (claimed.hull(box), True) if bool(box.width.isfinite().all()) else (claimed, False)


def _all_meet(boxes: Intervals, box: Intervals) -> bool:
    """Whether all boxes [p, n] meet a box [1, n]: fixed points on its wall may be told to a rounding only."""
    return bool(((boxes.lower <= box.upper) & (boxes.upper >= box.lower)).all())


def _alone(map: Enclosure, lower: Tensor, upper: Tensor, bits: int) -> Tensor:
    """Whether each of boxes [p, n] is proved, in so many bits, to hold exactly one fixed point, [p]."""
    boxes = Intervals(lower, upper)
    units = torch.ones(lower.shape[1], dtype=torch.float64)
    return torch.tensor(
        [
            isinstance(place := located(map, middle.unsqueeze(0), units, bits), Located)
            and _holds(low, high, place)
            and bool(((high - place.states[0]).maximum(place.states[0] - low) <= 0.99 * place.radius).all())
            for middle, low, high in zip(boxes.middle, lower, upper, strict=True)
        ],
        dtype=torch.bool,
    )


def _holds(lower: Tensor, upper: Tensor, place: Located) -> bool:
    ends = zip(place.boxes[0].entries(), lower.tolist(), upper.tolist(), strict=True)
    return all(bool(ball >= low) and bool(ball <= high) for ball, low, high in ends)


def _near(states: Tensor, others: Tensor) -> Tensor:
    """Of states [p, n] and others whether they are the same up to rounding, [p]."""
    if states.shape != others.shape:
        return torch.zeros(len(others), dtype=torch.bool)
    return ((states - others).abs() <= _SAME * others.abs().clamp(min=1.0)).all(dim=-1)


def _disagreement(unconfirmed: int, missing: int, bounded: bool) -> str:
    """What of the file is not so, in a sentence; "" where all of it is."""
    said = []
    if unconfirmed:
        said.append(f"{unconfirmed} of its rows not confirmed")
    if missing:
        said.append(f"{missing} more proved that are none of its rows")
    if bounded:
        said.append("no proof that its box holds all fixed points of R^n")
    return f"proved again, not all is as the census says: {'; '.join(said)}" if said else ""
