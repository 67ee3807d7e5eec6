"""Families of maps whose bifurcations are known, each carrying its own answer."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from scipy.optimize import brentq
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.families import Family
from rnn_dynamics.systems import AutonomousMap, HeldMap

Step = Callable[[Tensor, Any], Tensor]
"""States [..., n] and the parameter, a number or [..., 1], to the next states."""


@dataclass(frozen=True)
class Known:
    """A special point as mathematics has it; what is None is not compared."""

    kind: str
    parameter: float
    criticality: str = ""
    coefficient: float | None = None  # with |q| = 1; of folds and transcritical points its modulus
    detail: str = ""
    state: tuple[float, ...] | None = None
    angle: float | None = None
    multiplicity: int = 1


@dataclass(frozen=True)
class BranchProblem:
    """A branch with everything that it passes, in the order in which a walk towards ``span[1]`` passes it."""

    name: str
    step: Step
    start: tuple[float, ...]
    span: tuple[float, float]
    known: tuple[Known, ...]
    ends: tuple[str, str] = ("span", "span")
    at: float | None = None
    period: int = 1
    max_norm: float = 1e6
    unit: float = 1.0  # of its states: 1 where they are walked as they are
    parameter_accuracy: float = 1e-8  # of the span
    from_end: bool = False  # the branch's rows run the other way

    @property
    def family(self) -> Family:
        """The parameter as an input."""
        return family_of(self.step, len(self.start))

    def plain_family(self, p: float) -> AutonomousMap:
        """A function of p that knows no derivative by it."""
        return rd.as_map(lambda h, _: self.step(h, p), state_size=len(self.start), input_size=0).hold()


def family_of(step: Step, n: int, box: float | None = None) -> Family:
    """P -> map of a step that takes states and p, which is made its input."""
    bounds = None if box is None else (torch.full((n,), -box), torch.full((n,), box))
    return rd.as_map(step, state_size=n, input_size=1, box=bounds).input_family(0)


def plainly(step: Step, n: int, box: tuple[float, float] | None = None) -> Family:
    """The same as a function that knows no derivative by p; probed once, where a map for each p would be anew."""
    network = rd.as_map(step, state_size=n, input_size=1, box=box).frozen(torch.float64)
    return lambda p: HeldMap(network, torch.tensor([p], dtype=torch.float64))


def rotated(h: Tensor, angle: float) -> Tensor:
    """A state in the plane, turned."""
    cosine, sine = math.cos(angle), math.sin(angle)
    x, y = _split(h)
    return torch.cat([cosine * x - sine * y, sine * x + cosine * y], dim=-1)


def _split(h: Tensor) -> tuple[Tensor, Tensor]:
    return h[..., :1], h[..., 1:]


def tanh_fold(w: float) -> tuple[float, float]:
    """(x, b) of the lower fold of x' = tanh(w x + b): it lies at b > 0."""
    x = -math.sqrt(1 - 1 / w)
    return x, math.atanh(x) - w * x


def imperfect_fold(b: float) -> tuple[float, float]:
    """(x, w) of the fold of x' = tanh(w x + b), b > 0, over w: atanh(x) - w x = b with w (1 - x^2) = 1, x < 0."""
    x = brentq(lambda x: math.atanh(x) - x / (1 - x**2) - b, -0.9, -1e-4, xtol=1e-16)
    return x, 1 / (1 - x**2)


# --- single maps -----------------------------------------------------------------------------------------------------


def tanh_gain(h: Tensor, w: float) -> Tensor:
    """X' = tanh(w x), coordinate by coordinate."""
    return torch.tanh(w * h)


def logistic(h: Tensor, r: float) -> Tensor:
    """X' = r x (1 - x)."""
    return r * h * (1 - h)


def delayed_logistic(h: Tensor, r: float) -> Tensor:
    """X' = r x (1 - y), y' = x."""
    x, y = _split(h)
    return torch.cat([r * x * (1 - y), x], dim=-1)


def generalised_henon(ratio: float, b: float) -> Step:
    """X' = y, y' = a - b x - y^2 + R x y, over a."""

    def step(h: Tensor, a: float) -> Tensor:
        x, y = _split(h)
        return torch.cat([y, a - b * x - y**2 + ratio * x * y], dim=-1)

    return step


