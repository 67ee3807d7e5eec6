"""How the sets of one checkpoint became those of the next: followed along the straight line between the weights."""

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..attractors.periodic import cycle_states
from ..continuation import DifferentiableFamily, Followed, Interpolation, between, follow, iterated
from ..roots.solver import residual_norms
from ..stability import MARGINAL_TOLERANCE
from ..systems import AutonomousMap, DrivenMap, IteratedMap
from .invariant_sets import InvariantSets, Row, row_on
from .observation import Crossing, Passage
from .time_limit import Clock, OutOfTime, TimedMap

_NEAR = 1e-3
"""A fold and a crossing within this of each other, in t and in states as a share of max(1, |h|), are one event."""


@dataclass(frozen=True, eq=False)
class Ahead:
    """The sets before, with each fixed point and cycle followed to the later weights."""

    family: DifferentiableFamily
    sets: InvariantSets
    groups: dict[int, tuple[list[int], Followed]]  # by period: the rows before, and how each went
    looks: int = 1
    """Of ``follow``."""

    @property
    def arrived_points(self) -> list[Tensor]:
        """The fixed points at the later weights that following led to, [n] each."""
        if 1 not in self.groups:
            return []
        followed = self.groups[1][1]
        return [end for end, outcome in zip(followed.ends, followed.outcomes, strict=True) if outcome == "arrived"]


def followed_forward(
    before: DrivenMap, after: DrivenMap, input: Tensor, sets: InvariantSets, clock: Clock, looks: int = 1
) -> Ahead | None:
    """Follow what can be followed; None where the weights between are not known, or the time is over."""
    try:
        family = TimedFamily(between(before, after, input), clock)
    except ValueError:
        return None  # a plain function has no weights to go along
    with suppress(OutOfTime):
        return ahead_on(family, input, sets, looks)
    return None


def ahead_on(family: DifferentiableFamily, input: Tensor, sets: InvariantSets, looks: int = 1) -> Ahead:
    """Follow what can be followed along a family from t = 0 to 1; its maps may raise ``OutOfTime``."""
    groups: dict[int, tuple[list[int], Followed]] = {}
    for period in sorted({int(p) for p in sets.periods if p}):
        rows = [row for row, p in enumerate(sets.periods.tolist()) if p == period]
        starts = torch.stack([sets.orbits[row][0] for row in rows]).to(input)
        groups[period] = rows, follow(iterated(family, period), starts, looks=looks)
    return Ahead(family, sets, groups, looks)


@dataclass(frozen=True, eq=False)
class Gaps:
    """Sets, as (period, a state), that following came upon and neither side knows."""

    before: list[tuple[int, Tensor]] = field(default_factory=list)
    met_before: list[tuple[int, Tensor]] = field(default_factory=list)
    """With which those before meet in a fold."""

    met_after: list[tuple[int, Tensor]] = field(default_factory=list)


def passage_between(ahead: Ahead, system: AutonomousMap, rows: list[Row]) -> tuple[list[Row], Passage]:
    """The later sets, those added that only following found, and how each came about."""
    rows, passage, _ = passage_with_gaps(ahead, system, rows, cut=True)
    return rows, passage


def passage_with_gaps(
    ahead: Ahead, system: AutonomousMap, rows: list[Row], *, cut: bool = False
) -> tuple[list[Row], Passage, Gaps]:
    """``passage_between``, and what both sides lack; ``cut`` leaves unresolved what the time did not suffice for."""
    rows, gaps = list(rows), Gaps()
    account = _Account(_Side(ahead.sets.states), [-1] * len(ahead.sets))
    _forward(ahead, system, rows, account, gaps)
    states = torch.stack([row.orbit[0] for row in rows]).cpu() if rows else ahead.sets.states[:0]
    after = _Side(states, ["continued" if row in account.successors else "unresolved" for row in range(len(rows))])
    with suppress(OutOfTime) if cut else nullcontext():
        _backward(ahead, rows, account, after, gaps)
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
    return rows, passage, gaps


def _forward(ahead: Ahead, system: AutonomousMap, rows: list[Row], account: "_Account", gaps: Gaps) -> None:
    """Where each set before went; sets that the searches had missed are added to ``rows``."""
    for period, (befores, followed) in ahead.groups.items():
        for index, before in enumerate(befores):
            state = followed.ends[index]
            if followed.outcomes[index] == "arrived":
                after = row_on(rows, state, period)
                if after is None:
                    rows.append(row_at(system, state, period))
                    after = len(rows) - 1
                if after in account.successors:
                    continue  # two led to one: at most one of them can be right, and none is certain
                account.successors[before], account.before.hows[before] = after, "continued"
                account.crossings += [
                    _Placed(after, crossing.kind, crossing.t, crossing.state) for crossing in followed.crossings[index]
                ]
            elif followed.outcomes[index] == "fold":
                partner = row_on(ahead.sets, state, period)
                account.before.meet(before, partner, followed, index)
                if partner is None and bool(state.isfinite().all()):
                    gaps.met_before.append((period, state))


