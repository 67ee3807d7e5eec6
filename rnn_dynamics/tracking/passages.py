"""How the sets of one checkpoint became those of the next: followed along the straight line between the weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch
from torch import Tensor

from ..checks import NoWeights
from ..continuation import Followed, Special, follow
from ..families import DifferentiableFamily, Interpolation, between, iterated
from ..stopping import stoppable
from ..systems import AutonomousMap, DrivenMap, apart
from .invariant_sets import InvariantSet, InvariantSets, set_on, with_sets
from .observation import Crossing, Passage

_RELATIVE_STEP = 6e-6
"""Of the weights, for differences: the cube root of float64's precision, where rounding and truncation balance."""

_NEAR = 1e-3
"""A fold and a crossing within this of each other, in t and in states (``systems.apart``), are one event."""


@dataclass(frozen=True, eq=False)
class Ahead:
    """The sets before, with each fixed point and cycle followed to the later weights."""

    family: DifferentiableFamily
    sets: InvariantSets
    groups: dict[int, tuple[list[int], Followed]]  # by period: the rows before, and how each went
    looks: int = 1
    """Of ``follow``."""

    @property
    def runs(self) -> "Runs":
        """How each went, by row."""
        return {row: run for rows, followed in self.groups.values() for row, run in runs_of(rows, followed).items()}

    @property
    def arrived_points(self) -> list[Tensor]:
        """The fixed points at the later weights that following led to, [n] each."""
        if 1 not in self.groups:
            return []
        followed = self.groups[1][1]
        return [end for end, outcome in zip(followed.ends, followed.outcomes, strict=True) if outcome == "arrived"]


def followed_forward(
    before: DrivenMap, after: DrivenMap, input: Tensor, sets: InvariantSets, looks: int = 1
) -> Ahead | None:
    """Follow what can be followed; None for a plain function, or where it was stopped.

    Raises:
        CannotFollow: for networks of two architectures.
    """
    try:
        family = Line(between(before, after, input))
    except NoWeights:
        return None  # there is no line to go along
    return followed_along(family, sets, looks)


def followed_along(family: DifferentiableFamily, sets: InvariantSets, looks: int = 1) -> Ahead | None:
    """Follow the fixed points and cycles of family(0) to family(1); None where it was stopped."""
    groups: dict[int, tuple[list[int], Followed]] = {}
    like = family(0.0)
    with stoppable() as stop:
        for period in sorted({int(p) for p in sets.periods if p}):
            rows = [row for row, p in enumerate(sets.periods.tolist()) if p == period]
            starts = torch.stack([sets.orbits[row][0] for row in rows]).to(like.device, like.dtype)
            groups[period] = rows, follow(iterated(family, period), starts, looks=looks)
    return None if stop else Ahead(family, sets, groups, looks)


@dataclass(frozen=True, eq=False)
class Run:
    """Where following one set led; see ``Followed``."""

    outcome: str
    end: Tensor
    t: float
    fold_state: Tensor
    crossings: tuple[Special, ...]
    units: Tensor


Runs: TypeAlias = dict[int, Run]
"""By row."""


def runs_of(rows: Sequence[int], followed: Followed) -> Runs:
    """One run for each row."""
    return {
        row: Run(
            followed.outcomes[index],
            followed.ends[index],
            float(followed.parameters[index]),
            followed.fold_states[index],
            followed.crossings[index],
            followed.units,
        )
        for index, row in enumerate(rows)
    }


def runs_along(
    family: DifferentiableFamily,
    known: Sequence[tuple[int, Tensor]],
    which: Sequence[int],
    start: float,
    end: float,
    looks: int = 1,
) -> Runs:
    """Follow rows ``which`` of ``known``, each a period and an orbit [k, n], from ``start`` to ``end``."""
    runs: Runs = {}
    like = family(start)
    for period in sorted({known[row][0] for row in which}):
        rows = [row for row in which if known[row][0] == period]
        states = torch.stack([known[row][1][0] for row in rows]).to(like.device, like.dtype)
        runs |= runs_of(rows, follow(iterated(family, period), states, start, end, looks=looks))
    return runs


@dataclass(frozen=True, eq=False)
class Gaps:
    """Sets, as (period, a state), that runs came upon and that the observation or waypoint does not hold."""

    before: list[tuple[int, Tensor]] = field(default_factory=list)
    """To which sets after were followed back."""

    met_before: list[tuple[int, Tensor]] = field(default_factory=list)
    """With which sets before meet in a fold."""

    met_after: list[tuple[int, Tensor]] = field(default_factory=list)


