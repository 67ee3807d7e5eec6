"""Rows that settle on stable fixed points and cycles: proposals from where they are, and their capture."""

import torch
from torch import Tensor

from ....checks import ArgumentError
from ....progress import doing
from ....stability import MARGINAL_TOLERANCE
from ....systems import AutonomousMap, relative
from ...kinds import AttractorKind
from ...outcomes import Fate
from ...phases import is_on
from ...results import Attractors, Evidence
from ..detector import Detector, Entry, Pause
from ..starts import ACTIVE, Limits, Rows, Stretch
from .proposals import Periodic, as_periodic, candidate_periods, distinct_roots, propose_cycles, propose_points

_PROPOSED = 8
"""Rows at a time from which Newton's method looks for fixed points."""

_KEPT = 1e-6
"""A fixed point or cycle found before comes back to itself this nearly, in units of each coordinate's size."""

_FREE = 4
"""Proposals that may be in vain before the next one waits until half as many steps again are done, and so on."""


class PeriodicDetector(Detector):
    """The stable fixed points and cycles known so far, which catch rows."""

    kinds = (AttractorKind.FIXED_POINT, AttractorKind.CYCLE)

    def __init__(self, system: AutonomousMap, rows: Rows, limits: Limits) -> None:
        super().__init__(system, rows, limits)
        self.cycles: list[Periodic] = []
        self._points, self._turns = _Patience(), _Patience()

    def restore(self, known: Attractors, row: int) -> None:
        orbit = known.orbits[row].to(self.system.device, self.system.dtype)
        cycle = as_periodic(self.system, orbit[0], len(orbit), self.limits)
        missed = relative(self.system.iterate(orbit[0], len(orbit)) - orbit[0], orbit[0], self.limits.units)
        if cycle is None or float(missed) > _KEPT:
            kind = known.kinds[row]
            raise ArgumentError(
                "known", f"holds a {kind} that is not a stable one of this map: was another input held?"
            )
        self.cycles.append(cycle)
        self.restored.append((known, row))

    def look(self, pause: Pause) -> None:
        self.catch()
        if pause.stretch is not None:
            self._catch_at_points(pause.stretch)
            self._catch_on_cycles(pause.stretch)

    def entries(self) -> list[Entry]:
        return [self._entry(index) for index in range(len(self.cycles))]

    @doing("fixed points")
    def _catch_at_points(self, stretch: Stretch) -> None:
        """Propose fixed points from a few rows that calm down, for as long as this catches rows."""
        if self._points.waits(self.rows.done):
            return
        calming = stretch.rows[stretch.calming & ~self.rows.keeps_on(stretch.rows).any(dim=-1)]
        while len(calming := self.rows.still(calming)):
            few = self.rows.spread(calming, _PROPOSED)
            result = propose_points(self.system, self.rows.states[few], self.limits.memory_budget)
            fresh = [self.add_point(result.states[row]) for row in distinct_roots(result, self.limits).tolist()]
            if not (self.catch() and any(fresh)):
                self._points.in_vain(self.rows.done)
                return
            self._points = _Patience()

    @doing("cycles")
    def _catch_on_cycles(self, stretch: Stretch) -> None:
        """Propose cycles from rows that come back."""
        if self._turns.waits(self.rows.done):
            return
        periods, misses = candidate_periods(stretch.distances)
        periods = torch.where(self.rows.fates[stretch.rows] == ACTIVE, periods, 0)
        found = propose_cycles(self.system, self.rows.states[stretch.rows], periods, misses, self.limits)
        if self.add_cycles(found):
            self._turns = _Patience()
        elif (periods > 1).any():
            self._turns.in_vain(self.rows.done)

    def add_point(self, state: Tensor) -> bool:
        """Enter a fixed point, if it is new and stable."""
        if self._owner(state) is not None:
            return False
        point = as_periodic(self.system, state, 1, self.limits)
        if point is not None:
            self.cycles.append(point)
        return point is not None

    def add_cycles(self, found: list[Periodic]) -> bool:
        """Enter those of ``found`` that are new, and catch what they can; returns whether any is new."""
        before = len(self.cycles)
        for cycle in found:
            if self._owner(cycle.orbit[0]) is None:
                self.cycles.append(cycle)
        if len(self.cycles) > before:
            self.catch()
        return len(self.cycles) > before

    def _owner(self, state: Tensor) -> Periodic | None:
        on = (c for c in self.cycles if is_on(c.orbit, state, self.limits.settle.merge_tolerance, self.limits.units))
        return next(on, None)

    def catch(self) -> int:
        """Give active rows to the nearest cycle if they follow its linearisation; returns how many did."""
        rows = self.rows.active
        if not self.cycles or not len(rows):
            return 0
        phases = torch.cat([cycle.orbit for cycle in self.cycles])
        lengths = torch.tensor([cycle.period for cycle in self.cycles], device=phases.device)
        owner = torch.arange(len(self.cycles), device=phases.device).repeat_interleave(lengths)
        nearest = owner[torch.cdist(self.rows.flat(self.rows.states[rows]), self.rows.flat(phases)).argmin(dim=1)]
        count = 0
        for index in nearest.unique().tolist():
            mine, trap = rows[nearest == index], self.cycles[index].trap
            captured, states = trap.captures(self.system, self.rows.states[mine])
            self.rows.move(mine, states, trap.watched)
            self.rows.fates[mine[captured]] = Fate.SETTLED
            self.rows.cycle[mine[captured]] = index
            count += int(captured.sum())
        return count

    def _entry(self, index: int) -> Entry:
        rows = (self.rows.cycle == index).nonzero().squeeze(-1)
        if index < len(self.restored):
            return Entry.restored(*self.restored[index], rows)
        cycle = self.cycles[index]
        kind = AttractorKind.FIXED_POINT if cycle.period == 1 else AttractorKind.CYCLE
        return Entry(kind, cycle.orbit, self._evidence(cycle), rows, float(cycle.period))

    def _evidence(self, cycle: Periodic) -> Evidence:
        exponents = cycle.multipliers.abs().log() / cycle.period
        margin = float(1 - cycle.multipliers[0].abs()) / MARGINAL_TOLERANCE
        first = cycle.orbit[0]
        others = [other.orbit for other in self.cycles if other is not cycle]
        for apart in (*others, cycle.orbit[1:]):
            if len(apart):
                nearest = float(relative(apart - first, first, self.limits.units).min())
                margin = min(margin, nearest / self.limits.settle.merge_tolerance)
        return Evidence(
            residual=cycle.residual,
            multipliers=cycle.multipliers,
            exponents=exponents,
            exponent_errors=torch.zeros_like(exponents),
            weighted_exponents=exponents,
            dwell=cycle.trap.watched,
            matched="follows the linearisation",
            margin=margin,
        )


class _Patience:
    """When to propose again after proposals in vain, so that these cost no more than the plain steps between them."""

    def __init__(self) -> None:
        self._failed, self._next = 0, 0.0

    def waits(self, done: int) -> bool:
        return done < self._next

    def in_vain(self, done: int) -> None:
        self._failed += 1
        if self._failed >= _FREE:
            self._next = 1.5 * done