def henon(b: float) -> Step:
    """X' = a - x^2 + y, y' = b x, over a: the Henon map with a x for x."""
    return lambda h, a: torch.cat([a - h[..., :1] ** 2 + h[..., 1:], b * h[..., :1]], dim=-1)


def rotated_tanh(angle: float) -> Step:
    """X' = tanh(g Rot(angle) x), over g."""
    return lambda h, g: torch.tanh(g * rotated(h, angle))


def polar(angle: float, cubic: float, fifth: float = 0.0) -> Step:
    """Z' = exp(i angle) z (1 + p + cubic |z|^2 + fifth |z|^4), over p."""

    def step(h: Tensor, p: float) -> Tensor:
        square = (h**2).sum(dim=-1, keepdim=True)
        return rotated(h, angle) * (1 + p + cubic * square + fifth * square**2)

    return step


def resonant(angle: float, along: float) -> Step:
    """Z' = exp(i angle) (z (1 + p - |z|^2) + along conj(z)^2): at 2 pi / 3 no normal form of a circle exists."""

    def step(h: Tensor, p: float) -> Tensor:
        x, y = _split(h)
        square = torch.cat([x**2 - y**2, -2 * x * y], dim=-1)
        return rotated(h * (1 + p - (h**2).sum(dim=-1, keepdim=True)) + along * square, angle)

    return step


# --- the list --------------------------------------------------------------------------------------------------------

_PITCHFORK = Known("branch point", 1.0, "supercritical", -1 / 3, "pitchfork", (0.0,))
_OUTER_FLIP = Known("flip", 0.0, "supercritical", 40.0)  # of x + p x + x^3 - x^5 at x = +-1: -54 / 6 + (14 / 2)^2


def _biased(w: float) -> BranchProblem:
    x, b = tanh_fold(w)
    low = (-0.9999,)
    return BranchProblem(
        f"tanh({w} x + b) over b",
        lambda h, p: torch.tanh(w * h + p),
        low,
        (-2 * b - 1, 2 * b + 1),
        (
            Known("fold", b, coefficient=w * abs(x), detail="two meet as the parameter rises", state=(x,)),
            Known("fold", -b, coefficient=w * abs(x), detail="two are born as the parameter rises", state=(-x,)),
        ),
    )


def _henon_folds(b: float) -> BranchProblem:
    start = (-(1 - b) + math.sqrt((1 - b) ** 2 + 6)) / 2
    x = (1 - b) / 2
    return BranchProblem(
        f"Henon, b = {b}",
        henon(b),
        (start, b * start),
        (1.5, -1.0),
        (
            Known("flip", 3 * (1 - b) ** 2 / 4, "supercritical", state=(x, b * x)),
            Known("fold", -((1 - b) ** 2) / 4, detail="two are born as the parameter rises", state=(-x, -b * x)),
        ),
    )


def _generalised(ratio: float, b: float, criticality: str) -> BranchProblem:
    x = (b - 1) / ratio
    a = (b + 1) * x + (1 - ratio) * x**2
    at = a + 0.02
    start = (-(b + 1) + math.copysign(math.sqrt((b + 1) ** 2 + 4 * (1 - ratio) * at), 1.0)) / (2 * (1 - ratio))
    known = Known("Neimark-Sacker", a, criticality, state=(x, x), angle=math.acos((ratio - 2) * x / 2))
    return BranchProblem(
        f"generalised Henon, R = {ratio}", generalised_henon(ratio, b), (start, start), (a + 0.02, a - 0.02), (known,)
    )


