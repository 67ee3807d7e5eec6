"""Rows that settle on stable fixed points and cycles: proposals from where they are, and their capture."""

import torch
from torch import Tensor

from ..progress import doing
from ..systems import AutonomousMap
from . import periodic
from .outcomes import Fate
from .periodic import Periodic
from .rows import ACTIVE, Limits, Rows, Stretch

_PROPOSED = 8
"""Rows at a time from which Newton's method looks for fixed points."""


class Catcher:
    """The stable fixed points and cycles known so far, which catch rows."""

    def __init__(self, system: AutonomousMap, rows: Rows, limits: Limits, cycles: list[Periodic]) -> None:
        self.system, self.rows, self.limits = system, rows, limits
        self.cycles = cycles

    @doing("fixed points")
    def catch_at_points(self, stretch: Stretch) -> None:
        """Propose fixed points from a few rows that calm down, for as long as this catches rows."""
        calming = stretch.rows[stretch.calming]
        while len(calming := self.rows.still(calming)):
            few = self.rows.spread(calming, _PROPOSED)
            result = periodic.propose_points(self.system, self.rows.states[few], self.limits.memory_budget)
            fresh = [
                self.add_point(result.states[row])
                for row in periodic.distinct_roots(result, self.limits.merge_tolerance).tolist()
            ]
            if not (self.catch() and any(fresh)):
                return

    @doing("cycles")
    def catch_on_cycles(self, stretch: Stretch) -> None:
        """Propose cycles from rows that come back."""
        periods, misses = periodic.candidate_periods(stretch.distances)
        periods = torch.where(self.rows.fates[stretch.rows] == ACTIVE, periods, 0)
        self.add_cycles(
            periodic.propose_cycles(self.system, self.rows.states[stretch.rows], periods, misses, self.limits)
        )

    def add_point(self, state: Tensor) -> bool:
        """Enter a fixed point, if it is new and stable."""
        if self._owner(state) is not None:
            return False
        point = periodic.as_periodic(self.system, state, 1, self.limits.tolerance)
        if point is not None:
            self.cycles.append(point)
        return point is not None

    def add_cycles(self, found: list[Periodic]) -> None:
        """Enter those of ``found`` that are new, and catch what they can."""
        before = len(self.cycles)
        for cycle in found:
            if self._owner(cycle.orbit[0]) is None:
                self.cycles.append(cycle)
        if len(self.cycles) > before:
            self.catch()

    def _owner(self, state: Tensor) -> Periodic | None:
        on = (c for c in self.cycles if periodic.is_on(c.orbit, state, self.limits.merge_tolerance))
        return next(on, None)

    def catch(self) -> int:
        """Give active rows to the nearest cycle if they follow its linearisation; returns how many did."""
        rows = self.rows.active
        if not self.cycles or not len(rows):
            return 0
        phases = torch.cat([cycle.orbit for cycle in self.cycles])
        lengths = torch.tensor([cycle.period for cycle in self.cycles], device=phases.device)
        owner = torch.arange(len(self.cycles), device=phases.device).repeat_interleave(lengths)
        nearest = owner[torch.cdist(self.rows.states[rows], phases).argmin(dim=1)]
        count = 0
        for index in nearest.unique().tolist():
            mine, trap = rows[nearest == index], self.cycles[index].trap
            captured, states = trap.captures(self.system, self.rows.states[mine])
            self.rows.move(mine, states, trap.watched)
            self.rows.fates[mine[captured]] = Fate.SETTLED
            self.rows.cycle[mine[captured]] = index
            count += int(captured.sum())
        return count
