"""Orbits that never rest nor repeat, followed until their kind is clear."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ....systems import AutonomousMap, sizes
from ...lyapunov import LyapunovSpectrum, carry_tangents, random_tangents, spectrum_of
from .samples import Comparison, as_curve, compare_halves, compare_turn, off_curve, on_curve, share_within
from .stationarity import drifting

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

EVERY = 4
"""Steps between two QR factorisations."""

_IN_ORDER = 0.2
"""Samples whose steps from one to the next are a tenth of the extent at most, half their reach, lie along a turn."""

_NUDGE = 1e-3
"""Of an attractor's standard deviation."""

_STRETCH, _REFINED = 256, 32
"""Exponents are sharpened by stretches of 256 steps, at most 32 of them."""


@dataclass(eq=False)
class MovingOrbit:
    """One orbit, followed until its kind is clear."""

    state: Tensor  # [n], the last
    tangents: Tensor  # [n, q]
    samples: Tensor  # [s, n]
    units: Tensor  # [n]
    growth: list[Tensor] = field(default_factory=list)  # [t, q] each
    stride: int = 1  # steps for each sample kept
    total: int = 0  # steps since it was first followed
    kind: str | None = None
    margin: float = 0.0
    halves: Comparison = field(default_factory=Comparison)
    period: float = math.nan  # mean steps of one turn on a circle
    drifts: bool = False  # a coordinate has a steady trend
    known: bool = False  # before this search
    refined: LyapunovSpectrum | None = None
    times: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.float64))  # of the samples, [s]
    _generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    @property
    def spectrum(self) -> LyapunovSpectrum:
        """Of the one orbit, or of many side by side once it is refined."""
        if self.refined is not None:
            return self.refined
        rates = torch.cat(self.growth).unsqueeze(1)
        return spectrum_of(rates, len(self.state), EVERY * len(rates))

    @property
    def size(self) -> Tensor:
        """The size of each coordinate on the attractor, [n]: distances between its states are taken in these."""
        return sizes(self.samples, self.units).amax(dim=0)

    @property
    def cloud(self) -> Tensor:
        """The samples, each coordinate in units of its size."""
        return self.samples / self.size

    def sample(self, path: Tensor) -> None:
        """Keep states of the orbit's further ``path`` [t, n], at random times once there are many."""
        self.state = path[-1]
        kept = self._some(len(path), len(path) // self.stride)
        self.samples = torch.cat([self.samples, path[kept.to(path.device)]])
        self.times = torch.cat([self.times, self.total + 1 + kept.double()])
        self.total += len(path)
        while len(self.samples) > _SAMPLES:
            # Every second one would miss half of an attractor that consists of two pieces, visited in turn.
            kept = self._some(len(self.samples), len(self.samples) // 2)
            self.samples, self.times = self.samples[kept.to(path.device)], self.times[kept]
            self.stride *= 2

    def forget(self) -> None:
        """Begin to sample anew, now that the orbit is closer to its attractor."""
        self.samples, self.times, self.stride = self.samples[:0], self.times[:0], 1

    def compare(self) -> None:
        """See how dense the samples are, and whether the orbit has come round; of a circle also how the curve bends."""
        self.halves = compare_halves(self.cloud)
        if self.kind == "circle":
            self.halves = as_curve(self.cloud, self.halves)

    def drifting(self, horizon: float) -> Tensor:
        """Which coordinates have a steady trend, [n]."""
        return drifting(self.samples, self.times, self.size, horizon)

    def _some(self, count: int, chosen: int) -> Tensor:
        if chosen == count:
            return torch.arange(count)
        return torch.randperm(count, generator=self._generator)[:chosen].sort().values

    @classmethod
    def from_samples(cls, samples: Tensor, kind: str, margin: float, period: float, units: Tensor) -> "MovingOrbit":
        """An attractor found before."""
        none = samples.new_empty(samples.shape[1], 0)
        orbit = cls(samples[-1], none, samples, units, kind=kind, margin=margin, period=period, known=True)
        orbit.compare()
        turn = compare_turn(orbit.cloud)
        if kind == "circle" and turn.reach <= _IN_ORDER * turn.extent:
            orbit.halves = as_curve(orbit.cloud, turn)
        return orbit

    def owns(self, paths: Tensor) -> Tensor:
        """Whether each of the paths [t, r, n] runs on this attractor, [r].

        On a circle states must lie on the curve through the samples. On a torus or chaotic set they must be no farther
        from samples than these are from one another, some of them no farther than half of these.
        """
        paths = paths / self.size
        if self.kind == "circle":
            return on_curve(paths[::_SPARE], self.cloud, self.halves) >= _NEAR
        near, nearest = share_within(paths, self.cloud, self.halves, bridged=self.kind == "torus")
        return (near >= _NEAR) & (nearest <= self.halves.typical)

    def is_near(self, paths: Tensor, share: float = _NEAR) -> Tensor:
        """Whether each of the paths [t, r, n] runs near this attractor, on it or about to come to it, [r]."""
        return share_within(paths / self.size, self.cloud, self.halves, bridged=False)[0] >= share

    def nearness(self, paths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same, the smallest distance to a sample, and how far each is off a circle, infinite for others, [r]."""
        paths = paths / self.size
        near, nearest = share_within(paths, self.cloud, self.halves, bridged=False)
        off = torch.full_like(nearest, torch.inf)
        if self.kind == "circle" and paths.shape[1]:
            off = off_curve(paths[::_SPARE], self.cloud, self.halves)
        return near >= _NEAR, nearest, off

    def is_stationary(self) -> bool:
        """Whether a circle's earlier states lie on the curve through the later ones."""
        early, late = self.cloud.chunk(2)
        some = early[:: max(1, len(early) // _COMPARED)].unsqueeze(1)
        return bool(on_curve(some, late, as_curve(late, compare_halves(late))) >= _NEAR)

    def separation(self, other: "MovingOrbit") -> float:
        """How many times its reach the other's samples are away from this attractor's, in the median."""
        distance = torch.cdist(other.samples / self.size, self.cloud).amin(dim=1).median()
        return float(distance) / max(self.halves.reach, 1e-300)


def watch(system: AutonomousMap, states: Tensor, steps: int = _WATCHED) -> tuple[Tensor, Tensor]:
    """The next ``steps`` states of each row, [steps, r, n], and the last of them."""
    path = []
    for _ in range(steps):
        states = system(states)
        path.append(states)
    return torch.stack(path), states


def start_orbits(states: Tensor, units: Tensor, seed: int) -> list[MovingOrbit]:
    """An orbit at each of the states [r, n], not yet followed."""
    tangents = random_tangents(states, min(states.shape[-1], EXPONENTS), seed)
    return [
        MovingOrbit(state, tangent, state[None][:0], units) for state, tangent in zip(states, tangents, strict=True)
    ]


def rows_watched(system: AutonomousMap, memory_budget: int) -> int:
    """How many rows can be watched at a time."""
    return max(1, memory_budget // (4 * _WATCHED * system.state_size * (torch.finfo(system.dtype).bits // 8)))


def run_on(system: AutonomousMap, orbits: list[MovingOrbit], steps: int, memory_budget: int) -> None:
    """Move orbits on by ``steps``; what they did before is forgotten where it was not yet on the attractor."""
    tangents = torch.stack([orbit.tangents for orbit in orbits])
    rates: list[Tensor] = []
    for orbit in orbits:
        if orbit.halves.transient or orbit.drifts:
            orbit.growth = []
            orbit.samples, orbit.times = orbit.samples[:0], orbit.times[:0]
    at_once = max(EVERY, rows_watched(system, memory_budget) * _WATCHED // len(orbits) // EVERY * EVERY)
    for begin in range(0, steps, at_once):
        states = torch.stack([orbit.state for orbit in orbits])
        path, tangents, growth = carry_tangents(
            system, states, tangents, min(at_once, steps - begin), EVERY, memory_budget
        )
        rates.append(growth.cpu())
        for row, orbit in enumerate(orbits):
            orbit.sample(path[:, row])
    whole = torch.cat(rates)
    for row, orbit in enumerate(orbits):
        orbit.tangents = tangents[row]
        # At first tangents have to turn to their directions.
        orbit.growth.append(whole[:, row] if orbit.growth else whole[len(whole) // 8 :, row])
        orbit.compare()


def refine(system: AutonomousMap, orbit: MovingOrbit, enough: float, seed: int, memory_budget: int) -> None:
    """Sharpen the exponents of a chaotic set by many orbits at once, until the first's relative error is ``enough``.

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
        path, tangents, logs = carry_tangents(system, states, tangents, _STRETCH, EVERY, memory_budget)
        stayed = path[-1].isfinite().all(dim=-1)
        if 2 * int(stayed.sum()) >= count:
            # A nudge leads out of a basin whose boundary the attractor touches.
            tangents, logs = tangents[stayed], logs[:, stayed]
            growth = [former[:, stayed.cpu()] for former in growth]
            path = path[:, stayed]
        states = path[-1]
        if not growth and exponents < min(n, _MOST_EXPONENTS) and float(logs.mean(dim=(0, 1)).sum()) > 0:
            exponents = min(n, 2 * exponents)
            tangents = random_tangents(states, exponents, seed)
            continue
        growth.append(logs.cpu())
        if len(growth) < 3:
            continue
        rows = spectrum_of(torch.cat(growth[1:]), n, 0)  # in the first, tangents turn
        steps = _STRETCH * (len(growth) - 1) * len(rows)
        mean, error = (
            rows.exponents.mean(dim=0, keepdim=True),
            rows.exponents.std(dim=0, keepdim=True) / len(rows) ** 0.5,
        )
        orbit.refined = LyapunovSpectrum(mean, error, rows.weighted.mean(dim=0, keepdim=True), n, steps)
        if float(error[0, 0]) <= enough * float(mean[0, 0].abs()):
            return