BRANCHES: list[BranchProblem] = [
    BranchProblem(
        "tanh(w x) over w, x = 0",
        tanh_gain,
        (0.0,),
        (-2.0, 2.0),
        (Known("flip", -1.0, "supercritical", 1 / 3, state=(0.0,)), _PITCHFORK),
    ),
    BranchProblem(
        "tanh(w x), an arm of the pitchfork", tanh_gain, (0.957504024,), (2.0, 0.5), (replace(_PITCHFORK),), at=2.0
    ),
    *[_biased(w) for w in (1.05, 1.5, 2.0, 4.0)],
    BranchProblem(
        "logistic, x = 0",
        logistic,
        (0.0,),
        (-2.0, 2.0),
        (
            Known("flip", -1.0, "supercritical", 1.0, state=(0.0,)),
            Known("branch point", 1.0, coefficient=1.0, detail="transcritical", state=(0.0,)),
        ),
    ),
    BranchProblem(
        "logistic, x = 1 - 1/r",
        logistic,
        (-1.0,),
        (0.5, 4.0),
        (
            Known("branch point", 1.0, coefficient=1.0, detail="transcritical", state=(0.0,)),
            Known("flip", 3.0, "supercritical", 9.0, state=(2 / 3,)),
        ),
    ),
    BranchProblem(
        "logistic, 2-cycle",
        logistic,
        (0.799455,),
        (2.5, 3.5),
        (
            Known("flip", 3.0, "supercritical", 9.0, state=(2 / 3,)),
            Known("flip", 1 + math.sqrt(6), "supercritical"),
        ),
        ends=("doubling", "span"),
        at=3.2,
        period=2,
    ),
    BranchProblem(
        "delayed logistic",
        delayed_logistic,
        (0.4, 0.4),
        (1.6, 2.5),
        (Known("Neimark-Sacker", 2.0, "supercritical", -1.0, state=(0.5, 0.5), angle=math.pi / 3),),
    ),
    _generalised(-0.1, 1.03, "supercritical"),
    _generalised(0.1, 1.03, "subcritical"),
    *[
        BranchProblem(
            f"tanh(g Rot({angle}) x)",
            rotated_tanh(angle),
            (0.0, 0.0),
            (0.5, 2.0),
            (Known("Neimark-Sacker", 1.0, "supercritical", -0.5, state=(0.0, 0.0), angle=angle),),
        )
        for angle in (0.3, 1.0, 2.9)
    ],
    BranchProblem(
        "x + p x + x^3 - x^5, x = 0",
        lambda h, p: h + p * h + h**3 - h**5,
        (0.0,),
        (-1.0, 1.0),
        (Known("branch point", 0.0, "subcritical", 1.0, "pitchfork", (0.0,)),),
    ),
    BranchProblem(
        "x + p x + x^3 - x^5, arms",
        lambda h, p: h + p * h + h**3 - h**5,
        (math.sqrt((1 + math.sqrt(3)) / 2),),
        (0.5, -1.0),
        (
            _OUTER_FLIP,
            Known("fold", -0.25, coefficient=math.sqrt(2), detail="two are born as the parameter rises"),
            Known("branch point", 0.0, "subcritical", 1.0, "pitchfork", (0.0,)),
            Known("fold", -0.25, coefficient=math.sqrt(2), detail="two are born as the parameter rises"),
            _OUTER_FLIP,
        ),
    ),
    BranchProblem(
        "subcritical flip",
        lambda h, p: -(1 + p) * h - h**3,
        (0.0,),
        (-0.5, 1.0),
        (Known("flip", 0.0, "subcritical", -1.0, state=(0.0,)),),
    ),
    BranchProblem(
        "subcritical Neimark-Sacker",
        polar(1.2, 1.0, -1.0),
        (0.0, 0.0),
        (-0.5, 0.5),
        (Known("Neimark-Sacker", 0.0, "subcritical", 2.0, state=(0.0, 0.0), angle=1.2),),
    ),
    *[_henon_folds(b) for b in (0.3, -0.3)],
    BranchProblem(
        "Henon as Henon wrote it",
        lambda h, a: torch.cat([1 - a * h[..., :1] ** 2 + h[..., 1:], 0.3 * h[..., :1]], dim=-1),
        (0.710042, 0.3 * 0.710042),
        (1.0, -1.0),
        (
            Known("flip", 0.3675, "supercritical"),
            Known("fold", -0.1225, detail="two are born as the parameter rises", state=(2 / 0.7, 0.6 / 0.7)),
        ),
        ends=("span", "bound"),
        max_norm=1e3,
    ),
    BranchProblem(
        "Ricker",
        lambda h, r: h * torch.exp(r * (1 - h)),
        (1.0,),
        (0.5, 2.5),
        (Known("flip", 2.0, "supercritical", 2 / 3, state=(1.0,)),),
    ),
    BranchProblem(
        "r x - x^3, x = 0",
        lambda h, r: r * h - h**3,
        (0.0,),
        (-1.5, 1.5),
        (
            Known("flip", -1.0, "subcritical", -1.0, state=(0.0,)),
            Known("branch point", 1.0, "supercritical", -1.0, "pitchfork", (0.0,)),
        ),
    ),
    BranchProblem(
        "r x - x^3, arm",
        lambda h, r: r * h - h**3,
        (math.sqrt(2),),
        (3.0, 0.5),
        (
            Known("flip", 2.0, "supercritical", 8.0, state=(1.0,)),
            Known("branch point", 1.0, "supercritical", -1.0, "pitchfork", (0.0,)),
            Known("flip", 2.0, "supercritical", 8.0, state=(-1.0,)),
        ),
    ),
    BranchProblem(
        "isola",
        lambda h, p: h + 0.3 * (0.25 - h**2 - p**2),
        (0.5,),
        (-1.0, 1.0),
        (
            Known("fold", 0.5, coefficient=0.3, detail="two meet as the parameter rises", state=(0.0,)),
            Known("fold", -0.5, coefficient=0.3, detail="two are born as the parameter rises", state=(0.0,)),
        ),
        ends=("closed", "closed"),
        at=0.0,
    ),
    BranchProblem(
        "transcritical of two curved branches",
        lambda h, p: h + 0.5 * (h - p + p**3) * (h + p + p**2),
        (-0.5 + 0.125,),
        (-0.5, 1.0),
        (Known("branch point", 0.0, coefficient=0.5, detail="transcritical", state=(0.0,)),),
    ),
    BranchProblem(
        "narrow pitchfork",
        lambda h, p: h + p * h - 1000 * h**3,
        (0.0,),
        (-1.0, 1.0),
        (Known("branch point", 0.0, "supercritical", -1000.0, "pitchfork", (0.0,)),),
    ),
    BranchProblem(
        "narrow pitchfork, arm",
        lambda h, p: h + p * h - 1000 * h**3,
        (math.sqrt(1e-3),),
        (1.0, -1.0),
        (Known("branch point", 0.0, "supercritical", -1000.0, "pitchfork", (0.0,)),),
    ),
    BranchProblem(
        "imperfect pitchfork 1e-3, main branch",
        lambda h, w: torch.tanh(w * h + 1e-3),
        (2e-3,),
        (0.5, 2.0),
        (),
    ),
    BranchProblem(
        "imperfect pitchfork 1e-3, disjoint branch",
        lambda h, w: torch.tanh(w * h + 1e-3),
        (-0.957,),
        (2.0, 0.5),
        (
            Known(
                "fold",
                imperfect_fold(1e-3)[1],
                detail="two are born as the parameter rises",
                state=(imperfect_fold(1e-3)[0],),
            ),
        ),
    ),
    BranchProblem(
        "logistic, 3-cycle",
        logistic,
        (0.149407,),
        (3.9, 3.8),
        (
            Known("flip", 3.841499007543, "supercritical"),
            Known("fold", 1 + math.sqrt(8), detail="two are born as the parameter rises"),
        ),
        at=3.84,
        period=3,
    ),
    BranchProblem(
        "two uncoupled units",
        tanh_gain,
        (0.0, 0.0),
        (-2.0, 2.0),
        (
            Known("flip", -1.0, multiplicity=2, state=(0.0, 0.0)),
            Known("branch point", 1.0, multiplicity=2, state=(0.0, 0.0)),
        ),
        parameter_accuracy=1e-7,
    ),
]


