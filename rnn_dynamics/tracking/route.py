"""The way from one look to the next: sets followed along the weights that training really had in between."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

from ..stopping import stoppable
from ..systems import AutonomousMap
from .invariant_sets import InvariantSet, InvariantSets, set_on, table, with_sets
from .observation import Passage, Waypoint
from .passages import Ahead, Run, Runs, assembled, orbits_of, runs_along, unreached, with_arrived
from .weight_path import WeightPath

_LEADING = 8
"""Multipliers that are compared, of each set: as many as are kept of a look."""

_FASTER = 2.0
"""By how much a multiplier may be faster on a part of a leg than any is seen to be on a whole one."""

_FUTILE = 1
"""Divisions of a stretch where nothing happens but that something cannot be followed: what fails on a part of it too
fails for another reason than its length."""

_PARTS = 24
"""Into which a stretch where something happened is divided: to follow all sets over a short one costs a fiftieth of
going round a fold, which each round of dividing does anew."""

_MOST_ADDED = 200
"""Sets that following may add between two looks: more than that are points of a line, which has no end."""

_RENEWED = 1.1
"""What is known is told whenever there are so many times the legs, since all of them are gone through for it."""


Search: TypeAlias = Callable[[AutonomousMap], list[InvariantSet]]


@dataclass(frozen=True, eq=False)
class Route:
    """How the sets of one look became those of the next."""

    rows: list[InvariantSet]
    """Of the later look, with those that only following found."""

    way: tuple[Waypoint, ...]
    passage: Passage
    """From the last of ``way``, or else from the earlier look."""

    coarsest: int
    """The most steps of a stretch on which it is not settled what happened; 0 for none."""


def routed(
    path: WeightPath,
    ahead: Ahead,
    rows: list[InvariantSet],
    passage: Passage,
    whole: bool,
    search: Search,
    searches: int,
) -> Route:
    """Locate what happened between two looks among the weights known between them.

    First the straight line from one look to the other was followed (``ahead``, ``passage``). A stretch on which
    something happened (a birth, a death, a crossing, or a set that could not be followed) is halved: at the weights in
    its middle there is what following from either end leads to, and what that meets in a fold. A stretch on which
    nothing happened is taken as that only if no multiplier can have touched the unit circle on the way that the weights
    really went; otherwise it is divided where they are farthest from its straight line, as the whole of it always is.
    So each event comes to lie between two neighbours among the known weights.

    Not seen is what is born and dies again away from everything that is known, and does not live through one of the
    ``searches`` steps, evenly spaced, at which fixed points are searched for too.

    Args:
        path: the weights.
        ahead: the sets of the earlier look, followed along the straight line to the later one.
        rows: of the later look.
        passage: between the two.
        whole: whether all fixed points of both looks are known, so that what they meet in a fold is to be kept too, and
            what ``search`` finds.
        search: for the fixed points of a map.
        searches: at how many steps.
    """
    builder = _Builder(path, ahead, rows, passage, whole)
    with stoppable():  # events are then as coarse as they are
        if whole and searches:
            builder.survey(search, searches)
        builder.build()
    return builder.done


@dataclass(eq=False)
class _Stage:
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


@dataclass(frozen=True)
class _Told:
    """What a passage says of its leg."""

    passage: Passage
    quiet: bool
    """Whether all went on as they were."""

    moved: float
    """The farthest that any multiplier went, from the nearest at the other end."""

    room: float
    """The least that any multiplier and the nearest at the other end are away from the unit circle, together."""


@dataclass(eq=False)
class _Leg:
    """From one stage to the next."""

    first: _Stage
    last: _Stage
    forward: Runs = field(default_factory=dict)  # of rows of ``first``
    back: Runs = field(default_factory=dict)  # of rows of ``last`` that none of those arrived at
    passage: Passage | None = None  # None where it is to be put together anew
    futile: int = 0  # how often it was divided only because something could not be followed
    _told: _Told | None = None

    @property
    def told(self) -> _Told:
        """Put together once for each passage: every leg is asked whenever one is divided."""
        assert self.passage is not None
        if self._told is None or self._told.passage is not self.passage:
            ways = list(_multipliers(self))
            moved = max((float(moved.max()) for moved, _ in ways if len(moved)), default=0.0)
            room = min((float(room.min()) for _, room in ways), default=math.inf)
            self._told = _Told(self.passage, _quiet(self), moved, room)
        return self._told


class _Builder:
    def __init__(self, path: WeightPath, ahead: Ahead, rows: list[InvariantSet], passage: Passage, whole: bool) -> None:
        self._path, self._whole = path, whole
        self._added = self._legs_told = 0
        ends = _Stage(0, [], ahead.sets), _Stage(len(path.steps) - 1, list(rows))
        self._legs = [_Leg(*ends, forward=ahead.runs, passage=passage)]
        self.done = Route(rows, (), passage, path.steps[-1] - path.steps[0])

    def survey(self, search: Search, searches: int) -> None:
        """Divide the whole evenly, and search at the steps between."""
        first, last = self._legs[0].first, self._legs[0].last
        parts = min(last.at, searches + 1)
        corners = [part * last.at // parts for part in range(1, parts)]
        stages = [_Stage(corner, search(self._path.family(corner, corner + 1)(0.0))) for corner in corners]
        self._legs = [_Leg(*ends) for ends in pairwise([first, *stages, last])]
        self._complete()
        self._tell()

    def build(self) -> None:
        """Divide stretches until each is settled; ``done`` is nearly the best that is known at any time."""
        while True:
            pace = self._pace()
            index = next((index for index, leg in enumerate(self._legs) if not self._settled(leg, pace)), None)
            if index is None:
                return self._tell()
            self._divide(index)
            self._complete()
            if len(self._legs) > _RENEWED * self._legs_told:
                self._tell()

    def _tell(self) -> None:
        pace, steps = self._pace(), self._path.steps
        open_legs = [steps[leg.last.at] - steps[leg.first.at] for leg in self._legs if not self._settled(leg, pace)]
        self.done, self._legs_told = self._route(max(open_legs, default=0)), len(self._legs)

    def _complete(self) -> None:
        """Follow along all legs, until no stage lacks what its neighbours know."""
        while True:
            index = next((index for index, leg in enumerate(self._legs) if leg.passage is None), None)
            if index is None:
                return
            earlier, later = self._extend(self._legs[index])
            if earlier and index:
                self._legs[index - 1].passage = None
            if later and index + 1 < len(self._legs):
                self._legs[index + 1].passage = None

    def _extend(self, leg: _Leg) -> tuple[int, int]:
        """Follow what has not been followed on a leg yet; how many sets that added to its first and last stage."""
        family = self._path.family(leg.first.at, leg.last.at)
        sets = leg.first.sets
        led = {set_on(sets, run.end, leg.last.rows[row].period) for row, run in leg.back.items() if _arrived(run)}
        fresh = [
            row for row, period in enumerate(sets.periods.tolist()) if period and row not in led | set(leg.forward)
        ]
        leg.forward |= runs_along(family, orbits_of(sets), fresh, 0.0, 1.0)
        known = len(leg.last.rows)
        leg.last.rows = with_arrived(sets, leg.last.rows, leg.forward, family(1.0))
        fresh = [row for row in unreached(sets, leg.last.rows, leg.forward) if row not in leg.back]
        leg.back |= runs_along(family, orbits_of(leg.last.rows), fresh, 1.0, 0.0)
        leg.passage, gaps = assembled(sets, leg.last.rows, leg.forward, leg.back)
        earlier = 0
        if self._added <= _MOST_ADDED:
            earlier = leg.first.add(family(0.0), [*gaps.before, *(gaps.met_before if self._whole else [])])
            if self._whole:
                leg.last.add(family(1.0), gaps.met_after)
        later = len(leg.last.rows) - known
        if earlier or later:
            leg.passage = None if earlier or len(leg.passage.origins) < len(leg.last.rows) else leg.passage
        self._added += earlier + later
        return earlier, later

    def _divide(self, index: int) -> None:
        leg = self._legs[index]
        first, last = leg.first, leg.last
        if leg.told.quiet:
            corners = [self._path.farthest(first.at, last.at)]
        else:
            # Marching along a short leg costs far less than going round a fold once more, so that few rounds are best.
            parts = min(last.at - first.at, _PARTS)
            corners = [first.at + part * (last.at - first.at) // parts for part in range(1, parts)]
        futile = leg.futile + 1 if _only_lost(leg) else 0
        stages = [first, *(_Stage(corner, []) for corner in corners), last]
        self._legs[index : index + 1] = [_Leg(*ends, futile=futile) for ends in pairwise(stages)]

    def _pace(self) -> float:
        """The fastest that any multiplier went on any quiet leg, per length of its straight line."""
        quiet = [(leg, self._path.straight(leg.first.at, leg.last.at)) for leg in self._legs if leg.told.quiet]
        return max((leg.told.moved / straight for leg, straight in quiet if straight > 0), default=0.0)

    def _settled(self, leg: _Leg, pace: float) -> bool:
        if leg.last.at - leg.first.at == 1:
            return True
        if not leg.told.quiet:
            return _only_lost(leg) and leg.futile >= _FUTILE
        return len(self._legs) > 1 and self._certified(leg, pace)

    def _certified(self, leg: _Leg, pace: float) -> bool:
        """Whether no multiplier can have touched the unit circle on a quiet leg.

        It cannot if its way there and on is longer than it goes: at most twice as fast, per length of the weights' own
        path, as any multiplier went on any quiet leg along the straight line. A leg that comes back to where it began
        says little about itself, but the others do.
        """
        most = _FASTER * pace * self._path.length(leg.first.at, leg.last.at)
        closed = self._path.straight(leg.first.at, leg.last.at) == 0 < self._path.length(leg.first.at, leg.last.at)
        return not closed and leg.told.room > most

    def _route(self, coarsest: int) -> Route:
        """All legs, those on which nothing happened taken together."""
        merged: list[tuple[_Stage, Passage, bool]] = []
        for leg in self._legs:
            assert leg.passage is not None
            quiet = leg.told.quiet
            if merged and quiet and merged[-1][2]:
                merged[-1] = (leg.last, _composed(merged[-1][1], leg.passage), True)
            else:
                merged.append((leg.last, leg.passage, quiet))
        way = tuple(Waypoint(self._path.steps[stage.at], stage.sets, passage) for stage, passage, _ in merged[:-1])
        return Route(list(merged[-1][0].rows), way, merged[-1][1], coarsest)


def _arrived(run: Run) -> bool:
    return run.outcome == "arrived"


def _followable(leg: _Leg) -> tuple[list[int], list[int]]:
    """The fixed points and cycles before and after."""
    before = [row for row, period in enumerate(leg.first.sets.periods.tolist()) if period]
    return before, [row for row, own in enumerate(leg.last.rows) if own.period]


def _quiet(leg: _Leg) -> bool:
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


def _only_lost(leg: _Leg) -> bool:
    """Whether nothing happened but that something could not be followed."""
    passage = leg.passage
    assert passage is not None
    before, after = _followable(leg)
    told = {passage.ends[row] for row in before} | {passage.origins[row] for row in after}
    return not passage.crossings and told <= {"continued", "unresolved"} and "unresolved" in told


def _multipliers(leg: _Leg) -> Iterator[tuple[Tensor, Tensor]]:
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
            yield _nearest(one[:_LEADING], other, n)
            yield _nearest(other[:_LEADING], one, n)


def _nearest(values: Tensor, others: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """As ``_multipliers`` says, to the nearest of ``others``; how far is not said of those whose nearest is not known.

    It is not where the others are fewer than n, the leading ones, and one that was not kept, which lies within the
    smallest modulus, may be nearer.
    """
    apart, nearest = (values[:, None] - others[None]).abs().min(dim=1)
    room = (others[nearest].abs() - 1).abs()
    known = torch.ones_like(room, dtype=torch.bool)
    if len(others) < n:
        least = others.abs().min()
        known = apart <= values.abs() - least
        room = torch.where(known, room, (1 - least).clamp(min=0.0))
    return apart[known], room + (values.abs() - 1).abs()


def _composed(one: Passage, other: Passage) -> Passage:
    """Two quiet passages as one."""
    successors = torch.tensor(
        [-1 if row < 0 else int(other.successors[row]) for row in one.successors.tolist()], dtype=torch.int64
    )
    return replace(
        other,
        successors=successors,
        ends=one.ends,
        end_times=one.end_times,
        end_partners=one.end_partners,
        end_states=one.end_states,
    )
