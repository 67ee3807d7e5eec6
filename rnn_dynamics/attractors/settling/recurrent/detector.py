"""Rows that never rest nor repeat: a few are followed until their kind is clear, the others compared with these."""

import math

import torch
from torch import Tensor

from ....progress import doing
from ....systems import AutonomousMap, sizes
from ...outcomes import Fate
from ..periodic import Catcher, candidate_periods, polish_cycle
from ..starts import ACTIVE, Limits, Rows
from .judgement import judge
from .orbit import FIRST_LOOK, MovingOrbit, follow, refine, rows_watched, start_orbits, watch
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

_ROTATED = 2048
"""Steps over which the mean rotation on a circle is taken."""

_SURVIVORS, _SURVIVED = 128, 2048
"""A chaotic set must keep so many of its rows for so many steps, or else it is a long transient."""

_STAYED = 0.5
"""A row has stayed if half of the states that are looked at are within reach of samples; of one that left none is."""

_APART, _SHARPER = 20.0, 4
"""Attractors fewer than twenty times their reach apart are sampled anew, by 2,048 further steps."""

_FILLED = 32
"""Times 512 steps by which a circle is sampled once more that may be another one: one that all but returns after 61
steps is then covered all over."""

_NEARER = 0.5
"""A row comes to a known attractor if it is half as far from its samples as at the look before."""

_FALLS, _FELL = 3, 0.9
"""A row that runs near a circle, and in three looks on end is nearer to the curve by a tenth, comes to it."""

_COMPARED = 64
"""Samples of a new orbit that are compared with those of known attractors."""


