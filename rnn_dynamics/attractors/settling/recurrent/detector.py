"""Rows that never rest nor repeat: a few are followed until their kind is clear, the others compared with these."""

import math

import torch
from torch import Tensor

from ....progress import doing
from ....systems import AutonomousMap, sizes
from ...kinds import AttractorKind
from ...outcomes import Fate
from ...results import Attractors, Evidence
from ..detector import Detector, Entry, Pause
from ..periodic import PeriodicDetector, candidate_periods, polish_cycle
from ..starts import ACTIVE, Limits, Rows
from .confirmation import Confirmation
from .judgement import judge
from .matching import Matcher
from .orbit import FIRST_LOOK, MovingOrbit, run_on, start_orbits, watch
from .turning import TurnSearch, closed_orbit, mean_turn

_FIRST = 256
"""Plain steps before a row is suspected to move for ever."""

_TOGETHER, _LAST = 16, 4
"""Rows followed at a time, as many as found something before; and in vain, when the steps are used up."""

_AHEAD = 4
"""An orbit is followed for four times as many steps as all rows have done, then waits for them."""

_BUDGET, _FLOOR = 4.0, 12
"""Following may take four times the plain steps of all rows, or those of a dozen rows where these are fewer."""

_TANGENTS = 8
"""One step with tangents counts as eight plain ones."""

_LONGEST_PERIOD = 4096

_TRIES = 4
"""Long periods that are tried in vain before they are left alone: a slow spiral shows some to every orbit."""

_WAY_IN = 6
"""Turns of the slowest circle that every row has time for, to come to it, before it is followed itself."""

_ROTATED = 2048
"""Steps over which the mean rotation on a circle is taken."""

_COMPARED = 64
"""Samples of a new orbit that are compared with those of known attractors."""


