"""Attractors on which the state never rests nor repeats: invariant circles, tori and chaotic sets."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..systems import AutonomousMap
from .lyapunov import LyapunovSpectrum, carry_tangents, random_tangents, spectrum_of

_EXPONENTS = 6
"""Leading exponents that are computed: enough to tell circle, torus and chaos."""

FIRST_LOOK = 512
"""Steps of a first look, doubled until the kind is decided."""

_SAMPLES = 2048
"""States kept of an orbit."""

_WATCHED = 16
"""States of another orbit that are compared with the samples."""

_NEAR, _SLACK = 0.9, 2.0
"""An orbit belongs to an attractor if 90 % of its states are no farther from the samples than twice the farthest that a
later state of the attractor's own orbit was from the earlier ones: the widest gap between samples."""

_EVERY = 4
"""Steps between two QR factorisations."""

_SURE = 10.0
"""By how many times an exponent must pass the threshold before more steps are not worth it."""


_ACCURACY, _STRETCH, _REFINED = 0.004, 256, 32
"""The relative error at which a chaotic exponent is good enough; stretches of 256 steps, at most 32 of them."""


@dataclass(eq=False)
class MovingOrbit:
    """One orbit, followed until its kind is clear."""

    state: Tensor  # [n], the last
    tangents: Tensor  # [n, q]
    samples: Tensor  # [s, n]
    growth: list[Tensor] = field(default_factory=list)  # [t, q] each
    steps: int = 0  # that the exponents are means over
    total: int = 0  # since it was first followed
    kind: str | None = None
    margin: float = 0.0
    reach: float = 0.0
    transient: bool = False

    @property
    def spectrum(self) -> LyapunovSpectrum:
        """Of the one orbit, or of many side by side once it is refined."""
        if self.refined is not None:
            return self.refined
        return spectrum_of(torch.cat(self.growth).unsqueeze(1), len(self.state), self.steps)

    refined: LyapunovSpectrum | None = None

    @classmethod
    def from_samples(cls, samples: Tensor, kind: str, margin: float) -> "MovingOrbit":
        """An attractor found before."""
        reach, _ = _reach(samples)
        return cls(samples[-1], samples.new_empty(samples.shape[1], 0), samples, kind=kind, margin=margin, reach=reach)

    def owns(self, paths: Tensor) -> Tensor:
        """Whether each of the paths [t, r, n] runs on this attractor, [r]."""
        return self.share_near(paths) >= _NEAR

    def share_near(self, paths: Tensor) -> Tensor:
        """The share of each path's states [t, r, n] that is within reach of the samples, [r]."""
        distance = torch.stack([torch.cdist(path, self.samples).amin(dim=-1) for path in paths])
        return (distance <= self.reach).double().mean(dim=0)


def watch(system: AutonomousMap, states: Tensor, steps: int = _WATCHED) -> tuple[Tensor, Tensor]:
    """The next ``steps`` states of each row, [steps, r, n], and the last of them."""
    path = []
    for _ in range(steps):
        states = system(states)
        path.append(states)
    return torch.stack(path), states


def start_orbits(states: Tensor, seed: int) -> list[MovingOrbit]:
    """An orbit at each of the states [r, n], not yet followed."""
    tangents = random_tangents(states, min(states.shape[-1], _EXPONENTS), seed)
    return [MovingOrbit(state, tangent, state[None][:0]) for state, tangent in zip(states, tangents, strict=True)]