def passage_between(
    ahead: Ahead, system: AutonomousMap, rows: list[InvariantSet]
) -> tuple[list[InvariantSet], Passage]:
    """The later sets, those added that only following found, and how each came about."""
    forward = ahead.runs
    rows = with_arrived(ahead.sets, rows, forward, system)
    back: Runs = {}
    with stoppable():  # what was not followed stays unresolved
        back = runs_along(ahead.family, orbits_of(rows), unreached(ahead.sets, rows, forward), 1.0, 0.0, ahead.looks)
    return rows, assembled(ahead.sets, rows, forward, back)[0]


def orbits_of(sets: InvariantSets | Sequence[InvariantSet]) -> list[tuple[int, Tensor]]:
    """The period and orbit of each set."""
    if isinstance(sets, InvariantSets):
        return list(zip(sets.periods.tolist(), sets.orbits, strict=True))
    return [(row.period, row.orbit) for row in sets]


def with_arrived(
    sets: InvariantSets, rows: list[InvariantSet], forward: Runs, system: AutonomousMap
) -> list[InvariantSet]:
    """The later sets, those added that runs from the sets before arrived at."""
    ends = [(int(sets.periods[before]), run.end) for before, run in forward.items() if run.outcome == "arrived"]
    return with_sets(system, rows, ends)


def unreached(sets: InvariantSets, rows: list[InvariantSet], forward: Runs) -> list[int]:
    """The later fixed points and cycles that no run arrived at."""
    ends = [(int(sets.periods[before]), run.end) for before, run in forward.items() if run.outcome == "arrived"]
    reached = {set_on(rows, end, period) for period, end in ends}
    return [index for index, row in enumerate(rows) if row.period and index not in reached]


def assembled(sets: InvariantSets, rows: list[InvariantSet], forward: Runs, back: Runs) -> tuple[Passage, Gaps]:
    """The passage that runs of the sets before, and back of later ones, tell; and what either side lacks."""
    gaps = Gaps()
    account = _Account(_Side(sets.states), [-1] * len(sets))
    _forward(sets, rows, forward, account, gaps)
    states = torch.stack([row.orbit[0] for row in rows]).cpu() if rows else sets.states[:0]
    after = _Side(states, ["continued" if row in account.successors else "unresolved" for row in range(len(rows))])
    _backward(sets, rows, back, account, after, gaps)
    for side in (account.before, after):
        side.meet_in_one_place()
    _name_pitchforks(account, after)
    _name_circles(account, after, rows)
    passage = Passage(
        successors=torch.tensor(account.successors, dtype=torch.int64),
        ends=tuple(account.before.hows),
        end_times=torch.tensor(account.before.times, dtype=torch.float64),
        end_partners=torch.tensor(account.before.partners, dtype=torch.int64),
        end_states=account.before.places,
        origins=tuple(after.hows),
        origin_times=torch.tensor(after.times, dtype=torch.float64),
        origin_partners=torch.tensor(after.partners, dtype=torch.int64),
        origin_states=after.places,
        crossings=tuple(Crossing(placed.row, placed.kind, placed.t) for placed in account.crossings),
    )
    return passage, gaps


def _forward(sets: InvariantSets, rows: list[InvariantSet], runs: Runs, account: "_Account", gaps: Gaps) -> None:
    """Where each set before went."""
    for before, run in runs.items():
        period = int(sets.periods[before])
        if run.outcome == "arrived":
            after = set_on(rows, run.end, period)
            if after is None or after in account.successors:
                continue  # two led to one: at most one of them can be right, and none is certain
            account.go_on(before, after, run)
        elif run.outcome == "fold":
            partner = set_on(sets, run.end, period)
            account.before.meet(before, partner, run)
            if partner is None and bool(run.end.isfinite().all()):
                gaps.met_before.append((period, run.end))


def _backward(
    sets: InvariantSets, rows: list[InvariantSet], runs: Runs, account: "_Account", after: "_Side", gaps: Gaps
) -> None:
    """Where each set came from that none of those before led to."""
    for row, run in runs.items():
        period = rows[row].period
        if after.hows[row] != "unresolved":
            continue
        if run.outcome == "arrived":
            before = set_on(sets, run.end, period)
            if before is None:
                after.hows[row] = "missed"
                gaps.before.append((period, run.end))
            elif account.successors[before] < 0:
                account.go_on(before, row, run)
                after.hows[row] = "continued"
        elif run.outcome == "fold":
            partner = set_on(rows, run.end, period)
            after.meet(row, partner, run)
            if partner is None and bool(run.end.isfinite().all()):
                gaps.met_after.append((period, run.end))


