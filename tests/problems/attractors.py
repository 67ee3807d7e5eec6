"""Systems that settle on cycles, circles, tori and chaos, or on nothing, each carrying its own answer."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from problems.maps import held
from problems.roots import henon
from rnn_dynamics.systems import HeldMap


@dataclass(frozen=True)
class MovingProblem:
    """A map, and what all of its starts settle on."""

    name: str
    step: Callable[[Tensor], Tensor]
    n: int
    kinds: tuple[str, ...]  # in the order in which results list them
    periods: tuple[int, ...]
    exponent: float | None = None  # of the last attractor
    sum_of_exponents: float | None = None
    start: Callable[[Tensor], Tensor] = field(default=lambda unit: 2 * unit - 1)  # from uniform [k, n]
    outcomes: tuple[str, ...] = ("settled",)

    @property
    def system(self) -> HeldMap:
        return held(self.step, self.n)

    def starts(self, k: int = 200, seed: int = 0) -> Tensor:
        unit = torch.rand(k, self.n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return self.start(unit)


def turn(angle: float) -> Tensor:
    return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64)


def rotating(gain: float, angle: float) -> Callable[[Tensor], Tensor]:
    """X' = tanh(g Rot(theta) x): beyond its Neimark-Sacker point at g = 1, an invariant circle."""
    matrix = gain * turn(angle)
    return lambda h: torch.tanh(h @ matrix.T)


def side_by_side(first: Callable, n: int, second: Callable) -> Callable[[Tensor], Tensor]:
    return lambda h: torch.cat([first(h[..., :n]), second(h[..., n:])], dim=-1)


def piecewise(a: float, w1: float, w2: float) -> Callable[[Tensor], Tensor]:
    diagonal = torch.tensor([a, 0.96461297], dtype=torch.float64)
    coupling = torch.tensor([[0.0, w1], [w2, 0.0]], dtype=torch.float64)
    offset = torch.tensor([0.37298253, -0.97931491], dtype=torch.float64)
    return lambda z: diagonal * z + z.clamp(min=0) @ coupling.T + offset


def ikeda(h: Tensor, u: float = 0.9) -> Tensor:
    x, y = h[..., 0], h[..., 1]
    t = 0.4 - 6 / (1 + x * x + y * y)
    return torch.stack([1 + u * (x * t.cos() - y * t.sin()), u * (x * t.sin() + y * t.cos())], dim=-1)


def normal_form(rotation: float) -> Callable[[Tensor], Tensor]:
    """A circle of radius 1 that attracts as 0.3 a step, turned by ``rotation`` radians: exponents 0 and ln 0.3."""
    matrix = turn(rotation)
    return lambda h: (h / h.norm(dim=-1, keepdim=True) * (0.7 + 0.3 * h.norm(dim=-1, keepdim=True))) @ matrix.T


def lobed(h: Tensor) -> Tensor:
    """A circle with twenty lobes, which bend sharply: turned by 0.618 radians, it attracts as 0.5 a step."""

    def radius(angle: Tensor) -> Tensor:
        return 1 + 0.3 * torch.cos(20 * angle)

    angle = torch.atan2(h[..., 1:], h[..., :1])
    after = angle + 0.618
    length = radius(after) + 0.5 * (h.norm(dim=-1, keepdim=True) - radius(angle))
    return torch.cat([length * after.cos(), length * after.sin()], dim=-1)


def near_snic(h: Tensor) -> Tensor:
    """A circle with a bottleneck: 20,000 steps a turn, most of them in one place."""
    angle = torch.atan2(h[..., 1:], h[..., :1])
    angle = angle + 0.01 * (1.0005 - torch.sin(angle))
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def logistic(r: float) -> Callable[[Tensor], Tensor]:
    return lambda x: r * x * (1 - x)


