"""Orbits that never rest nor repeat, followed until their kind is clear."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..systems import AutonomousMap
from .lyapunov import LyapunovSpectrum, carry_tangents, random_tangents, spectrum_of
from .samples import Comparison, as_curve, compare_halves, on_curve, share_within

EXPONENTS, _MOST_EXPONENTS = 6, 128
"""Leading exponents that are computed: enough to tell circle, torus and chaos; and at most, for a dimension."""

FIRST_LOOK = 512
"""Steps of a first look, doubled until the kind is decided."""

_SAMPLES = 2048
"""States kept of an orbit at most; when there are more, half of them are dropped."""

_WATCHED = 16
"""States of another orbit that are compared with the samples."""

_NEAR = 0.9
"""An orbit belongs to an attractor if 90 % of its states do."""

_COMPARED = 64
"""States of an orbit's earlier half that are compared with the later one."""

_SPARE = 4
"""Of these every fourth is compared with the curve of a circle, which is stricter and dearer."""

_EVERY = 4
"""Steps between two QR factorisations."""

_NUDGE = 1e-3
"""Of an attractor's standard deviation."""

_ACCURACY, _STRETCH, _REFINED = 0.004, 256, 32
"""The relative error at which a chaotic exponent is good enough; stretches of 256 steps, at most 32 of them."""