@dataclass(frozen=True, eq=False)
class _Placed:
    """A crossing, or the fold that a set ended or began at, and where."""

    row: int
    kind: str
    t: float
    state: Tensor
    units: Tensor

    def near(self, other: "_Placed") -> bool:
        # At a pitchfork the branches part as the square root of t.
        return abs(self.t - other.t) <= _NEAR and float(apart(self.state, other.state, self.units)) <= _NEAR**0.5


class _Side:
    """How the sets of one of the two observations ended or began."""

    def __init__(self, states: Tensor, hows: list[str] | None = None) -> None:
        self.hows = ["unresolved"] * len(states) if hows is None else hows
        self.times, self.partners = [torch.nan] * len(states), [-1] * len(states)
        self.places = torch.full_like(states, torch.nan)
        self.folds: list[_Placed] = []

    def meet(self, row: int, partner: int | None, run: Run) -> None:
        """Enter that a set met another in a fold."""
        t, state = run.t, run.fold_state
        # A cycle that meets itself, half a turn later, does so in the flip of a point or of a shorter cycle.
        self.hows[row], self.times[row] = "flip" if partner == row else "fold", t
        self.partners[row] = -1 if partner in (None, row) else partner
        self.places[row] = state.to(self.places)
        self.folds.append(_Placed(row, "fold", t, state, run.units))

    def meet_in_one_place(self) -> None:
        """Two that meet were each followed to their fold, and found it up to rounding; it is one."""
        for row, partner in enumerate(self.partners):
            if row < partner and self.partners[partner] == row and abs(self.times[row] - self.times[partner]) <= _NEAR:
                self.times[partner], self.places[partner] = self.times[row], self.places[row]


@dataclass
class _Account:
    """What following tells of the sets before."""

    before: _Side
    successors: list[int]
    crossings: list[_Placed] = field(default_factory=list)

    def go_on(self, before: int, after: int, run: Run) -> None:
        """Enter that a set before became one after."""
        self.successors[before], self.before.hows[before] = after, "continued"
        self.crossings += [
            _Placed(after, crossing.kind, crossing.t, crossing.state, run.units) for crossing in run.crossings
        ]


def _name_pitchforks(account: _Account, after: _Side) -> None:
    """A fold on a branch that goes straight through is the other two arms of a pitchfork."""
    crossings = account.crossings
    for index, crossing in enumerate(crossings):
        if crossing.kind != "branch point":
            continue
        arms = [(side, fold.row) for side in (account.before, after) for fold in side.folds if fold.near(crossing)]
        twins = [other for other in crossings if other is not crossing and other.near(crossing)]
        if arms:
            crossings[index] = replace(crossing, kind="pitchfork")
        elif any(twin.kind in ("branch point", "transcritical") for twin in twins):
            crossings[index] = replace(crossing, kind="transcritical")
        for side, row in arms:
            side.hows[row] = "pitchfork"


def _name_circles(account: _Account, after: _Side, rows: Sequence[InvariantSet]) -> None:
    """A circle that appears where a pair of multipliers has crossed the unit circle comes from that."""
    pairs = [crossing for crossing in account.crossings if crossing.kind == "Neimark-Sacker"]
    for row, how in enumerate(after.hows):
        if how == "unresolved" and pairs and rows[row].kind in ("circle", "torus"):
            center = rows[row].orbit.mean(dim=0)
            source = min(pairs, key=lambda crossing: float((crossing.state - center).norm()))
            after.hows[row], after.times[row], after.partners[row] = "Neimark-Sacker", source.t, source.row


class Line:
    """The line between two sets of weights, its derivative by differences."""

    def __init__(self, family: Interpolation) -> None:
        self.family = family
        self._step = _RELATIVE_STEP / max(family.length, _RELATIVE_STEP)

    def __call__(self, t: float) -> AutonomousMap:
        return self.family(t)

    def derivative(self, states: Tensor, t: float) -> Tensor:
        """dF/dt by central differences: to 1e-10 of it, at a fifth of what the exact one costs."""
        ahead, behind = self(t + self._step)(states), self(t - self._step)(states)
        return (ahead - behind) / (2 * self._step)