class Wanderer:
    """The circles, tori and chaotic sets known so far."""

    def __init__(
        self, system: AutonomousMap, rows: Rows, limits: Limits, catcher: Catcher, orbits: list[MovingOrbit]
    ) -> None:
        self.system, self.rows, self.limits, self.catcher = system, rows, limits, catcher
        self.orbits = orbits
        self._next_look = _FIRST
        self._in_vain = 0  # long periods that Newton's method found no cycle of
        self._turning: tuple[int, TurnSearch] | None = None  # the row that is looked at for a limit cycle
        self._no_turn = False  # such a look was in vain
        self._open: dict[int, MovingOrbit] = {}  # orbits followed that have not told their kind yet
        self._given_up = torch.zeros(len(rows), dtype=torch.bool, device=rows.states.device)  # followed to no avail
        self._spent = 0
        self._nearest = rows.states.new_full((len(rows),), torch.inf)  # to samples of attractors, at the last look
        self._off = rows.states.new_full((len(rows),), torch.inf)  # the nearest circle, at the last look
        self._compared = 0  # when that was
        self._falls = torch.zeros_like(self._nearest)  # looks at which it was less than before
        self._coming = torch.zeros_like(self._given_up)

    def look(self, last: bool, every: bool = False) -> None:
        """Follow a few rows that still move, whenever as many steps again are done; more if it is the ``last`` time.

        One at first; as many again and more for as long as that finds attractors or catches rows. Rows that come to an
        attractor are followed only if ``every`` row is to be.
        """
        if self.rows.done < self._next_look and not last:
            return
        self._next_look = 2 * self.rows.done
        approaching = self.match() & (not every)
        count = 1
        while True:
            before = len(self.rows.active)
            if not self._follow_turn(last, approaching):
                orbits = self._picked(count, last, approaching)
                if not orbits:
                    return
                self._follow(orbits, last)
            # What is not near an attractor yet may come there by plain steps.
            approaching = self.match(again=True) & (not every)
            if len(self.rows.active) < before:
                count = min(2 * count, _TOGETHER)
            elif not last or count == _LAST:
                return
            else:
                count = _LAST

    def _affords(self, steps: int) -> bool:
        return self._spent + steps <= _BUDGET * max(self.rows.plain_work, _FLOOR * self.limits.max_steps)

    def _movers(self, approaching: Tensor) -> Tensor:
        """Rows that move for ever, as it seems; not those that drift slowly or keep running away."""
        rows = self.rows.active
        runs = self.rows.keeps_on(rows).any(dim=-1)
        return rows[~self.rows.slow[rows] & ~self._given_up[rows] & ~runs & ~approaching[rows]]

    def _follow_turn(self, last: bool, approaching: Tensor) -> bool:
        """Look for a limit cycle by the plain steps of one row; returns whether there was anything to look at."""
        if self._turning is None:
            rows = self._movers(approaching)
            if self._no_turn or not len(rows):
                return False
            row = int(self.rows.spread(rows, 1)[0])
            search = TurnSearch(self.rows.states[row], self.limits)
            self._turning = row, search
        row, search = self._turning
        taken = search.follow(self.system, search.most if last else _AHEAD * _AHEAD * self.rows.done)
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
        most = max(self.limits.max_steps, FIRST_LOOK)
        return most if last else min(most, max(_AHEAD * self.rows.done, FIRST_LOOK))

    @doing("exponents of what moves")
    def _follow(self, rows: list[int], last: bool) -> None:
        """Follow orbits from ``rows`` until they tell their kind, or are ahead of the others."""
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
                follow(self.system, orbits, steps, self.limits.memory_budget)
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
            self.catcher.catch()
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
                self._nearest.fill_(torch.inf)
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
        self.catcher.add_cycles(cycles)
        self._in_vain += not cycles

    def match(self, again: bool = False) -> Tensor:
        """Give active rows to circles, tori and chaotic sets among whose samples they move.

        Args:
            again: a further time at the same look, so that how far a row has come since the last is known already.

        Returns:
            Which rows are near one but not on it, or come to it, or may since it was not known before, [k].
        """
        approaching = torch.zeros_like(self._given_up)
        rows = self.rows.active
        for part in rows.split(rows_watched(self.system, self.limits.memory_budget)):
            if not self.orbits:
                break
            path, states = watch(self.system, self.rows.states[part])
            self.rows.move(part, states, len(path))
            nearest = torch.full_like(self._nearest[part], torch.inf)
            off, closest = nearest.clone(), torch.full_like(part, -1)
            for index, orbit in enumerate(self.orbits):
                mine = part[orbit.owns(path) & (self.rows.fates[part] == ACTIVE)]
                self.rows.fates[mine] = Fate.SETTLED
                self.rows.orbit[mine] = index
                left = self.rows.fates[part] == ACTIVE
                near, away, across = orbit.nearness(path[:, left])
                approaching[part[left]] |= near
                nearest[left] = torch.minimum(nearest[left], away)
                better = near & (across < off[left])
                off[left] = torch.where(better, across, off[left])
                closest[left] = torch.where(better, index, closest[left])
            comes = nearest <= _NEARER * self._nearest[part]
            if again:
                comes |= self._coming[part] | self._nearest[part].isinf()
            else:
                self._nearest[part] = nearest
                if self._compared < self.rows.done:
                    self._catch_nearing(part, off, closest)
            self._coming[part] = comes
            approaching[part] |= comes
        if not again:
            self._compared = self.rows.done
        self.rows.coming = approaching
        return approaching

    def _catch_nearing(self, rows: Tensor, off: Tensor, closest: Tensor) -> None:
        """Give ``rows`` to the circle that each runs along and, ``off`` the curve as it is, has come ever nearer to."""
        fell = (off <= _FELL * self._off[rows]) & self._off[rows].isfinite()
        self._falls[rows] = torch.where(fell, self._falls[rows] + 1, 0.0)
        self._off[rows] = off
        caught = (self._falls[rows] >= _FALLS) & (closest >= 0) & (self.rows.fates[rows] == ACTIVE)
        self.rows.fates[rows[caught]] = Fate.SETTLED
        self.rows.orbit[rows[caught]] = closest[caught]

    @doing("confirming what moves")
    def confirm(self) -> bool:
        """Look once more at what was found here; returns whether anything is withdrawn, its rows being active again."""
        withdrawn = False
        for index, orbit in enumerate(self.orbits):
            if orbit.known:
                continue  # one that was known before was confirmed then
            if self._is_another(index, orbit):
                continue
            if orbit.kind == "chaotic":
                refine(self.system, orbit, self.limits.seed, self.limits.memory_budget)
            if not self._lasts(index, orbit):
                orbit.kind = None
                members = self.rows.orbit == index
                self.rows.orbit[members] = -1
                self.rows.fates[members] = ACTIVE
                withdrawn = True
        return withdrawn

    def _is_another(self, index: int, orbit: MovingOrbit) -> bool:
        """Give the rows of an attractor to another one that it turns out to be, sampled anew where they are near."""
        near = [
            (position, other)
            for position, other in enumerate(self.orbits)
            if other is not orbit and other.kind == orbit.kind and orbit.separation(other) < _APART
        ]
        if not near:
            return False
        sampled = [orbit, *(other for _, other in near if not other.known)]
        for one in sampled:
            one.forget()
            follow(self.system, [one], FIRST_LOOK * _SHARPER, self.limits.memory_budget)
        owner = self._owner(orbit, near)
        if owner is None and orbit.kind == "circle":  # a nearly resonant one fills its gaps slowly
            for one in sampled:
                self._sample_on(one)
            owner = self._owner(orbit, near)
        if owner is None:
            return False
        self.rows.orbit[self.rows.orbit == index] = owner
        orbit.kind = None
        return True

    def _owner(self, orbit: MovingOrbit, near: list[tuple[int, MovingOrbit]]) -> int | None:
        """The attractor among those ``near``, each with its position, that an orbit runs on."""
        path, _ = watch(self.system, orbit.state.unsqueeze(0), _COMPARED)
        return next((position for position, other in near if bool(other.owns(path))), None)

    def _sample_on(self, orbit: MovingOrbit) -> None:
        """Sample an orbit by further plain steps."""
        for _ in range(_FILLED):
            orbit.sample(watch(self.system, orbit.state.unsqueeze(0), FIRST_LOOK)[0][:, 0])
        self.rows.plain_work += _FILLED * FIRST_LOOK
        orbit.compare()

    def _lasts(self, index: int, orbit: MovingOrbit) -> bool:
        """Whether a circle holds no stable cycle, and a chaotic set's exponent stays positive and its rows on it."""
        if orbit.kind == "circle":
            return not any(bool(orbit.owns(cycle.orbit.unsqueeze(1))) for cycle in self.catcher.cycles)
        if orbit.kind != "chaotic":
            return True
        spectrum = orbit.spectrum
        value, error = float(spectrum.exponents[0, 0]), float(spectrum.errors[0, 0])
        if not value > max(self.limits.exponent_tolerance, 3 * error):
            return False
        rows = (self.rows.orbit == index).nonzero().squeeze(-1)[:_SURVIVORS]
        states = self.system.iterate(self.rows.states[rows], _SURVIVED)
        self.rows.move(rows, states, _SURVIVED)
        orbit.total += _SURVIVED
        if not states.isfinite().all():
            return False
        return bool(orbit.is_near(watch(self.system, states)[0], _STAYED).all())