# --- the same problem seen otherwise ---------------------------------------------------------------------------------


def reversed_span(problem: BranchProblem) -> BranchProblem:
    """The same branch with the span the other way round."""
    at = problem.span[0] if problem.at is None else problem.at
    return replace(problem, name=f"{problem.name}, reversed", span=problem.span[::-1], at=at, from_end=True)


def reparametrised(problem: BranchProblem, width: float) -> BranchProblem:
    """The parameter p = q / width: a span ``width`` times as long."""

    def step(h: Tensor, q: float) -> Tensor:
        return problem.step(h, q / width)

    return replace(
        problem,
        name=f"{problem.name}, span times {width:g}",
        step=step,
        span=(problem.span[0] * width, problem.span[1] * width),
        at=None if problem.at is None else problem.at * width,
        known=tuple(replace(known, parameter=known.parameter * width) for known in problem.known),
    )


def resized(problem: BranchProblem, size: float) -> BranchProblem:
    """States ``size`` times as large; the k-th derivative shrinks by size^(k - 1)."""

    def coefficient(known: Known) -> float | None:
        power = 1 if known.kind == "fold" or known.detail == "transcritical" else 2
        return None if known.coefficient is None else known.coefficient / size**power

    return replace(
        problem,
        name=f"{problem.name}, states times {size:g}",
        step=lambda h, p: size * problem.step(h / size, p),
        start=tuple(size * x for x in problem.start),
        known=tuple(
            replace(
                known,
                coefficient=coefficient(known),
                state=None if known.state is None else tuple(size * x for x in known.state),
            )
            for known in problem.known
        ),
        max_norm=problem.max_norm * (size if size < 3e3 else 1.0),  # beyond, it is walked in units of that size
        unit=1.0 if 1.0 <= size < 3e3 else size,
    )


