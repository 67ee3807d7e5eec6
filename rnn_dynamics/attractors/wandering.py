"""Rows that never rest nor repeat: a few are followed until their kind is clear, the others compared with these."""

import torch
from torch import Tensor

from ..progress import doing
from ..systems import AutonomousMap
from . import moving, periodic
from .catching import Catcher
from .judgement import judge
from .moving import MovingOrbit
from .outcomes import Fate
from .rows import ACTIVE, Limits, Rows

_FIRST = 256
"""Plain steps before a row is suspected to move for ever."""

_TOGETHER, _BATCHES = 16, 4
"""Rows followed at a time, and how many times when their steps are used up."""

_TURNS, _LONGEST = 8, 20
"""A slow circle is followed for eight turns, if these take no more than twenty times ``max_steps``."""

_LONGEST_PERIOD = 4096

_TRIES = 4
"""Long periods that are tried in vain before they are left alone: a slow spiral shows some to every orbit."""

_SURVIVORS, _SURVIVED = 128, 2048
"""A chaotic set must keep so many of its rows for so many steps, or else it is a long transient."""

_STAYED = 0.5
"""A row has stayed if half of the states that are looked at are within reach of samples; of one that left none is."""

_APART, _SHARPER = 20.0, 4
"""Attractors fewer than twenty times their reach apart are sampled anew, by 2,048 further steps."""

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
        self._looked = False
        self._in_vain = 0  # long periods that Newton's method found no cycle of
        self._given_up = torch.zeros(len(rows), dtype=torch.bool, device=rows.states.device)  # followed to no avail

    def look(self, last: bool) -> None:
        """Follow a few rows that still move, whenever as many steps again are done; more if it is the ``last`` time."""
        if self.rows.done < self._next_look and not last:
            return
        self._next_look = 2 * self.rows.done
        approaching = self._match()
        for _ in range(_BATCHES if last else 1):
            rows = self.rows.active
            rows = rows[~self.rows.slow[rows] & ~self._given_up[rows] & (last | ~approaching[rows])]
            if not len(rows):
                return
            picked = self._affordable(self.rows.spread(rows, _TOGETHER if self._looked else 1))
            self._looked = True
            for row, orbit in zip(picked.tolist(), self._followed(picked), strict=True):
                self._place(row, orbit)
            approaching = self._match()  # what is not near an attractor yet may come there by plain steps

    def _affordable(self, rows: Tensor) -> Tensor:
        """Only one row if some turn so slowly that a few turns take more than ``max_steps``: others may run with it."""
        dear = rows[_TURNS * self.rows.turns[rows] > self.limits.max_steps]
        return dear[:1] if len(dear) else rows

    @doing("exponents of what moves")
    def _followed(self, rows: Tensor) -> list[MovingOrbit]:
        orbits = moving.start_orbits(self.rows.states[rows], self.limits.seed)
        turning = min(_TURNS * float(self.rows.turns[rows].max()), _LONGEST * self.limits.max_steps)
        limit = max(self.limits.max_steps, moving.FIRST_LOOK, turning)
        undecided, steps = orbits, moving.FIRST_LOOK
        while undecided:
            moving.follow(self.system, undecided, steps, self.limits.memory_budget)
            self.rows.plain_work += steps * len(undecided)
            steps *= 2
            for orbit in undecided:
                judge(orbit, self.limits.exponent_tolerance, last=orbit.total + steps > limit)
            undecided = [orbit for orbit in undecided if orbit.kind is None and orbit.total + steps <= limit]
        return orbits

    def _place(self, row: int, orbit: MovingOrbit) -> None:
        """Enter a followed orbit among the attractors, unless it belongs to one already."""
        self.rows.states[row] = orbit.state
        self.rows.times[row] += orbit.total
        if orbit.kind == "contracting":
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
            self.rows.fates[row] = Fate.SETTLED
            self.rows.orbit[row] = owners[0]

    def _catch_on_long_cycle(self, orbit: MovingOrbit) -> None:
        """Look for a cycle of any period that this many steps show."""
        distances, state = [], orbit.state
        for _ in range(_LONGEST_PERIOD):
            state = self.system(state)
            distances.append((state - orbit.state).norm())
        self.rows.plain_work += _LONGEST_PERIOD
        period = int(periodic.candidate_periods(torch.stack(distances).unsqueeze(1))[0][0])
        if period <= 1 or self._in_vain == _TRIES:
            return
        cycles = periodic.polish_cycle(self.system, orbit.state[None], period, self.limits)
        self.catcher.add_cycles(cycles)
        self._in_vain += not cycles

    def _match(self) -> Tensor:
        """Give active rows to circles, tori and chaotic sets among whose samples they move.

        Returns:
            Which rows are near one but not on it, [k].
        """
        approaching = torch.zeros_like(self._given_up)
        rows = self.rows.active
        for part in rows.split(moving.rows_watched(self.system, self.limits.memory_budget)):
            if not self.orbits:
                break
            path, states = moving.watch(self.system, self.rows.states[part])
            self.rows.move(part, states, len(path))
            for index, orbit in enumerate(self.orbits):
                mine = part[orbit.owns(path) & (self.rows.fates[part] == ACTIVE)]
                self.rows.fates[mine] = Fate.SETTLED
                self.rows.orbit[mine] = index
                left = self.rows.fates[part] == ACTIVE
                approaching[part[left]] |= orbit.is_near(path[:, left])
        return approaching

    @doing("confirming what moves")
    def confirm(self) -> bool:
        """Look once more at what was found here; returns whether anything is withdrawn, its rows being active again."""
        withdrawn = False
        for index, orbit in enumerate(self.orbits):
            if not orbit.growth:
                continue  # one that was known before was confirmed then
            if self._is_another(index, orbit):
                continue
            if orbit.kind == "chaotic":
                moving.refine(self.system, orbit, self.limits.seed, self.limits.memory_budget)
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
        for sampled in (orbit, *(other for _, other in near if other.growth)):
            sampled.forget()
            moving.follow(self.system, [sampled], moving.FIRST_LOOK * _SHARPER, self.limits.memory_budget)
        path, _ = moving.watch(self.system, orbit.state.unsqueeze(0), _COMPARED)
        for position, other in near:
            if bool(other.owns(path)):
                self.rows.orbit[self.rows.orbit == index] = position
                orbit.kind = None
                return True
        return False

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
        return bool(orbit.is_near(moving.watch(self.system, states)[0], _STAYED).all())