@dataclass(eq=False)
class MovingOrbit:
    """One orbit, followed until its kind is clear."""

    state: Tensor  # [n], the last
    tangents: Tensor  # [n, q]
    samples: Tensor  # [s, n]
    growth: list[Tensor] = field(default_factory=list)  # [t, q] each
    stride: int = 1  # steps for each sample kept
    total: int = 0  # steps since it was first followed
    kind: str | None = None
    margin: float = 0.0
    halves: Comparison = field(default_factory=Comparison)
    refined: LyapunovSpectrum | None = None
    _generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    @property
    def spectrum(self) -> LyapunovSpectrum:
        """Of the one orbit, or of many side by side once it is refined."""
        if self.refined is not None:
            return self.refined
        rates = torch.cat(self.growth).unsqueeze(1)
        return spectrum_of(rates, len(self.state), _EVERY * len(rates))

    def sample(self, path: Tensor) -> None:
        """Keep states of the orbit's further ``path`` [t, n], at random times once there are many."""
        self.state = path[-1]
        self.samples = torch.cat([self.samples, self._some(path, len(path) // self.stride)])
        while len(self.samples) > _SAMPLES:
            # Every second one would miss half of an attractor that consists of two pieces, visited in turn.
            self.samples, self.stride = self._some(self.samples, len(self.samples) // 2), 2 * self.stride

    def forget(self) -> None:
        """Begin to sample anew, now that the orbit is closer to its attractor."""
        self.samples, self.stride = self.samples[:0], 1

    def _some(self, states: Tensor, count: int) -> Tensor:
        if count == len(states):
            return states
        return states[torch.randperm(len(states), generator=self._generator)[:count].sort().values.to(states.device)]

    @classmethod
    def from_samples(cls, samples: Tensor, kind: str, margin: float) -> "MovingOrbit":
        """An attractor found before."""
        none = samples.new_empty(samples.shape[1], 0)
        halves = compare_halves(samples)
        halves = as_curve(samples, halves) if kind == "circle" else halves
        return cls(samples[-1], none, samples, kind=kind, margin=margin, halves=halves)

    def owns(self, paths: Tensor) -> Tensor:
        """Whether each of the paths [t, r, n] runs on this attractor, [r].

        On a circle states must lie on the curve through the samples. On a torus or chaotic set they must be no farther
        from samples than these are from one another, some of them no farther than half of these.
        """
        if self.kind == "circle":
            return on_curve(paths[::_SPARE], self.samples, self.halves) >= _NEAR
        near, nearest = share_within(paths, self.samples, self.halves, bridged=self.kind == "torus")
        return (near >= _NEAR) & (nearest <= self.halves.typical)

    def is_near(self, paths: Tensor, share: float = _NEAR) -> Tensor:
        """Whether each of the paths [t, r, n] runs near this attractor, on it or about to come to it, [r]."""
        return share_within(paths, self.samples, self.halves, bridged=False)[0] >= share

    def is_stationary(self) -> bool:
        """Whether a circle's earlier states lie on the curve through the later ones."""
        early, late = self.samples.chunk(2)
        some = early[:: max(1, len(early) // _COMPARED)].unsqueeze(1)
        return bool(on_curve(some, late, as_curve(late, compare_halves(late))) >= _NEAR)

    def separation(self, other: "MovingOrbit") -> float:
        """How many times its reach the other's samples are away from this attractor's, in the median."""
        distance = torch.cdist(other.samples, self.samples).amin(dim=1).median()
        return float(distance) / max(self.halves.reach, 1e-300)


def watch(system: AutonomousMap, states: Tensor, steps: int = _WATCHED) -> tuple[Tensor, Tensor]:
    """The next ``steps`` states of each row, [steps, r, n], and the last of them."""
    path = []
    for _ in range(steps):
        states = system(states)
        path.append(states)
    return torch.stack(path), states


def start_orbits(states: Tensor, seed: int) -> list[MovingOrbit]:
    """An orbit at each of the states [r, n], not yet followed."""
    tangents = random_tangents(states, min(states.shape[-1], EXPONENTS), seed)
    return [MovingOrbit(state, tangent, state[None][:0]) for state, tangent in zip(states, tangents, strict=True)]


def rows_watched(system: AutonomousMap, memory_budget: int) -> int:
    """How many rows can be watched at a time."""
    return max(1, memory_budget // (4 * _WATCHED * system.state_size * (torch.finfo(system.dtype).bits // 8)))


def follow(system: AutonomousMap, orbits: list[MovingOrbit], steps: int, memory_budget: int) -> None:
    """Move orbits on by ``steps``; what they did before is forgotten where it was not yet on the attractor."""
    tangents = torch.stack([orbit.tangents for orbit in orbits])
    rates: list[Tensor] = []
    for orbit in orbits:
        if orbit.halves.transient:
            orbit.growth, orbit.samples = [], orbit.samples[:0]
    at_once = max(_EVERY, rows_watched(system, memory_budget) * _WATCHED // len(orbits) // _EVERY * _EVERY)
    for begin in range(0, steps, at_once):
        states = torch.stack([orbit.state for orbit in orbits])
        path, tangents, growth = carry_tangents(
            system, states, tangents, min(at_once, steps - begin), _EVERY, memory_budget
        )
        rates.append(growth.cpu())
        for row, orbit in enumerate(orbits):
            orbit.sample(path[:, row])
    whole = torch.cat(rates)
    for row, orbit in enumerate(orbits):
        orbit.tangents = tangents[row]
        # At first tangents have to turn to their directions.
        orbit.growth.append(whole[:, row] if orbit.growth else whole[len(whole) // 8 :, row])
        orbit.total += steps
        orbit.halves = compare_halves(orbit.samples)


def refine(system: AutonomousMap, orbit: MovingOrbit, seed: int, memory_budget: int) -> None:
    """Sharpen the exponents of a chaotic set by many orbits on it at once, until the first is known to 0.4 %.

    As many exponents are taken as the Kaplan-Yorke dimension needs, if 128 are enough.
    """
    n = orbit.samples.shape[1]
    generator = torch.Generator().manual_seed(seed)
    count = min(32, max(4, 2**21 // n**2))
    states = orbit.samples[torch.randint(len(orbit.samples), (count,), generator=generator).to(orbit.samples.device)]
    # Samples of one orbit would repeat one another's future; a little off, they soon part.
    noise = torch.randn(states.shape, generator=generator, dtype=torch.float64).to(states)
    states = states + _NUDGE * orbit.samples.std(dim=0) * noise
    exponents = min(n, 2 * EXPONENTS)
    tangents = random_tangents(states, exponents, seed)
    growth: list[Tensor] = []
    for _ in range(_REFINED):
        path, tangents, logs = carry_tangents(system, states, tangents, _STRETCH, _EVERY, memory_budget)
        states = path[-1]
        if not growth and exponents < min(n, _MOST_EXPONENTS) and float(logs.mean(dim=(0, 1)).sum()) > 0:
            exponents = min(n, 2 * exponents)
            tangents = random_tangents(states, exponents, seed)
            continue
        growth.append(logs.cpu())
        if len(growth) < 3:
            continue
        rows = spectrum_of(torch.cat(growth[1:]), n, 0)  # in the first, tangents turn
        steps = _STRETCH * (len(growth) - 1) * count
        mean, error = rows.exponents.mean(dim=0, keepdim=True), rows.exponents.std(dim=0, keepdim=True) / count**0.5
        orbit.refined = LyapunovSpectrum(mean, error, rows.weighted.mean(dim=0, keepdim=True), n, steps)
        if float(error[0, 0]) <= _ACCURACY * float(mean[0, 0].abs()):
            return