def _backward(ahead: Ahead, rows: list[Row], account: "_Account", after: "_Side", gaps: Gaps) -> None:
    """Where each set came from that none of those before led to."""
    newcomers = [row for row, how in enumerate(after.hows) if how == "unresolved" and rows[row].period]
    for period in sorted({rows[row].period for row in newcomers}):
        own = [row for row in newcomers if rows[row].period == period]
        starts = torch.stack([rows[row].orbit[0] for row in own])
        followed = follow(iterated(ahead.family, period), starts, 1.0, 0.0, looks=ahead.looks)
        for index, row in enumerate(own):
            state = followed.ends[index]
            if followed.outcomes[index] == "arrived":
                before = row_on(ahead.sets, state, period)
                if before is None:
                    after.hows[row] = "missed"
                    gaps.before.append((period, state))
                elif account.successors[before] < 0:
                    account.successors[before] = row
                    account.before.hows[before] = after.hows[row] = "continued"
            elif followed.outcomes[index] == "fold":
                partner = row_on(rows, state, period)
                after.meet(row, partner, followed, index)
                if partner is None and bool(state.isfinite().all()):
                    gaps.met_after.append((period, state))


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


class _Side:
    """How the sets of one of the two observations ended or began."""

    def __init__(self, states: Tensor, hows: list[str] | None = None) -> None:
        self.hows = ["unresolved"] * len(states) if hows is None else hows
        self.times, self.partners = [torch.nan] * len(states), [-1] * len(states)
        self.places = torch.full_like(states, torch.nan)
        self.folds: list[_Placed] = []

    def meet(self, row: int, partner: int | None, followed: Followed, index: int) -> None:
        """Enter that a set met another in a fold."""
        t, state = float(followed.parameters[index]), followed.fold_states[index]
        # A cycle that meets itself, half a turn later, does so in the flip of a point or of a shorter cycle.
        self.hows[row], self.times[row] = "flip" if partner == row else "fold", t
        self.partners[row] = -1 if partner in (None, row) else partner
        self.places[row] = state.to(self.places)
        self.folds.append(_Placed(row, "fold", t, state))


@dataclass
class _Account:
    """What following forward tells."""

    before: _Side
    successors: list[int]
    crossings: list[_Placed] = field(default_factory=list)


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


def _name_circles(account: _Account, after: _Side, rows: Sequence[Row]) -> None:
    """A circle that appears where a pair of multipliers has crossed the unit circle comes from that."""
    pairs = [crossing for crossing in account.crossings if crossing.kind == "Neimark-Sacker"]
    for row, how in enumerate(after.hows):
        if how == "unresolved" and pairs and rows[row].kind in ("circle", "torus"):
            center = rows[row].orbit.mean(dim=0)
            source = min(pairs, key=lambda crossing: float((crossing.state - center).norm()))
            after.hows[row], after.times[row], after.partners[row] = "Neimark-Sacker", source.t, source.row


def row_at(system: AutonomousMap, state: Tensor, period: int) -> Row:
    """The fixed point or cycle through ``state`` [n], which following found, as a row."""
    turn = IteratedMap(system, period) if period > 1 else system
    values = turn.linearize(state[None])[1].eigenvalues()[0].cpu().to(torch.complex128)
    moduli = values.abs()
    return Row(
        kind="fixed point" if period == 1 else "cycle",
        period=period,
        orbit=cycle_states(system, state, period),
        residual=float(residual_norms(turn, state[None])),
        multipliers=values,
        growth=float(moduli[0]) ** (1 / period),
        n_unstable=int((moduli > 1 + MARGINAL_TOLERANCE).sum()),
        stable=bool(moduli[0] < 1 - MARGINAL_TOLERANCE),
    )


class TimedFamily:
    """A family whose maps look at the clock."""

    def __init__(self, family: Interpolation, clock: Clock) -> None:
        self.family, self.clock = family, clock

    def __call__(self, t: float) -> AutonomousMap:
        return TimedMap(self.family(t), self.clock)

    def derivative(self, states: Tensor, t: float) -> Tensor:
        return self.family.derivative(states, t)