def random_tanh(n: int, gain: float, seed: int) -> Callable[[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    weight = gain * torch.randn(n, n, generator=generator, dtype=torch.float64) / n**0.5
    return lambda h: torch.tanh(h @ weight.T)


def locked(p: int, q: int, strength: float) -> Callable[[Tensor], Tensor]:
    """A circle locked to a cycle of period q, with multiplier 1 - q strength for each step."""

    def step(h: Tensor) -> Tensor:
        angle = torch.atan2(h[..., 1], h[..., 0])
        angle = angle + 2 * math.pi * p / q + strength * torch.sin(q * angle)
        radius = 0.7 + 0.3 * h.norm(dim=-1)
        return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1)

    return step


def gingerbread(h: Tensor) -> Tensor:
    return torch.stack([1 - h[..., 1] + h[..., 0].abs(), h[..., 0]], dim=-1)


def leaky_chaos(x: Tensor) -> Tensor:
    """The logistic map just past r = 4: chaos that every orbit leaves within some thousand steps, to rest at -3."""
    outside = torch.where(x < 0, -3 + 0.5 * (x + 3), (4 + 1e-4) * x * (1 - x))
    return torch.where(x > 1, torch.full_like(x, -3.0), outside)


def nested(gap: float, inner: Callable[[Tensor], Tensor], n: int) -> Callable[[Tensor], Tensor]:
    """Two copies of an attractor in n dimensions, 1.9 ``gap`` apart."""
    return side_by_side(lambda h: gap * torch.tanh(2 * h / gap), 1, inner)


UNIT = {"start": lambda unit: 0.02 + 0.96 * unit}

PERIODIC: list[MovingProblem] = [
    MovingProblem("logistic 3.5", logistic(3.5), 1, ("cycle",), (4,), -0.8725, **UNIT),
    MovingProblem("logistic 3.83", logistic(3.83), 1, ("cycle",), (3,), **UNIT),
    MovingProblem("logistic 3.2", logistic(3.2), 1, ("cycle",), (2,), math.log(0.16) / 2, **UNIT),
    MovingProblem("logistic 2.5", logistic(2.5), 1, ("fixed point",), (1,), math.log(0.5), **UNIT),
    MovingProblem("flipped memories", lambda h: torch.tanh(-2 * h), 2, ("cycle", "cycle"), (2, 2)),
    MovingProblem("memories", lambda h: torch.tanh(2 * h), 4, ("fixed point",) * 16, (1,) * 16),
    MovingProblem(
        "27-cycle",
        piecewise(0.9777689, -0.14375, 0.52505308),
        2,
        ("cycle",),
        (27,),
        math.log(0.6932) / 27,
        start=lambda unit: 6 * unit - 3,
    ),
    MovingProblem(
        "piecewise point",
        piecewise(-0.0222311, -0.64375, 0.52505308),
        2,
        ("fixed point",),
        (1,),
        math.log(0.96461297),
        start=lambda unit: 20 * unit - 10,
    ),
    MovingProblem("slow focus", lambda h: 0.999 * h @ turn(0.3).T, 2, ("fixed point",), (1,), math.log(0.999)),
    MovingProblem("locked 7/60", locked(7, 60, 1e-4), 2, ("cycle",), (60,), math.log(1 - 60e-4)),
    MovingProblem("leaky chaos", leaky_chaos, 1, ("fixed point",), (1,), math.log(0.5), **UNIT),
]

RESTING: list[MovingProblem] = [
    MovingProblem(
        "ring of fixed points",
        lambda s: s * (1.5 - 0.5 * s.norm(dim=-1, keepdim=True)),
        2,
        ("continuum",),
        (0,),
        0.0,
    ),
    MovingProblem(
        "line of fixed points",
        lambda h: torch.stack([h[..., 0], 0.5 * h[..., 1]], dim=-1),
        2,
        ("continuum",),
        (0,),
        0.0,
    ),
]
"""Continua of fixed points."""

MOVING: list[MovingProblem] = [
    MovingProblem(
        "Henon", henon, 2, ("chaotic",), (0,), 0.4196, math.log(0.3), start=lambda unit: 0.2 * (2 * unit - 1)
    ),
    MovingProblem("Ikeda", ikeda, 2, ("fixed point", "chaotic"), (1, 0), 0.5073, math.log(0.81)),
    MovingProblem("logistic 4", logistic(4.0), 1, ("chaotic",), (0,), math.log(2), **UNIT),
    MovingProblem("logistic 3.57, two bands", logistic(3.57), 1, ("chaotic",), (0,), 0.0110, **UNIT),
    MovingProblem("circle", rotating(1.3, 1.0), 2, ("circle",), (0,), 0.0, -0.58099),
    MovingProblem("weak circle", rotating(1.02, 2.3), 2, ("circle",), (0,), 0.0),
    MovingProblem("lobed circle", lobed, 2, ("circle",), (0,), 0.0, math.log(0.5)),
    MovingProblem("resonant circle", normal_form(0.618), 2, ("circle",), (0,), 0.0, math.log(0.3)),
    MovingProblem(
        "delayed logistic",
        lambda h: torch.stack([2.1 * h[..., 0] * (1 - h[..., 1]), h[..., 0]], dim=-1),
        2,
        ("circle",),
        (0,),
        0.0,
        start=lambda unit: 0.4 + 0.1 * unit,
    ),
    MovingProblem(
        "two circles",
        side_by_side(rotating(1.3, 1.0), 2, lambda h: torch.tanh(2 * h)),
        3,
        ("circle", "circle"),
        (0, 0),
        0.0,
    ),
    MovingProblem(
        "torus",
        side_by_side(rotating(1.3, 1.0), 2, rotating(1.4, 2.1)),
        4,
        ("torus",),
        (0,),
        0.0,
    ),
    MovingProblem("random tanh, chaotic", random_tanh(40, 2.5, 4), 40, ("chaotic",), (0,)),
    MovingProblem("random tanh, mixed", random_tanh(64, 1.2, 4), 64, ("cycle", "circle"), (2, 0), 0.0),
    MovingProblem(
        "circles .019 apart",
        nested(0.01, normal_form(0.618), 2),
        3,
        ("circle", "circle"),
        (0, 0),
        0.0,
        start=lambda unit: (2 * unit - 1) * torch.tensor([0.01, 1, 1]),
    ),
]
"""Circles, tori and chaos, some beside what is periodic."""

UNSETTLED: list[MovingProblem] = [
    MovingProblem("gingerbread", gingerbread, 2, (), (), start=lambda unit: 6 * unit - 3, outcomes=("unfinished",)),
    MovingProblem("rotation", lambda h: h @ turn(1.0).T, 2, (), (), outcomes=("unfinished",)),
    MovingProblem("growth", lambda h: 1.01 * h, 2, (), (), outcomes=("diverged",)),
    MovingProblem(
        "integrator", lambda h: h + torch.tensor([1.0, 0.0], dtype=h.dtype), 2, (), (), outcomes=("diverged",)
    ),
    MovingProblem("marginal", torch.tanh, 1, (), (), outcomes=("slow",)),
]
"""Starts that settle on nothing."""

SLOW_CIRCLE = MovingProblem("circle near a SNIC", near_snic, 2, ("circle",), (0,), 0.0)

DEAR: list[MovingProblem] = [
    MovingProblem(
        "chaotic sets .0019 apart",
        nested(0.001, logistic(3.9), 1),
        2,
        ("chaotic", "chaotic"),
        (0, 0),
        0.4964,
        start=lambda unit: torch.stack([0.002 * unit[:, 0] - 0.001, 0.02 + 0.96 * unit[:, 1]], dim=1),
    ),
    MovingProblem("at a Neimark-Sacker point", rotating(1.0, 1.0), 2, (), (), outcomes=("unfinished",)),
]
"""Right, but at a price: many orbits have to be followed before they can be told apart, or given up."""


def named(name: str) -> MovingProblem:
    """One of the problems."""
    return next(problem for problem in (*PERIODIC, *RESTING, *MOVING, *UNSETTLED, *DEAR) if problem.name == name)
