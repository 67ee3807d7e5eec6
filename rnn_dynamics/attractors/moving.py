"""Attractors on which the state never rests nor repeats: invariant circles, tori and chaotic sets."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..systems import AutonomousMap
from .lyapunov import LyapunovSpectrum, carry_tangents, random_tangents, spectrum_of

EXPONENTS, _MOST_EXPONENTS = 6, 128
"""Leading exponents that are computed: enough to tell circle, torus and chaos; and at most, for a dimension."""

FIRST_LOOK = 512
"""Steps of a first look, doubled until the kind is decided."""

_SAMPLES = 2048
"""States kept of an orbit at most; when there are more, half of them are dropped."""

_WATCHED = 16
"""States of another orbit that are compared with the samples."""

_NEAR, _SLACK = 0.9, 2.0
"""An orbit belongs to an attractor if 90 % of its states are no farther from the samples than twice the farthest that a
later state of the attractor's own orbit was from the earlier ones: the widest gap between samples."""

_NEIGHBOURS, _BENT = 64, 0.15
"""On a circle or torus whose frequency is all but rational samples leave gaps, in which other orbits may run for long.
A state is on it too if it lies between two samples, off the chord by no more than 15 % of its length, as a curve is
that turns by 70 degrees from one to the other."""

_QUERIED = 2**23
"""Numbers held at a time for that comparison: 64 MB in float64."""

_EVERY = 4
"""Steps between two QR factorisations."""

_SURE = 10.0
"""By how many times an exponent must pass the threshold before more steps are not worth it."""


_NUDGE = 1e-3
"""Of an attractor's standard deviation."""

_SHELLS = (0.06, 0.2)
"""Radii, as shares of the extent, between which the dimension of a set of samples is read off."""

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
    refined: LyapunovSpectrum | None = None
    _generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))
    kind: str | None = None
    margin: float = 0.0
    reach: float = 0.0
    transient: bool = False  # not yet on its attractor
    recurrent: bool = False  # has been round it

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

    def _some(self, states: Tensor, count: int) -> Tensor:
        if count == len(states):
            return states
        return states[torch.randperm(len(states), generator=self._generator)[:count].sort().values.to(states.device)]

    @classmethod
    def from_samples(cls, samples: Tensor, kind: str, margin: float) -> "MovingOrbit":
        """An attractor found before."""
        reach = _compare_halves(samples)[0]
        return cls(samples[-1], samples.new_empty(samples.shape[1], 0), samples, kind=kind, margin=margin, reach=reach)

    def owns(self, paths: Tensor) -> Tensor:
        """Whether each of the paths [t, r, n] runs on this attractor, [r]."""
        return self.share_near(paths) >= _NEAR

    def separation(self, other: "MovingOrbit") -> float:
        """How many times its reach the other's samples are away from this attractor's, in the median."""
        return float(torch.cdist(other.samples, self.samples).amin(dim=1).median()) / max(self.reach, 1e-300)

    def share_near(self, paths: Tensor) -> Tensor:
        """The share of each path's states [t, r, n] that is within reach of the samples, or between two, [r]."""
        queried = max(1, _QUERIED // (_NEIGHBOURS * paths.shape[-1]))
        near = [self._near(part) for part in paths.flatten(0, 1).split(queried)]
        return torch.cat(near).view(paths.shape[:2]).double().mean(dim=0)

    def _near(self, states: Tensor) -> Tensor:
        distance, index = torch.cdist(states, self.samples).topk(min(_NEIGHBOURS, len(self.samples)), largest=False)
        near = distance[:, 0] <= self.reach
        if self.kind == "chaotic" or near.all():
            return near
        # The nearest sample lies on one side of the gap; is one of its neighbours on the other?
        left = ~near
        base = self.samples[index[left, :1]]
        chord, offset = self.samples[index[left, 1:]] - base, states[left].unsqueeze(1) - base
        length = chord.norm(dim=-1).clamp(min=torch.finfo(chord.dtype).tiny)
        along = (chord * offset).sum(dim=-1) / length
        across = (offset - (along / length).unsqueeze(-1) * chord).norm(dim=-1)
        near[left] = ((along >= 0) & (along <= length) & (across <= _BENT * length)).any(dim=-1)
        return near


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
        if orbit.transient:
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
        orbit.reach, orbit.transient, orbit.recurrent = _compare_halves(orbit.samples)


def _compare_halves(samples: Tensor) -> tuple[float, bool, bool]:
    """Twice the widest gap between samples; whether early ones were off the attractor; whether it was gone round."""
    early, late = samples.chunk(2)
    distance = torch.cdist(late, early)
    (back, nearest), forth = distance.min(dim=1), distance.amin(dim=0)
    reach = _SLACK * float(back.max())
    # An orbit that still approaches its attractor leaves early states behind that no later one comes near.
    transient = bool((forth <= reach).double().mean() < 0.95)
    # One that has not come round yet is nearest to where it was last, or at first.
    inside = (nearest > 0.05 * len(early)) & (nearest < 0.95 * len(early))
    return reach, transient, bool(inside.double().mean() >= 0.5)


def judge(orbit: MovingOrbit, threshold: float, last: bool) -> None:
    """Give ``orbit`` its kind, if its exponents tell: "circle", "torus", "chaotic"; "contracting" or "neutral".

    An exponent is positive above ``threshold`` and three standard errors, zero within the threshold. Unless this is the
    ``last`` look, it must be so by a factor of ten.
    """
    spectrum = orbit.spectrum
    values, error = spectrum.weighted[0].tolist(), float(spectrum.errors[0, 0])
    sure = 1.0 if last else _SURE
    if not spectrum.weighted.isfinite().all():
        return
    if values[0] < -sure * threshold:
        orbit.kind, orbit.margin = "contracting", -values[0] / threshold
    elif not orbit.recurrent or (orbit.transient and not last):
        return
    elif values[0] > sure * threshold and float(spectrum.exponents[0, 0]) > 3 * error:
        orbit.kind, orbit.margin = "chaotic", min(values[0] / threshold, values[0] / max(error, 1e-300) / 3 * _SURE)
    else:
        zeros = sum(abs(value) <= threshold / sure for value in values)
        rest = values[zeros:]
        if zeros == 0 or (rest and rest[0] > -sure * threshold):
            return
        margins = [threshold / max(abs(value), 1e-300) for value in values[:zeros]] + [-v / threshold for v in rest[:1]]
        orbit.margin = min(margins)
        if zeros > 1 and _dimension(orbit.samples) < zeros - 0.5:
            orbit.kind = "neutral"
        else:
            orbit.kind = "circle" if zeros == 1 else "torus"


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


def _dimension(samples: Tensor) -> float:
    """The correlation dimension: the slope of ln C(r), C(r) the share of pairs nearer than r.

    Source: Grassberger and Procaccia 1983, doi:10.1103/PhysRevLett.50.346.
    """
    few = samples[torch.linspace(0, len(samples) - 1, min(len(samples), 1024)).long().to(samples.device)]
    distance = torch.pdist(few)
    extent = float(distance.max())
    inner, outer = (distance < share * extent for share in _SHELLS)
    return float((outer.double().mean() / inner.double().mean()).log()) / math.log(_SHELLS[1] / _SHELLS[0])
