"""The way from one look to the next: sets followed along the weights that training really had in between."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import torch

from ..stopping import stoppable
from ..systems import AutonomousMap
from .clearing import in_doubt
from .invariant_sets import InvariantSet, set_on
from .legs import Leg, Stage, only_lost
from .observation import Passage, Waypoint
from .passages import Ahead, Run, assembled, orbits_of, runs_along, unreached, with_arrived
from .weight_path import WeightPath

_FASTER = 2.0
"""By how much a multiplier may be faster on a part of a leg than any is seen to be on a whole one."""

_AHEAD = 1.5
"""How many times as fast multipliers are taken to be where they are looked at, since the pace may still rise."""

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
    really went; otherwise it is divided where one may have. So each event comes to lie between two neighbours among the
    known weights.

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


class _Builder:
    def __init__(self, path: WeightPath, ahead: Ahead, rows: list[InvariantSet], passage: Passage, whole: bool) -> None:
        self._path, self._whole = path, whole
        self._added = self._legs_told = 0
        ends = Stage(0, [], ahead.sets), Stage(len(path.steps) - 1, list(rows))
        self._legs = [Leg(*ends, forward=ahead.runs, passage=passage)]
        self.done = Route(rows, (), passage, path.steps[-1] - path.steps[0])

    def survey(self, search: Search, searches: int) -> None:
        """Divide the whole evenly, and search at the steps between."""
        first, last = self._legs[0].first, self._legs[0].last
        parts = min(last.at, searches + 1)
        corners = [part * last.at // parts for part in range(1, parts)]
        stages = [Stage(corner, search(self._path.system(corner))) for corner in corners]
        self._legs = [Leg(*ends) for ends in pairwise([first, *stages, last])]
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

    def _extend(self, leg: Leg) -> tuple[int, int]:
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
            corners = [leg.told.doubt or self._path.farthest(first.at, last.at)]
        else:
            # Marching along a short leg costs far less than going round a fold once more, so that few rounds are best.
            parts = min(last.at - first.at, _PARTS)
            corners = [first.at + part * (last.at - first.at) // parts for part in range(1, parts)]
        futile = leg.futile + 1 if only_lost(leg) else 0
        stages = [first, *(Stage(corner, []) for corner in corners), last]
        self._legs[index : index + 1] = [Leg(*ends, futile=futile) for ends in pairwise(stages)]

    def _pace(self) -> float:
        """The fastest that any multiplier went on any quiet leg, per length of its straight line."""
        quiet = [(leg, self._path.straight(leg.first.at, leg.last.at)) for leg in self._legs if leg.told.quiet]
        return max((leg.told.moved / straight for leg, straight in quiet if straight > 0), default=0.0)

    def _settled(self, leg: Leg, pace: float) -> bool:
        if leg.last.at - leg.first.at == 1:
            return True
        if not leg.told.quiet:
            return only_lost(leg) and leg.futile >= _FUTILE
        return len(self._legs) > 1 and self._certified(leg, pace)

    def _certified(self, leg: Leg, pace: float) -> bool:
        """Whether no multiplier can have touched the unit circle on a quiet leg.

        It is taken to go at most twice as fast, per length of the weights' own path, as any multiplier went on any
        quiet leg along the straight line. Those that come as far as the circle so are looked at one by one. A leg that
        comes back to where it began says little about itself, and is divided.
        """
        told, pace = leg.told, _FASTER * pace
        if self._path.straight(leg.first.at, leg.last.at) == 0 < self._path.length(leg.first.at, leg.last.at):
            return False
        reach = pace * self._path.length(leg.first.at, leg.last.at)
        if told.doubt is None and told.room <= reach and told.pace < pace:
            told.pace = _AHEAD * pace
            told.doubt = in_doubt(self._path, leg, told.pace)
        return told.doubt is None

    def _route(self, coarsest: int) -> Route:
        """All legs, those on which nothing happened taken together."""
        merged: list[tuple[Stage, Passage, bool]] = []
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
