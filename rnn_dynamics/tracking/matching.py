"""Which set of one observation is which of the next, and what happened between them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
import scipy
import torch
from torch import Tensor

from ..checks import ArgumentError, require_positive
from .identities import Event, Identities
from .invariant_sets import InvariantSets
from .observation import Passage, Waypoint, unfollowed


class Look(Protocol):
    """What is matched: an ``Observation`` of a tracker, or what was seen at one value of any parameter."""

    @property
    def step(self) -> int: ...

    @property
    def sets(self) -> InvariantSets: ...

    @property
    def passage(self) -> Passage | None: ...

    @property
    def way(self) -> tuple[Waypoint, ...]: ...


def match(
    observations: Sequence[Look],
    *,
    max_distance: float = 0.25,
    stability_weight: float = 0.5,
    followed: bool = True,
) -> Identities:
    """Carry identities from each observation to the next.

    What was followed along the line between the weights is certain and taken as it is. The rest is matched so that the
    sum of the costs is least (Hungarian algorithm),

        cost(a, b) = d(a, b) / scale + stability_weight [a stable, b not, or the reverse],

    d the mean distance from each state of one set to the nearest of the other, both ways, and scale the root mean
    square distance of all states seen from their mean. Pairs that cost more than max_distance (plus, where stability
    differs, its weight) are not matched: one has died, the other is born.

    Args:
        observations: in the order of steps.
        max_distance: how far a set may move between two observations, in units of the scale.
        stability_weight: what a change of stability costs.
        followed: False matches by distance and stability alone, from look to look.

    Raises:
        ValueError: for settings out of range.

    Source: Kuhn 1955, doi:10.1002/nav.3800020109; matching as a pass of its own: Datseris, Luiz Rossi and Wagemakers
    2023, doi:10.1063/5.0159675.
    """
    require_positive(max_distance=max_distance)
    if not stability_weight >= 0:
        raise ArgumentError("stability_weight", f"must be 0 or more, got {stability_weight}")
    scale = _scale(observations)
    limits = _Limits(scale, max_distance, stability_weight)
    walk = _Walk(limits)
    for earlier, later in zip((None, *observations), observations, strict=False):
        walk.add(earlier, later, followed)
    steps = torch.tensor([o.step for o in observations], dtype=torch.int64)
    return Identities(tuple(walk.labels), tuple(walk.events), steps, tuple(walk.way))


@dataclass(frozen=True)
class _Limits:
    """What matching by distance goes by; see ``match``."""

    scale: float
    reach: float
    weight: float


@dataclass
class _Walk:
    """Identities and events up to some observation."""

    limits: _Limits
    labels: list[Tensor] = field(default_factory=list)
    way: list[tuple[Tensor, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    fresh: int = 0

    def add(self, earlier: Look | None, later: Look, followed: bool) -> None:
        if earlier is None:
            self.labels.append(self._new(len(later.sets)))
            self.way.append(())
            return
        passage = (later.passage if followed else None) or unfollowed(earlier.sets, later.sets)
        way = later.way if followed else ()
        legs = [
            _Leg(one.step, one.sets, two.step, two.sets, leg)
            for one, two, leg in zip(
                (earlier, *way), (*way, later), (*(waypoint.passage for waypoint in way), passage), strict=True
            )
        ]
        # Circles, tori and chaos cannot be followed: they are matched from look to look.
        waiting = [row for row, period in enumerate(earlier.sets.periods.tolist()) if not period] if way else []
        first, known = self.labels[-1], [self.labels[-1]]
        for leg in legs:
            left_out = set(waiting) if leg is legs[0] else set()
            predecessors = _predecessors(leg, self.limits, left_out)
            own = torch.full((len(leg.after),), -1)
            own[predecessors >= 0] = known[-1][predecessors[predecessors >= 0]]
            last = leg is legs[-1]
            if last and waiting:
                arrived = _matched(earlier.sets, waiting, leg.after, _open_after(leg.passage, own), self.limits)
                for row, source in arrived.items():
                    own[row] = first[source]
            new = own < 0
            own[new] = self._new(int(new.sum()))
            found = _events(leg, known[-1], own, new, predecessors, left_out)
            if last and waiting:
                found += self._unfollowed(earlier, later, waiting, first, own)
            if last and way:
                found = [self._circle(event, earlier, later, legs, [*known[1:], own]) for event in found]
            self.events += sorted(found, key=_order) if way else found
            known.append(own)
        self.labels.append(known[-1])
        unknown = tuple(torch.full((len(waypoint.sets),), -1) for waypoint in later.way)
        self.way.append(tuple(known[1:-1]) if way else unknown)

    def _new(self, count: int) -> Tensor:
        self.fresh += count
        return torch.arange(self.fresh - count, self.fresh)

    def _unfollowed(self, earlier: Look, later: Look, waiting: list[int], before: Tensor, own: Tensor) -> list[Event]:
        """What became of the sets that could not be followed along the way."""
        events = []
        for row in waiting:
            identity = int(before[row])
            rows = (own == identity).nonzero().flatten().tolist()
            change = f"{earlier.sets.kinds[row]} to {later.sets.kinds[rows[0]]}" if rows else ""
            kind = "kind" if rows else "death"
            if not rows or earlier.sets.kinds[row] != later.sets.kinds[rows[0]]:
                nowhere = torch.full((1,), torch.nan, dtype=torch.float64)
                how = change or "unresolved"
                events.append(Event(kind, how, identity, -1, earlier.step, later.step, torch.nan, nowhere))
        return events

    def _circle(self, event: Event, earlier: Look, later: Look, legs: list["_Leg"], labels: list[Tensor]) -> Event:
        """The birth of what cannot be followed, at the place of the Neimark-Sacker point that it came from, if any."""
        row = next(iter((labels[-1] == event.identity).nonzero().flatten().tolist()), -1)
        if event.kind != "birth" or row < 0 or later.sets.periods[row]:
            return event
        sources = [
            (leg, crossing, own)
            for leg, own in zip(legs, labels, strict=True)
            for crossing in leg.passage.crossings
            if crossing.kind == "Neimark-Sacker"
        ]
        if not sources or later.sets.kinds[row] not in ("circle", "torus"):
            return replace(event, before=earlier.step, how="unresolved", at=torch.nan, partner=-1)
        center = later.sets.orbits[row].mean(dim=0)
        leg, crossing, own = min(
            sources, key=lambda source: float((source[0].after.orbits[source[1].row].mean(dim=0) - center).norm())
        )
        return replace(
            event,
            how="Neimark-Sacker",
            partner=int(own[crossing.row]),
            before=leg.first,
            step=leg.last,
            at=leg.first + crossing.t * (leg.last - leg.first),
        )


def _order(event: Event) -> float:
    return event.at if math.isfinite(event.at) else event.step


@dataclass(frozen=True, eq=False)
class _Leg:
    """From one waypoint or look to the next."""

    first: int
    before: InvariantSets
    last: int
    after: InvariantSets
    passage: Passage


def _scale(observations: Sequence[Look]) -> float:
    states = [orbit for o in observations for orbit in o.sets.orbits]
    if not states:
        return 1.0
    every = torch.cat(states)
    spread = float((every - every.mean(dim=0)).norm(dim=-1).square().mean().sqrt())
    return spread if spread > 0 else max(1.0, float(every[0].norm()))


def _predecessors(leg: _Leg, limits: _Limits, waiting: set[int]) -> Tensor:
    """For each set after the row before that it goes on from, or -1; those that wait for the next look are left out."""
    passage = leg.passage
    result = torch.full((len(leg.after),), -1)
    for row, successor in enumerate(passage.successors.tolist()):
        if successor >= 0:
            result[successor] = row
    open_before = [
        row
        for row, end in enumerate(passage.ends)
        if end == "unresolved" and int(passage.successors[row]) < 0 and row not in waiting
    ]
    for row, source in _matched(leg.before, open_before, leg.after, _open_after(passage, result), limits).items():
        result[row] = source
    return result


def _open_after(passage: Passage, known: Tensor) -> list[int]:
    """The rows after that nothing known led to."""
    return [
        row
        for row, origin in enumerate(passage.origins)
        if origin in ("unresolved", "Neimark-Sacker") and int(known[row]) < 0
    ]


def _matched(
    before: InvariantSets, open_before: list[int], after: InvariantSets, open_after: list[int], limits: _Limits
) -> dict[int, int]:
    """The pairs, by row after, whose costs have the least sum."""
    if not open_before or not open_after:
        return {}
    scale, reach, weight = limits.scale, limits.reach, limits.weight
    costs = np.array([[_cost(before, a, after, b, scale, weight) for b in open_after] for a in open_before])
    most = np.array(
        [[reach + weight * bool(before.stable[a] != after.stable[b]) for b in open_after] for a in open_before]
    )
    # What is out of reach must not push aside what is within.
    far = costs > most
    pairs = zip(*scipy.optimize.linear_sum_assignment(np.where(far, 1e6, costs)), strict=True)
    return {open_after[b]: open_before[a] for a, b in pairs if not far[a, b]}


def _cost(before: InvariantSets, a: int, after: InvariantSets, b: int, scale: float, weight: float) -> float:
    kinds = before.kinds[a], after.kinds[b]
    if (kinds[0] == "fixed point") != (kinds[1] == "fixed point"):
        return float("inf")
    apart = torch.cdist(before.orbits[a], after.orbits[b])
    distance = 0.5 * float(apart.amin(dim=0).mean() + apart.amin(dim=1).mean())
    return distance / scale + weight * bool(before.stable[a] != after.stable[b])


def _events(
    leg: _Leg, before: Tensor, own: Tensor, new: Tensor, predecessors: Tensor, waiting: set[int]
) -> list[Event]:
    """What happened on a leg, but to the rows before that wait for the next look."""
    span, passage = leg.last - leg.first, leg.passage

    def event(kind: str, how: str, identity: int, partner: int, t: float, state: Tensor | None = None) -> Event:
        place = torch.full((1,), torch.nan, dtype=torch.float64) if state is None else state
        return Event(kind, how, identity, partner, leg.first, leg.last, leg.first + t * span, place)

    events: list[Event] = []
    alive = set(own.tolist())
    for row, identity in enumerate(before.tolist()):
        if identity not in alive and row not in waiting:
            together = int(passage.end_partners[row])
            partner = int(before[together]) if together >= 0 else -1
            t, state = float(passage.end_times[row]), passage.end_states[row]
            events.append(event("death", passage.ends[row], identity, partner, t, state))
    for row in new.nonzero().flatten().tolist():
        together, missed = int(passage.origin_partners[row]), passage.origins[row] == "missed"
        partner = int(own[together]) if together >= 0 else -1
        kind, how = ("found late", "") if missed else ("birth", passage.origins[row])
        t, state = float(passage.origin_times[row]), passage.origin_states[row]
        events.append(event(kind, how, int(own[row]), partner, t, state))
    for row, predecessor in enumerate(predecessors.tolist()):
        if predecessor < 0:
            continue
        identity = int(own[row])
        was, now = bool(leg.before.stable[predecessor]), bool(leg.after.stable[row])
        if was != now:
            crossing = min((c for c in passage.crossings if c.row == row), key=lambda c: c.t, default=None)
            how, t = ("unresolved", float("nan")) if crossing is None else (crossing.kind, crossing.t)
            events.append(event("stable" if now else "unstable", how, identity, -1, t))
        if leg.before.kinds[predecessor] != leg.after.kinds[row]:
            change = f"{leg.before.kinds[predecessor]} to {leg.after.kinds[row]}"
            events.append(event("kind", change, identity, -1, float("nan")))
    return events


def steps_rise(observations: Sequence[Look]) -> bool:
    """Whether each observation is of a later step than the one before."""
    return all(a.step < b.step for a, b in pairwise(observations))
