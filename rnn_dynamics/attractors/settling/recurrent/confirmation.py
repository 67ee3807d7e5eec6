"""A last look at circles and chaos that were found: whether two are one, and whether each lasts."""

from ....systems import AutonomousMap
from ..periodic import Periodic
from ..starts import ACTIVE, Limits, Rows
from .orbit import FIRST_LOOK, MovingOrbit, refine, run_on, watch

_SURVIVORS, _SURVIVED = 128, 2048
"""A chaotic set must keep so many of its rows for so many steps, or else it is a long transient."""

_STAYED = 0.5
"""A row has stayed if half of the states that are looked at are within reach of samples; of one that left none is."""

_APART, _SHARPER = 20.0, 4
"""Attractors fewer than twenty times their reach apart are sampled anew, by 2,048 further steps."""

_FILLED = 32
"""Times 512 steps by which a circle is sampled once more that may be another one: one that all but returns after 61
steps is then covered all over."""

_COMPARED = 64
"""Steps of an orbit that are compared with the samples of another attractor."""


class Confirmation:
    """Attractors found among ``orbits``, and the rows on them."""

    def __init__(
        self, system: AutonomousMap, rows: Rows, limits: Limits, orbits: list[MovingOrbit], cycles: list[Periodic]
    ) -> None:
        self.system, self.rows, self.limits = system, rows, limits
        self.orbits, self.cycles = orbits, cycles

    def run(self) -> bool:
        """Look once more at what was found here; returns whether anything is withdrawn, its rows being active again."""
        withdrawn = False
        for index, orbit in enumerate(self.orbits):
            if orbit.known:
                continue  # one that was known before was confirmed then
            if self._is_another(index, orbit):
                continue
            if orbit.kind == "chaotic":
                enough = self.limits.settle.exponent_error
                refine(self.system, orbit, enough, self.limits.seed, self.limits.memory_budget)
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
            run_on(self.system, [one], FIRST_LOOK * _SHARPER, self.limits.memory_budget)
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
            return not any(bool(orbit.owns(cycle.orbit.unsqueeze(1))) for cycle in self.cycles)
        if orbit.kind != "chaotic":
            return True
        spectrum = orbit.spectrum
        value, error = float(spectrum.exponents[0, 0]), float(spectrum.errors[0, 0])
        if not value > max(self.limits.settle.exponent_tolerance, 3 * error):
            return False
        rows = (self.rows.orbit == index).nonzero().squeeze(-1)[:_SURVIVORS]
        states = self.system.iterate(self.rows.states[rows], _SURVIVED)
        self.rows.move(rows, states, _SURVIVED)
        orbit.total += _SURVIVED
        if not states.isfinite().all():
            return False
        return bool(orbit.is_near(watch(self.system, states)[0], _STAYED).all())