def stretched(problem: BranchProblem, sizes: tuple[float, ...]) -> BranchProblem:
    """Each coordinate a size of its own."""
    size = torch.tensor(sizes, dtype=torch.float64)

    def larger(state: tuple[float, ...]) -> tuple[float, ...]:
        return tuple((size * torch.tensor(state, dtype=torch.float64)).tolist())

    return replace(
        problem,
        name=f"{problem.name}, states times {sizes}",
        step=lambda h, p: size * problem.step(h / size, p),
        start=larger(problem.start),
        known=tuple(
            replace(known, coefficient=None, state=None if known.state is None else larger(known.state))
            for known in problem.known
        ),
    )


class Bent:
    """A change of coordinates with an exact inverse: a shear that bends, after an orthogonal one, and back."""

    def __init__(self, n: int, seed: int, bend: float = 0.3) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.n, self.bend = n, bend
        self.first, self.last = (
            torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64))[0] for _ in range(2)
        )
        self.shear = torch.randn(n - n // 2, n // 2, generator=generator, dtype=torch.float64) / math.sqrt(n)

    def _bent(self, h: Tensor, sign: float) -> Tensor:
        base, above = h[..., : self.n // 2], h[..., self.n // 2 :]
        return torch.cat([base, above + sign * self.bend * torch.sin(base @ self.shear.T + 0.4)], dim=-1)

    def outward(self, x: Tensor) -> Tensor:
        return self._bent(x @ self.first, 1.0) @ self.last

    def inward(self, h: Tensor) -> Tensor:
        return self._bent(h @ self.last.T, -1.0) @ self.first.T


def embedded(problem: BranchProblem, n: int, seed: int, bend: float = 0.0) -> BranchProblem:
    """The problem in n dimensions: driven contracting directions are added, then coordinates are changed at random."""
    size = len(problem.start)
    generator = torch.Generator().manual_seed(seed + 1)
    rates = 0.8 * torch.rand(n - size, generator=generator, dtype=torch.float64) - 0.4
    drive = torch.randn(n - size, size, generator=generator, dtype=torch.float64) / 5
    change = Bent(n, seed, bend)

    def step(h: Tensor, p: float) -> Tensor:
        x = change.inward(h)
        core, rest = x[..., :size], x[..., size:]
        return change.outward(torch.cat([problem.step(core, p), rates * rest + torch.tanh(core**2 @ drive.T)], dim=-1))

    def lifted(core: tuple[float, ...]) -> Tensor:
        """The fixed point above one of the problem."""
        x = torch.tensor(core, dtype=torch.float64)
        return change.outward(torch.cat([x, torch.tanh(x**2 @ drive.T) / (1 - rates)]))

    known = tuple(
        replace(
            known,
            coefficient=None,
            state=None if known.state is None else tuple(lifted(known.state).tolist()),
        )
        for known in problem.known
    )
    return replace(
        problem,
        name=f"{problem.name}, in {n} dimensions{', bent' if bend else ''}",
        step=step,
        start=tuple(lifted(problem.start).tolist()),
        known=known,
    )