class RecurrentDetector(Detector):
    """The circles, tori and chaotic sets known so far."""

    kinds = (AttractorKind.CIRCLE, AttractorKind.TORUS, AttractorKind.CHAOTIC)

    def __init__(self, system: AutonomousMap, rows: Rows, limits: Limits, periodic: PeriodicDetector) -> None:
        super().__init__(system, rows, limits)
        self.periodic = periodic
        self.orbits: list[MovingOrbit] = []
        self._matcher = Matcher(system, rows, limits, self.orbits)
        self._next_look = _FIRST
        self._in_vain = 0  # long periods that Newton's method found no cycle of
        self._turning: tuple[int, TurnSearch] | None = None  # the row that is looked at for a limit cycle
        self._no_turn = False  # such a look was in vain
        self._open: dict[int, MovingOrbit] = {}  # orbits followed that have not told their kind yet
        self._given_up = torch.zeros_like(rows.rested)  # followed to no avail
        self._spent = 0

    def restore(self, known: Attractors, row: int) -> None:
        samples = known.orbits[row].to(self.system.device, self.system.dtype)
        margin, period = known.evidence[row].margin, float(known.mean_periods[row])
        self.orbits.append(MovingOrbit.from_samples(samples, known.kinds[row], margin, period, self.limits.units))
        self.restored.append((known, row))

    def look(self, pause: Pause) -> None:
        """Follow a few rows that still move, whenever as many steps again are done; more if it is the last time."""
        if pause.afresh and (pause.last or self.rows.done >= self._next_look):
            # In a gap between samples, as nearly resonant circles leave them, a row may be near for ever, never on it.
            self._look(pause.last, every=pause.last and pause.stretch is None)

    def coming(self) -> Tensor:
        return self._approaching() if self.orbits else super().coming()

    def way_in(self) -> tuple[int, int]:
        """By whole turns of the slowest circle, on which a row is nearer to the curve here than there."""
        part, parts = super().way_in()
        return (math.ceil(self._slowest_turn), _WAY_IN) if self._slowest_turn > part else (part, parts)

    @property
    def _slowest_turn(self) -> float:
        turns = (orbit.period for orbit in self.orbits if orbit.kind == "circle" and math.isfinite(orbit.period))
        return max(turns, default=0.0)

    def _approaching(self, again: bool = False) -> Tensor:
        """Rows [k] that are near to what is known, or had no time yet to come to a circle as slow as the slowest."""
        return self._matcher.match(again) | (self.rows.done < _WAY_IN * self._slowest_turn)

    @doing("confirming what moves")
    def confirm(self) -> bool:
        return Confirmation(self.system, self.rows, self.limits, self.orbits, self.periodic.cycles).run()

    def entries(self) -> list[Entry]:
        return [self._entry(index) for index, orbit in enumerate(self.orbits) if orbit.kind is not None]  # or withdrawn

    def _look(self, last: bool, every: bool) -> None:
        """Follow one row at first; as many again and more for as long as that finds attractors or catches rows.

        Rows that come to an attractor are followed only if ``every`` row is to be.
        """
        self._next_look = 2 * self.rows.done
        approaching = self._approaching() & (not every)
        count = 1
        while True:
            before = len(self.rows.active)
            if not self._look_for_turn(last, approaching):
                orbits = self._picked(count, last, approaching)
                if not orbits:
                    return
                self._run_on(orbits, last)
            # What is not near an attractor yet may come there by plain steps.
            approaching = self._approaching(again=True) & (not every)
            if len(self.rows.active) < before:
                count = min(2 * count, _TOGETHER)
            elif not last or count == _LAST:
                return
            else:
                count = _LAST

    def _affords(self, steps: int) -> bool:
        return self._spent + steps <= _BUDGET * max(self.rows.plain_work, _FLOOR * self.limits.settle.max_steps)

    def _movers(self, approaching: Tensor) -> Tensor:
        """Rows that move for ever, as it seems; not those that drift slowly or keep running away."""
        rows = self.rows.active
        runs = self.rows.keeps_on(rows).any(dim=-1)
        return rows[~self.rows.slow[rows] & ~self._given_up[rows] & ~runs & ~approaching[rows]]

    def _look_for_turn(self, last: bool, approaching: Tensor) -> bool:
        """Look for a limit cycle by the plain steps of one row; returns whether there was anything to look at."""
        if self._turning is None:
            rows = self._movers(approaching)
            if self._no_turn or not len(rows):
                return False
            row = int(self.rows.spread(rows, 1)[0])
            search = TurnSearch(self.rows.states[row], self.limits)
            self._turning = row, search
        row, search = self._turning
        taken = search.run_on(self.system, search.most if last else _AHEAD * _AHEAD * self.rows.done)
        self._spent += taken
        self.rows.plain_work += taken
        if not search.over:
            return taken > 0
        self._turning = None
        if search.closed and int(self.rows.fates[row]) == ACTIVE:
            orbit = closed_orbit(self.system, search, self.limits)
            self._spent += _TANGENTS * (orbit.total - search.steps)
            self._place(row, orbit)
            self._no_turn = orbit.kind is None
        else:
            self._no_turn = True
        return True

    def _picked(self, count: int, last: bool, approaching: Tensor) -> list[int]:
        """The rows to follow: those that were followed already, and further ones far from these."""
        movers = self._movers(approaching)
        movers = movers if last else movers[self.rows.speeds[movers] > 0]
        active = set(movers.tolist())
        self._open = {row: orbit for row, orbit in self._open.items() if row in active}
        fresh = movers[[row not in self._open for row in movers.tolist()]] if len(movers) else movers
        picked = [*self._open, *self.rows.spread(fresh, count).tolist()]
        limit = self._limit(last)
        while picked and not self._affords(_TANGENTS * len(picked) * FIRST_LOOK):
            picked.pop()
        return [row for row in picked if row not in self._open or 2 * self._open[row].total < limit]

    def _limit(self, last: bool) -> int:
        most = max(self.limits.settle.max_steps, FIRST_LOOK)
        return most if last else min(most, max(_AHEAD * self.rows.done, FIRST_LOOK))

    @doing("exponents of what moves")
    def _run_on(self, rows: list[int], last: bool) -> None:
        """Let orbits from ``rows`` run on until they tell their kind, or are ahead of the others."""
        for row in rows:
            if row not in self._open:
                (self._open[row],) = start_orbits(self.rows.states[row][None], self.limits.units, self.limits.seed)
        limit = self._limit(last)
        undecided = list(rows)
        while undecided:
            orbits = [self._open[row] for row in undecided]
            steps = min(max(orbit.total, FIRST_LOOK) for orbit in orbits)
            affordable = self._affords(_TANGENTS * steps * len(orbits))
            if affordable:
                run_on(self.system, orbits, steps, self.limits.memory_budget)
                self._spent += _TANGENTS * steps * len(orbits)
                self.rows.plain_work += steps * len(orbits)
            for row, orbit in zip(undecided, orbits, strict=True):
                final = orbit.total + max(orbit.total, FIRST_LOOK) > self._limit(last=True)
                judge(orbit, self.limits, last=final or (last and not affordable))
                if orbit.kind is not None or final:
                    self._place(row, self._open.pop(row))
            undecided = [row for row in undecided if row in self._open and 2 * self._open[row].total <= limit]
            if not affordable:
                return

    def _place(self, row: int, orbit: MovingOrbit) -> None:
        """Enter a followed orbit among the attractors, unless it belongs to one already."""
        if int(self.rows.fates[row]) != ACTIVE:
            return
        self.rows.states[row] = orbit.state
        self.rows.times[row] += orbit.total
        if orbit.kind == "contracting":
            self.periodic.catch()
            if int(self.rows.fates[row]) == ACTIVE:
                self._catch_on_long_cycle(orbit)
        elif orbit.kind is None:
            self._given_up[row] = True
        elif orbit.kind == "neutral":
            self.rows.fates[row] = Fate.NEUTRAL
        else:
            some = orbit.samples[:: max(1, len(orbit.samples) // _COMPARED)].unsqueeze(1)
            owners = [index for index, other in enumerate(self.orbits) if other.owns(some)]
            if not owners:
                owners = [len(self.orbits)]
                self.orbits.append(orbit)
                self._matcher.forget()
                self._measure_turn(orbit)
            self.rows.fates[row] = Fate.SETTLED
            self.rows.orbit[row] = owners[0]

    def _measure_turn(self, orbit: MovingOrbit) -> None:
        if orbit.kind == "circle" and math.isnan(orbit.period):
            path = watch(self.system, orbit.state.unsqueeze(0), _ROTATED)[0]
            self.rows.plain_work += _ROTATED
            orbit.period = mean_turn(path[:, 0] / orbit.size)

    def _catch_on_long_cycle(self, orbit: MovingOrbit) -> None:
        """Look for a cycle of any period that this many steps show."""
        path = watch(self.system, orbit.state.unsqueeze(0), _LONGEST_PERIOD)[0]
        self.rows.plain_work += _LONGEST_PERIOD
        away = (path - orbit.state) / sizes(path, self.limits.units).amax(dim=0)
        period = int(candidate_periods(away.norm(dim=-1))[0][0])
        if period <= 1 or self._in_vain == _TRIES:
            return
        cycles = polish_cycle(self.system, orbit.state[None], period, self.limits)
        self.periodic.add_cycles(cycles)
        self._in_vain += not cycles

    def _entry(self, index: int) -> Entry:
        orbit, rows = self.orbits[index], (self.rows.orbit == index).nonzero().squeeze(-1)
        if index < len(self.restored):
            return Entry.restored(*self.restored[index], rows)
        others = [other for other in self.orbits if other is not orbit and other.kind is not None]
        spectrum = orbit.spectrum
        evidence = Evidence(
            residual=torch.nan,
            multipliers=torch.empty(0, dtype=torch.complex128),
            exponents=spectrum.exponents[0].double(),
            exponent_errors=spectrum.errors[0].double(),
            weighted_exponents=spectrum.weighted[0].double(),
            dwell=orbit.total,
            matched="moves among its samples",
            margin=min([orbit.margin, *(orbit.separation(other) for other in others)]),
        )
        return Entry(AttractorKind(str(orbit.kind)), orbit.samples, evidence, rows, orbit.period)
