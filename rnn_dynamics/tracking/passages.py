"""How the sets of one checkpoint became those of the next: followed along the straight line between the weights."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..attractors.periodic import cycle_states
from ..continuation import DifferentiableFamily, Followed, Interpolation, between, follow, iterated
from ..stability import MARGINAL_TOLERANCE
from ..systems import AutonomousMap, DrivenMap, IteratedMap
from .invariant_sets import InvariantSets, Row
from .observation import Crossing, Passage
from .time_limit import Clock, OutOfTime, TimedMap

_NEAR = 1e-3
"""A fold and a crossing within this of each other, in t and in states as a share of max(1, |h|), are one event."""

_SAME = 1e-6
"""Two states within this, times max(1, |h|), are one; converged ones agree to 1e-10."""


@dataclass(frozen=True, eq=False)
class Ahead:
    """The sets before, with each fixed point and cycle followed to the later weights."""

    family: DifferentiableFamily
    sets: InvariantSets
    groups: dict[int, tuple[list[int], Followed]]  # by period: the rows before, and how each went
    clock: Clock

    @property
    def arrived_points(self) -> list[Tensor]:
        """The fixed points at the later weights that following led to, [n] each."""
        if 1 not in self.groups:
            return []
        followed = self.groups[1][1]
        return [end for end, outcome in zip(followed.ends, followed.outcomes, strict=True) if outcome == "arrived"]


def followed_forward(
    before: DrivenMap, after: DrivenMap, input: Tensor, sets: InvariantSets, clock: Clock
) -> Ahead | None:
    """Follow what can be followed; None where the weights between are not known, or the time is over."""
    try:
        family = _TimedFamily(between(before, after, input), clock)
    except ValueError:
        return None  # a plain function has no weights to go along
    groups: dict[int, tuple[list[int], Followed]] = {}
    try:
        for period in sorted({int(p) for p in sets.periods if p}):
            rows = [row for row, p in enumerate(sets.periods.tolist()) if p == period]
            starts = torch.stack([sets.orbits[row][0] for row in rows]).to(input)
            groups[period] = rows, follow(iterated(family, period), starts)
    except OutOfTime:
        return None
    return Ahead(family, sets, groups, clock)


def passage_between(ahead: Ahead, system: AutonomousMap, rows: list[Row]) -> tuple[list[Row], Passage]:
    """The later sets, those added that only following found, and how each came about."""
    account = _Account(len(ahead.sets))
    rows = _forward(ahead, system, list(rows), account)
    account.grow(len(rows))
    with suppress(OutOfTime):  # what was not followed stays unresolved
        _backward(ahead, rows, account)
    account.name_pitchforks()
    account.name_circles(rows)
    after = torch.stack([row.orbit[0] for row in rows]).cpu() if rows else ahead.sets.states[:0]
    return rows, account.passage(ahead.sets, after)


def _forward(ahead: Ahead, system: AutonomousMap, rows: list[Row], account: "_Account") -> list[Row]:
    for period, (befores, followed) in ahead.groups.items():
        for index, before in enumerate(befores):
            outcome = followed.outcomes[index]
            if outcome == "arrived":
                state = followed.ends[index]
                after = _find(rows, state, period)
                if after is None:
                    rows.append(_row_at(system, state, period))
                    after = len(rows) - 1
                if after in account.successors:
                    continue  # two led to one: at most one of them can be right, and none is certain
                account.successors[before], account.ends[before] = after, "continued"
                account.crossings += [
                    _Placed(after, crossing.kind, crossing.t, crossing.state) for crossing in followed.crossings[index]
                ]
            elif outcome == "fold":
                partner = _find(_orbits(ahead.sets, period), followed.ends[index], period)
                account.end(before, partner, float(followed.parameters[index]), followed.fold_states[index])
    return rows


def _backward(ahead: Ahead, rows: list[Row], account: "_Account") -> None:
    arrived = set(account.successors)
    newcomers = [row for row in range(len(rows)) if row not in arrived and rows[row].period]
    for period in sorted({rows[row].period for row in newcomers}):
        own = [row for row in newcomers if rows[row].period == period]
        starts = torch.stack([rows[row].orbit[0] for row in own])
        followed = follow(iterated(ahead.family, period), starts, 1.0, 0.0)
        for index, row in enumerate(own):
            outcome = followed.outcomes[index]
            if outcome == "arrived":
                before = _find(_orbits(ahead.sets, period), followed.ends[index], period)
                if before is None:
                    account.origins[row] = "missed"
                elif account.successors[before] < 0:
                    account.successors[before], account.ends[before] = row, "continued"
                    account.origins[row] = "continued"
            elif outcome == "fold":
                partner = _find(rows, followed.ends[index], period)
                account.begin(row, partner, float(followed.parameters[index]), followed.fold_states[index])


@dataclass(frozen=True, eq=False)
class _Placed:
    """A crossing, or the fold that a set ended or began at, and where."""

    row: int
    kind: str
    t: float
    state: Tensor

    def near(self, other: "_Placed") -> bool:
        apart = float((self.state - other.state).norm()) / max(1.0, float(self.state.norm()))
        # At a pitchfork the branches part as the square root of t.
        return abs(self.t - other.t) <= _NEAR and apart <= _NEAR**0.5


@dataclass
class _Account:
    """A passage in the making."""

    count: int
    successors: list[int] = field(init=False)
    ends: list[str] = field(init=False)
    end_times: list[float] = field(init=False)
    end_partners: list[int] = field(init=False)
    origins: list[str] = field(default_factory=list)
    origin_times: list[float] = field(default_factory=list)
    origin_partners: list[int] = field(default_factory=list)
    crossings: list[_Placed] = field(default_factory=list)
    folds: list[tuple[str, _Placed]] = field(default_factory=list)  # ("end" or "origin", where)

    def __post_init__(self) -> None:
        self.successors, self.ends = [-1] * self.count, ["unresolved"] * self.count
        self.end_times, self.end_partners = [torch.nan] * self.count, [-1] * self.count

    def grow(self, after: int) -> None:
        self.origins = ["continued" if row in self.successors else "unresolved" for row in range(after)]
        self.origin_times, self.origin_partners = [torch.nan] * after, [-1] * after

    def end(self, row: int, partner: int | None, t: float, state: Tensor) -> None:
        # A cycle that meets itself, half a turn later, ends in the flip of a point or of a shorter cycle.
        self.ends[row], self.end_times[row] = "flip" if partner == row else "fold", t
        self.end_partners[row] = -1 if partner in (None, row) else partner
        self.folds.append(("end", _Placed(row, "fold", t, state)))

    def begin(self, row: int, partner: int | None, t: float, state: Tensor) -> None:
        self.origins[row], self.origin_times[row] = "flip" if partner == row else "fold", t
        self.origin_partners[row] = -1 if partner in (None, row) else partner
        self.folds.append(("origin", _Placed(row, "fold", t, state)))

    def name_pitchforks(self) -> None:
        """A fold on a branch that goes straight through is the other two arms of a pitchfork."""
        for index, crossing in enumerate(self.crossings):
            if crossing.kind != "branch point":
                continue
            arms = [(side, fold.row) for side, fold in self.folds if fold.near(crossing)]
            twins = [other for other in self.crossings if other is not crossing and other.near(crossing)]
            if arms:
                self.crossings[index] = _Placed(crossing.row, "pitchfork", crossing.t, crossing.state)
            elif any(twin.kind in ("branch point", "transcritical") for twin in twins):
                self.crossings[index] = _Placed(crossing.row, "transcritical", crossing.t, crossing.state)
            for side, row in arms:
                (self.ends if side == "end" else self.origins)[row] = "pitchfork"

    def name_circles(self, rows: Sequence[Row]) -> None:
        """A circle that appears where a pair of multipliers has crossed the unit circle comes from that."""
        pairs = [crossing for crossing in self.crossings if crossing.kind == "Neimark-Sacker"]
        for row, origin in enumerate(self.origins):
            if origin == "unresolved" and pairs and rows[row].kind in ("circle", "torus"):
                center = rows[row].orbit.mean(dim=0)
                source = min(pairs, key=lambda crossing: float((crossing.state - center).norm()))
                self.origins[row], self.origin_times[row] = "Neimark-Sacker", source.t
                self.origin_partners[row] = source.row

    def _places(self, side: str, like: Tensor) -> Tensor:
        places = torch.full_like(like, torch.nan)
        for which, fold in self.folds:
            if which == side:
                places[fold.row] = fold.state.to(places)
        return places

    def passage(self, before: InvariantSets, after: Tensor) -> Passage:
        return Passage(
            successors=torch.tensor(self.successors, dtype=torch.int64),
            ends=tuple(self.ends),
            end_times=torch.tensor(self.end_times, dtype=torch.float64),
            end_partners=torch.tensor(self.end_partners, dtype=torch.int64),
            end_states=self._places("end", before.states),
            origins=tuple(self.origins),
            origin_times=torch.tensor(self.origin_times, dtype=torch.float64),
            origin_partners=torch.tensor(self.origin_partners, dtype=torch.int64),
            origin_states=self._places("origin", after),
            crossings=tuple(Crossing(placed.row, placed.kind, placed.t) for placed in self.crossings),
        )


def _find(orbits: Sequence[Row] | Sequence[Tensor | None], state: Tensor, period: int) -> int | None:
    """The fixed point or cycle of this period that ``state`` [n] is on."""
    if not bool(state.isfinite().all()):
        return None
    reach = _SAME * max(1.0, float(state.norm()))
    for index, candidate in enumerate(orbits):
        if isinstance(candidate, Row):
            candidate = candidate.orbit if candidate.period == period else None
        if candidate is not None and float((candidate.to(state) - state).norm(dim=-1).min()) <= reach:
            return index
    return None


def _orbits(sets: InvariantSets, period: int) -> list[Tensor | None]:
    return [orbit if int(p) == period else None for orbit, p in zip(sets.orbits, sets.periods, strict=True)]


def _row_at(system: AutonomousMap, state: Tensor, period: int) -> Row:
    """The fixed point or cycle through ``state`` [n], which following found, as a row."""
    turn = IteratedMap(system, period) if period > 1 else system
    values = turn.linearize(state[None])[1].eigenvalues()[0].cpu().to(torch.complex128)
    values = values[values.abs().argsort(descending=True, stable=True)]
    moduli = values.abs()
    residual = float((turn(state[None]) - state).norm())
    return Row(
        kind="fixed point" if period == 1 else "cycle",
        period=period,
        orbit=cycle_states(system, state, period),
        residual=residual,
        multipliers=values,
        growth=float(moduli[0]) ** (1 / period),
        n_unstable=int((moduli > 1 + MARGINAL_TOLERANCE).sum()),
        stable=bool(moduli[0] < 1 - MARGINAL_TOLERANCE),
    )


class _TimedFamily:
    """A family whose maps look at the clock."""

    def __init__(self, family: Interpolation, clock: Clock) -> None:
        self.family, self.clock = family, clock

    def __call__(self, t: float) -> AutonomousMap:
        return TimedMap(self.family(t), self.clock)

    def derivative(self, states: Tensor, t: float) -> Tensor:
        return self.family.derivative(states, t)