def follow(system: AutonomousMap, orbits: list[MovingOrbit], steps: int, memory_budget: int) -> None:
    """Move orbits on by ``steps``; what they did before is forgotten where it was not yet on the attractor."""
    states = torch.stack([orbit.state for orbit in orbits])
    tangents = torch.stack([orbit.tangents for orbit in orbits])
    path, tangents, growth = carry_tangents(system, states, tangents, steps, _EVERY, memory_budget)
    for row, orbit in enumerate(orbits):
        orbit.state, orbit.tangents = path[-1, row], tangents[row]
        if not orbit.growth:
            growth_here = growth[len(growth) // 8 :, row]  # tangents turn to their directions first
        else:
            growth_here = growth[:, row]
        samples = path[:, row]
        if orbit.transient:
            orbit.growth, orbit.samples = [], orbit.samples[:0]
        orbit.growth.append(growth_here.cpu())
        orbit.samples = torch.cat([orbit.samples, samples])[-_SAMPLES:]
        orbit.steps = _EVERY * sum(map(len, orbit.growth))
        orbit.total += steps
        orbit.reach, orbit.transient = _reach(orbit.samples)


def _reach(samples: Tensor) -> tuple[float, bool]:
    """Twice the widest gap between the samples, and whether the later half of them is another set than the earlier."""
    early, late = samples.chunk(2)
    distance = torch.cdist(late, early)
    back, forth = distance.amin(dim=1), distance.amin(dim=0)
    reach = _SLACK * float(back.max())
    # An orbit that still approaches its attractor leaves early states behind that no later one comes near.
    return reach, bool((forth <= reach).double().mean() < 0.95)


def judge(orbit: MovingOrbit, threshold: float, last: bool) -> None:
    """Give ``orbit`` its kind, if its exponents tell: "circle", "torus", "chaotic"; "contracting" or "neutral".

    An exponent is positive above ``threshold``, zero within it. Unless this is the ``last`` look, it must be so by a
    factor of ten, and a positive one by three standard errors too.
    """
    spectrum = orbit.spectrum
    values, error = spectrum.weighted[0].tolist(), float(spectrum.errors[0, 0])
    if not torch.isfinite(spectrum.weighted).all() or (orbit.transient and not last):
        return
    sure = 1.0 if last else _SURE
    if values[0] > sure * threshold and (last or values[0] > 3 * error):
        orbit.kind, orbit.margin = "chaotic", min(values[0] / threshold, values[0] / max(error, 1e-300) / 3 * _SURE)
    elif values[0] < -sure * threshold:
        orbit.kind, orbit.margin = "contracting", -values[0] / threshold
    else:
        zeros = sum(abs(value) <= threshold / sure for value in values)
        rest = values[zeros:]
        if zeros == 0 or (rest and rest[0] > -sure * threshold):
            return
        margins = [threshold / max(abs(value), 1e-300) for value in values[:zeros]] + [-v / threshold for v in rest[:1]]
        orbit.margin = min(margins)
        if zeros > 1 and _dimension(orbit.samples) < zeros:
            orbit.kind = "neutral"
        else:
            orbit.kind = "circle" if zeros == 1 else "torus"


def refine(system: AutonomousMap, orbit: MovingOrbit, seed: int, memory_budget: int) -> None:
    """Sharpen the exponents of a chaotic set by many orbits on it at once, until the first is known to 0.4 %."""
    generator = torch.Generator().manual_seed(seed)
    count = min(32, max(4, 2**21 // orbit.samples.shape[1] ** 2))
    states = orbit.samples[torch.randint(len(orbit.samples), (count,), generator=generator).to(orbit.samples.device)]
    tangents = random_tangents(states, orbit.tangents.shape[1], seed)
    growth: list[Tensor] = []
    for _ in range(_REFINED):
        path, tangents, logs = carry_tangents(system, states, tangents, _STRETCH, _EVERY, memory_budget)
        states = path[-1]
        growth.append(logs.cpu())
        if len(growth) < 3:
            continue
        rows = spectrum_of(torch.cat(growth[1:]), states.shape[1], 0)  # in the first, tangents turn
        steps = _STRETCH * (len(growth) - 1) * count
        mean, error = rows.exponents.mean(dim=0, keepdim=True), rows.exponents.std(dim=0, keepdim=True) / count**0.5
        orbit.refined = LyapunovSpectrum(mean, error, rows.weighted.mean(dim=0, keepdim=True), rows.n, steps)
        if float(error[0, 0]) <= _ACCURACY * float(mean[0, 0].abs()):
            return


def _dimension(samples: Tensor) -> int:
    """How the distance to the nearest neighbour falls with the number of samples: as 1 / N on a curve, 1 / sqrt(N)..."""
    few, many = samples[::4], samples
    half = len(many) // 2
    dense = torch.cdist(many[half:], many[:half]).amin(dim=1).median()
    sparse = torch.cdist(many[half:], few[: len(few) // 2]).amin(dim=1).median()
    ratio = float((sparse / dense.clamp(min=1e-300)).log()) / float(torch.log(torch.tensor(4.0)))
    return max(1, round(1 / max(ratio, 1e-3)))
