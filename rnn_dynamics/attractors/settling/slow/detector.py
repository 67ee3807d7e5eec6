"""Rows that drift slowly: followed implicitly to where they rest, return or run away."""

import torch
from torch import Tensor

from ....progress import doing
from ....roots import RootResult, Status
from ....stability import n_unstable
from ....systems import AutonomousMap, relative, sizes
from ...kinds import AttractorKind
from ...outcomes import Fate
from ...results import Attractors
from ..detector import Detector, Entry, Pause
from ..periodic import PeriodicDetector, distinct_roots, propose_points
from ..starts import ACTIVE, Limits, Rows
from .implicit_steps import Drift, DriftEnd, drifted, step_bound_at
from .resting import resting

_AFTER = 128
"""Plain steps before a slow row is followed, so that all but the slow directions have decayed."""

_FAR = 100.0
"""A drift that leads a coordinate a hundred times its size at the start away, and is still as fast, runs away."""

_POLISHED = 1e-6
"""A row at rest this near to a root of F(h) - h, in units of each coordinate's size, has come to that root."""

_CAME_BACK = 0.1
"""A drift ends where the one before did, up to a tenth of the way: the state turns on a circle with a slow part."""


class SlowDetector(Detector):
    """Follows slow rows; those that come to rest where nothing attracts are on a continuum, or at a marginal point."""

    kinds = (AttractorKind.CONTINUUM,)

    def __init__(self, system: AutonomousMap, rows: Rows, limits: Limits, periodic: PeriodicDetector) -> None:
        super().__init__(system, rows, limits)
        self.periodic = periodic
        self._due = rows.states.new_full((len(rows),), _AFTER)
        self._landmarks = torch.full_like(rows.states, torch.nan)  # where a drift was last too fast to follow
        self._landmark_times = rows.states.new_zeros(len(rows))

    def restore(self, known: Attractors, row: int) -> None:
        self.restored.append((known, row))

    @doing("following slow drift")
    def look(self, pause: Pause) -> None:
        """Follow the slow rows that are due, and those at rest; all of them if this is the last time.

        Rows that come to a slow limit cycle are left alone: implicit steps would lead them off it again.
        """
        rows = self.rows.active
        slow = self.rows.slow[rows] & ~self.rows.coming[rows]
        due = self.rows.at_rest[rows] | (slow & ((self._due[rows] <= self.rows.done) | pause.last))
        if due.any():
            self._drift(rows[due], None)

    def entries(self) -> list[Entry]:
        lines = [known.orbits[row] for known, row in self.restored]
        found = resting(self.system, self.rows, self.limits, lines)
        return [Entry.restored(*self.restored[index], rows) for index, rows in enumerate(found.on_known)] + found.fresh

    def _drift(self, rows: Tensor, bound: Tensor | None) -> None:
        before, elapsed = self.rows.states[rows].clone(), self.rows.times[rows].clone()
        drift = drifted(
            self.system,
            before,
            horizon=self.limits.settle.horizon,
            tolerance=self.limits.settle.tolerance,
            units=self.limits.units,
            memory_budget=self.limits.memory_budget,
            longest_step=bound,
        )
        self.rows.implicit_work += drift.work
        self.rows.states[rows], self.rows.times[rows] = drift.states, elapsed + drift.times
        self._due[rows] = 2 * self.rows.done
        self.rows.turns[rows] = torch.maximum(drift.turns, self._round_trips(rows, before, drift))
        # What is too fast for implicit steps has not reached the horizon: it may move for ever.
        self.rows.slow[rows] &= (self.rows.turns[rows] == 0) & (drift.ends != DriftEnd.NOT_SLOW)
        self.rows.escape(rows)

        resting = (drift.ends == DriftEnd.RESTED) & (self.rows.fates[rows] == ACTIVE)
        if resting.any():
            self._rest(rows[resting], before[resting], elapsed[resting], retry=bound is None)
        over = (drift.ends == DriftEnd.HORIZON) & (self.rows.fates[rows] == ACTIVE)
        far = (drift.states - before).abs() > _FAR * self.rows.size[rows]
        far &= self.limits.lets_run(drift.states, self.system(drift.states) - drift.states)
        runs = over & far.any(dim=-1)
        self.rows.fates[rows[over]] = Fate.DRIFTING
        self.rows.fates[rows[runs]] = Fate.RUNAWAY
        self.rows.running[rows[runs]] = far[runs]

    def _round_trips(self, rows: Tensor, before: Tensor, drift: Drift) -> Tensor:
        """Steps since the last drift, of rows whose drift became too fast where it did the last time; else 0."""
        times = self.rows.times[rows]
        size = sizes(before, self.limits.units)
        travelled = ((drift.states - before) / size).norm(dim=-1)
        missed = ((drift.states - self._landmarks[rows]) / size).norm(dim=-1)
        fast = drift.ends == DriftEnd.NOT_SLOW
        trips = torch.where(fast & (missed <= _CAME_BACK * travelled), times - self._landmark_times[rows], 0.0)
        self._landmarks[rows[fast]], self._landmark_times[rows[fast]] = drift.states[fast], times[fast]
        return trips

    def _rest(self, rows: Tensor, before: Tensor, elapsed: Tensor, retry: bool) -> None:
        """Give rows that came to rest to stable points; those at an unstable one start over with shorter steps."""
        result = propose_points(self.system, self.rows.states[rows], self.limits.memory_budget)
        for row in distinct_roots(result, self.limits).tolist():
            self.periodic.add_point(result.states[row])
        here = self.rows.states[rows]
        moved = relative(result.states - here, here, self.limits.units) <= _POLISHED
        polished = moved & (result.statuses == Status.FOUND)
        self.rows.states[rows[polished]] = result.states[polished]
        self.periodic.catch()
        left = self.rows.fates[rows] == ACTIVE
        unstable, bound = self._stability(result)
        self.rows.rested[rows[left & ~unstable]] = True
        again = left & unstable
        if not again.any():
            return
        if retry:
            self.rows.states[rows[again]], self.rows.times[rows[again]] = before[again], elapsed[again]
            self._drift(rows[again], bound[again])
        else:
            # It has come here with steps too short to damp what is unstable: plain steps may leave yet, rest may not.
            moved = relative(before - self.rows.states[rows], before, self.limits.units)
            self.rows.fates[rows[again & (moved <= self.limits.settle.merge_tolerance)]] = Fate.BALANCED

    def _stability(self, result: RootResult) -> tuple[Tensor, Tensor]:
        """Which rows' roots are unstable, and the longest implicit step that does not damp what is unstable there."""
        found = (result.statuses == Status.FOUND).nonzero().squeeze(-1)
        unstable = torch.zeros_like(result.residuals, dtype=torch.bool)
        bound = torch.full_like(result.residuals, torch.inf)
        for part in self.system.chunks(len(found), self.limits.memory_budget):
            values = self.system.linearize(result.states[found[part]])[1].eigenvalues()
            unstable[found[part]] = n_unstable(values) > 0
            bound[found[part]] = step_bound_at(values)
        return unstable, bound
