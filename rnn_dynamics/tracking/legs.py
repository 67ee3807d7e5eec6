"""A stretch of the weights between two looks, and what following along it tells."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..systems import AutonomousMap
from .invariant_sets import InvariantSet, InvariantSets, table, with_sets
from .observation import Passage
from .passages import Runs

_LEADING = 8
"""Multipliers that are compared, of each set: as many as are kept of a look."""


@dataclass(eq=False)
class Stage:
    """A step whose weights are known, and what there is; rows are only ever added."""

    at: int  # in the path
    rows: list[InvariantSet]
    given: InvariantSets | None = None  # of the earlier look, which is as it is

    @property
    def sets(self) -> InvariantSets:
        return table(self.rows) if self.given is None else self.given

    def multipliers(self, row: int) -> Tensor:
        """Those of a set that are known, by falling modulus: of what an earlier look gave the leading ones."""
        if self.given is None:
            return self.rows[row].multipliers.cpu()
        values = self.given.multipliers[row]
        return values[~values.isnan()]

    def add(self, system: AutonomousMap, states: Sequence[tuple[int, Tensor]]) -> int:
        """Enter sets that following came upon; how many were new."""
        if self.given is not None:
            return 0
        before = len(self.rows)
        self.rows = with_sets(system, self.rows, states)
        return len(self.rows) - before


@dataclass
class Told:
    """What a passage says of its leg."""

    passage: Passage
    quiet: bool
    """Whether all went on as they were."""

    moved: float
    """The farthest that any multiplier went, from the nearest at the other end."""

    room: float
    """The least that any multiplier and the nearest at the other end are away from the unit circle, together."""

    pace: float = 0.0
    """No multiplier that goes no faster than this can have touched the unit circle, but for a ``doubt``."""

    doubt: int | None = None
    """The corner where one may have."""


@dataclass(eq=False)
class Leg:
    """From one stage to the next."""

    first: Stage
    last: Stage
    forward: Runs = field(default_factory=dict)  # of rows of ``first``
    back: Runs = field(default_factory=dict)  # of rows of ``last`` that none of those arrived at
    passage: Passage | None = None  # None where it is to be put together anew
    futile: int = 0  # how often it was divided only because something could not be followed
    _told: Told | None = None

    @property
    def told(self) -> Told:
        """Put together once for each passage: every leg is asked whenever one is divided."""
        assert self.passage is not None
        if self._told is None or self._told.passage is not self.passage:
            ways = list(_multipliers(self))
            moved = max((float(moved.max()) for moved, _ in ways if len(moved)), default=0.0)
            room = min((float(room.min()) for _, room in ways), default=math.inf)
            self._told = Told(self.passage, _quiet(self), moved, room)
        return self._told


def _followable(leg: Leg) -> tuple[list[int], list[int]]:
    """The fixed points and cycles before and after."""
    before = [row for row, period in enumerate(leg.first.sets.periods.tolist()) if period]
    return before, [row for row, own in enumerate(leg.last.rows) if own.period]


def _quiet(leg: Leg) -> bool:
    """Whether all went on as they were."""
    passage = leg.passage
    assert passage is not None
    before, after = _followable(leg)
    if passage.crossings or any(passage.ends[row] != "continued" for row in before):
        return False
    if any(passage.origins[row] != "continued" for row in after):
        return False
    stable = leg.first.sets.stable.tolist()
    return all(stable[row] == leg.last.rows[int(passage.successors[row])].stable for row in before)


def only_lost(leg: Leg) -> bool:
    """Whether nothing happened but that something could not be followed."""
    passage = leg.passage
    assert passage is not None
    before, after = _followable(leg)
    told = {passage.ends[row] for row in before} | {passage.origins[row] for row in after}
    return not passage.crossings and told <= {"continued", "unresolved"} and "unresolved" in told


def _multipliers(leg: Leg) -> Iterator[tuple[Tensor, Tensor]]:
    """Of all sets that go on: how far leading multipliers are from the nearest at the other end, and their room.

    The room is ||mu| - 1| + ||nu| - 1|: no shorter way leads from mu by the unit circle to nu.
    """
    passage = leg.passage
    assert passage is not None
    for row, after in enumerate(passage.successors.tolist()):
        if after < 0:
            continue
        one, other, n = leg.first.multipliers(row), leg.last.multipliers(after), leg.last.rows[after].orbit.shape[1]
        if len(one) and len(other):
            yield nearest(one[:_LEADING], other, n)
            yield nearest(other[:_LEADING], one, n)


def nearest(values: Tensor, others: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """As ``_multipliers`` says, to the nearest of ``others``; how far is not said of those whose nearest is not known.

    It is not where the others are fewer than n, the leading ones, and one that was not kept, which lies within the
    smallest modulus, may be nearer.
    """
    apart, which = (values[:, None] - others[None]).abs().min(dim=1)
    room = (others[which].abs() - 1).abs()
    known = torch.ones_like(room, dtype=torch.bool)
    if len(others) < n:
        least = others.abs().min()
        known = apart <= values.abs() - least
        room = torch.where(known, room, (1 - least).clamp(min=0.0))
    return apart[known], room + (values.abs() - 1).abs()
