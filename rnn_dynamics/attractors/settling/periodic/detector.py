"""Rows that settle on stable fixed points and cycles: proposals from where they are, and their capture."""

import torch
from torch import Tensor

from ....progress import doing
from ....systems import AutonomousMap
from ...outcomes import Fate
from ...phases import is_on
from ..starts import ACTIVE, Limits, Rows, Stretch
from .proposals import Periodic, as_periodic, candidate_periods, distinct_roots, propose_cycles, propose_points

_PROPOSED = 8
"""Rows at a time from which Newton's method looks for fixed points."""

_FREE = 4
"""Proposals that may be in vain before the next one waits until half as many steps again are done, and so on."""


class Catcher:
    """The stable fixed points and cycles known so far, which catch rows."""

    def __init__(self, system: AutonomousMap, rows: Rows, limits: Limits, cycles: list[Periodic]) -> None:
        self.system, self.rows, self.limits = system, rows, limits
        self.cycles = cycles
        self._points, self._turns = _Patience(), _Patience()

    @doing("fixed points")
    def catch_at_points(self, stretch: Stretch) -> None:
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
    def catch_on_cycles(self, stretch: Stretch) -> None:
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
        on = (c for c in self.cycles if is_on(c.orbit, state, self.limits.merge_tolerance, self.limits.units))
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
