"""From a map to a box that holds its fixed points, and from that to a census."""

import torch
from torch import Tensor

from ...checks import ArrayLike
from ...enclosures import Unenclosed, enclose, trace
from ...systems import AutonomousMap
from ..intervals import Evaluation, Intervals, evaluation_of
from ..keeping import stored
from ..stored_step import StoredStep
from .first_box import first_box
from .rank_space import RankSpace
from .regions import regions
from .rows import Census, Within, census_of_nothing
from .search import Leaves, search, standing_for

_FEW = 6
"""Dimensions up to which boxes are cheap."""

_BUDGET = 100_000

_BUDGET_OF_MANY = 2_000
"""In more dimensions, where a box costs more and either few or far too many are needed."""

_ENDLESS = (
    "no bounded box is known to hold the fixed points: F maps R^n into no bounded set; ask for those within=(lower,"
    " upper)"
)


def counted(
    table: type[Census], system: AutonomousMap, found: ArrayLike | None, within: Within | None, budget: int | None
) -> Census:
    """What ``all_fixed_points`` returns."""
    rank_space = RankSpace.of(system)
    searched = system.ungated() if rank_space is None else rank_space.system
    states = torch.zeros(0, system.state_size) if found is None else system.as_states(found, "found")
    states = states.to(torch.float64) if rank_space is None else rank_space.lower(states.to(torch.float64))
    budget = budget or (_BUDGET if searched.state_size <= _FEW else _BUDGET_OF_MANY)
    try:
        evaluation = evaluation_of(searched)
    except Unenclosed as error:
        return census_of_nothing(table, system.state_size, budget, str(error))
    box, everywhere = first_box(evaluation, searched, within)
    if box is None:
        return census_of_nothing(table, system.state_size, budget, _ENDLESS)
    leaves, interrupted = leaves_of(evaluation, box, budget)
    rows = standing_for(evaluation, leaves.proved, states.cpu())
    undecided = regions(leaves.undecided)
    middles = leaves.proved.middle
    step, lifting = _kept(searched, rank_space)
    return table(
        states=middles if rank_space is None else rank_space.lift(middles),
        lower=leaves.proved.lower,
        upper=leaves.proved.upper,
        rows=None if found is None else first_of_each(rows, len(middles)),
        box=torch.stack([box.lower[0], box.upper[0]]),
        everywhere=everywhere,
        undecided=torch.stack([undecided.lower, undecided.upper]),
        boxes=leaves.boxes,
        budget=budget,
        astray=(rows < 0).nonzero().flatten(),
        step=step,
        lifting=lifting,
        interrupted=interrupted,
        notes=system.notes,
    )


def leaves_of(evaluation: Evaluation, box: Intervals, budget: int) -> tuple[Leaves, bool]:
    """What the search leaves of a box [1, n], which may be empty, and whether Ctrl-C came."""
    return (Leaves(box[:0], box[:0], 0), False) if bool(box.empty.any()) else search(evaluation, box, budget)


def _kept(searched: AutonomousMap, rank_space: RankSpace | None) -> tuple[StoredStep | None, StoredStep | None]:
    """The map that was searched, and what makes states of its own, as data; None of what cannot be kept."""
    try:
        step = stored(enclose(searched).traced)
    except Unenclosed:  # balls cover what intervals do, but for words that no file can hold
        return None, None
    if rank_space is None:
        return step, None
    return step, stored(trace(lambda y: rank_space.lift(y), (torch.zeros(step.state_size, dtype=torch.float64),)))


def first_of_each(rows: Tensor, count: int) -> Tensor:
    """Of fixed points 0 to ``count`` - 1 the number of the first state that stands for each; -1 for none."""
    first = torch.full((count,), -1)
    for number in reversed(range(len(rows))):
        if rows[number] >= 0:
            first[rows[number]] = number
    return first
