"""From a map to a box that holds its fixed points, and from that to a census."""

import torch
from torch import Tensor

from ...checks import ArgumentError, ArrayLike, as_vector
from ...enclosures import Unenclosed
from ...systems import AutonomousMap, Box
from ..intervals import Evaluation, Intervals, evaluation_of
from .rank_space import RankSpace
from .regions import regions
from .results import FixedPointCensus, Within, census_of_nothing
from .search import Leaves, search, standing_for

_FEW = 6
"""Dimensions up to which boxes are cheap."""

_BUDGET = 100_000

_BUDGET_OF_MANY = 2_000
"""In more dimensions, where a box costs more and either few or far too many are needed."""

_IMAGES = 20
"""How often F may map a box into a smaller one before the search begins."""

_ENDLESS = (
    "no bounded box is known to hold the fixed points: F maps R^n into no bounded set; ask for those within=(lower,"
    " upper)"
)


def counted(
    system: AutonomousMap, found: ArrayLike | None, within: Within | None, budget: int | None
) -> FixedPointCensus:
    """What ``all_fixed_points`` returns."""
    rank_space = RankSpace.of(system)
    searched = system.ungated() if rank_space is None else rank_space.system
    states = torch.zeros(0, system.state_size) if found is None else system.as_states(found, "found")
    states = states.to(torch.float64) if rank_space is None else rank_space.lower(states.to(torch.float64))
    states = states.cpu()
    budget = budget or (_BUDGET if searched.state_size <= _FEW else _BUDGET_OF_MANY)
    try:
        evaluation = evaluation_of(searched)
    except Unenclosed as error:
        return census_of_nothing(system.state_size, budget, str(error))
    box, everywhere = _first_box(evaluation, searched, within)
    if box is None:
        return census_of_nothing(system.state_size, budget, _ENDLESS)
    if bool(box.empty.any()):
        leaves, interrupted = Leaves(box[:0], box[:0], 0), False
    else:
        leaves, interrupted = search(evaluation, box, budget)
    rows = standing_for(evaluation, leaves.proved, states)
    undecided = regions(leaves.undecided)
    middles = leaves.proved.middle
    return FixedPointCensus(
        states=middles if rank_space is None else rank_space.lift(middles),
        lower=leaves.proved.lower,
        upper=leaves.proved.upper,
        rows=None if found is None else _first_of_each(rows, len(middles)),
        box=torch.stack([box.lower[0], box.upper[0]]),
        everywhere=everywhere,
        undecided=torch.stack([undecided.lower, undecided.upper]),
        boxes=leaves.boxes,
        budget=budget,
        astray=(rows < 0).nonzero().flatten(),
        interrupted=interrupted,
        notes=system.notes,
    )


def _first_box(evaluation: Evaluation, system: AutonomousMap, within: Within | None) -> tuple[Intervals | None, bool]:
    """A bounded box [1, n] to search, and whether it holds all fixed points of R^n.

    Every fixed point lies in X and F(X) if it lies in X, from X = R^n on. Where that stays without bounds, the box that
    the map declares is searched.
    """
    n = evaluation.size
    everything = torch.full((1, n), torch.inf, dtype=torch.float64)
    box = Intervals(-everything, everything)
    for _ in range(_IMAGES):
        before, box = box, box.meet(evaluation.value(box))
        if bool(box.empty.any()) or (torch.equal(before.lower, box.lower) and torch.equal(before.upper, box.upper)):
            break
    if within is not None:
        asked = _asked(within, n)
        everywhere = bool((asked.lower <= box.lower).all()) and bool((asked.upper >= box.upper).all())
        return box.meet(asked), everywhere
    if bool(box.width.isfinite().all()):
        return box, True
    declared = system.box
    if not isinstance(declared, Box):
        return None, False
    corners = (end.to("cpu", torch.float64).unsqueeze(0) for end in (declared.lower, declared.upper))
    return box.meet(Intervals(*corners)), False


def _asked(within: Within, n: int) -> Intervals:
    ends = [
        torch.full((n,), float(end), dtype=torch.float64)
        if isinstance(end, int | float)
        else as_vector(end, "within", n, dtype=torch.float64, device=torch.device("cpu"))
        for end in within
    ]
    lower, upper = (end.unsqueeze(0) for end in ends)
    if not bool((lower < upper).all()):
        raise ArgumentError("within", "must be (lower, upper) with lower < upper in every coordinate")
    return Intervals(lower, upper)


def _first_of_each(rows: Tensor, count: int) -> Tensor:
    """Of fixed points 0 to ``count`` - 1 the number of the first state that stands for each; -1 for none."""
    first = torch.full((count,), -1)
    for number in reversed(range(len(rows))):
        if rows[number] >= 0:
            first[rows[number]] = number
    return first
