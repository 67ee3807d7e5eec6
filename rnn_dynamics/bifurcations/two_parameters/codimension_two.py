"""What happens along a bifurcation curve: normal forms, and where a second condition holds."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ...continuation import Point, Zero, count_outside, covector, leading_eigenvalues, locate
from ...families import Span
from ...systems import AutonomousMap, Linearization
from .. import normal_forms
from ..normal_forms import Eigenpair
from .defining import Bordered, DefiningFamily, singular_matrix, solved

_NOISE = 1e-9
"""A test function whose values at both ends of a step are below this is 0 all along it."""

_REAL = 1e-9

_DOUBLE = 1e-4
"""Another eigenvalue this near to the critical one is its double, known to the root of rounding: 1:1 or 1:2."""

TURNS = {"1:1 resonance": 1.0, "1:2 resonance": -1.0}
"""Where a Neimark-Sacker curve ends: cos(theta)."""


class Spot:
    """One point of a bifurcation curve and what is derived from it, as far as it is asked for."""

    def __init__(self, family: DefiningFamily, span: Span, point: Point) -> None:
        self.family, self.point = family, point
        self.kind = family.plane.kind
        self._state, self.q, self.cosine = family.plane.unpacked(point.state)
        self.p = span.parameter(point.s)

    @property
    def state(self) -> Tensor:
        """The fixed point, [n]."""
        return self._state * self.family.plane.units

    @cached_property
    def _system(self) -> AutonomousMap:
        """F^k here, in units."""
        return self.family.plane.inner(self.p, self.q)

    @cached_property
    def _linearized(self) -> tuple[Tensor, Linearization]:
        return self._system.linearize(self._state.unsqueeze(0))

    @property
    def residual(self) -> float:
        """|F^k(h) - h| of the state as it is given."""
        return float(((self._linearized[0][0] - self._state) * self.family.plane.units).norm())

    @cached_property
    def jacobian(self) -> Tensor:
        """A in units, [n, n]."""
        return self._linearized[1].dense()[0]

    @cached_property
    def _bordered(self) -> Bordered:
        return solved(singular_matrix(self.kind, self.jacobian, self.cosine), self.family.borders)

    @cached_property
    def null_vectors(self) -> tuple[Tensor, Tensor]:
        """The right and left ones of A - I or A + I in units, [n] each, of length 1; their signs stay along a curve."""
        right, left = self._bordered.right[:, 0], self._bordered.left[:, 0]
        return right / right.norm(), left / left.norm()

    @property
    def overlap(self) -> float:
        """Left times right: 0 where the eigenvalue is double."""
        right, left = self.null_vectors
        return float(left @ right)

    @property
    def angle(self) -> float:
        """Theta."""
        return math.acos(min(max(self.cosine, -1.0), 1.0))

    @cached_property
    def eigenvalues(self) -> Tensor:
        """Of A, by falling modulus."""
        return leading_eigenvalues(self._linearized[1])

    @cached_property
    def _critical(self) -> tuple[int, ...]:
        """Which eigenvalues are those of the bifurcation."""
        target = complex(self.cosine, math.sin(self.angle))
        first = int((self.eigenvalues - target).abs().argmin())
        if self.kind != "Neimark-Sacker":
            return (first,)
        distances = (self.eigenvalues - target.conjugate()).abs()
        distances[first] = torch.inf
        return (first, int(distances.argmin()))

    @property
    def nearness(self) -> float:
        """How far the critical eigenvalue is from +1, -1 or the circle."""
        value = complex(self.eigenvalues[self._critical[0]])
        return abs(abs(value) - 1.0) if self.kind == "Neimark-Sacker" else abs(value - self.cosine)

    @property
    def others(self) -> Tensor:
        """The other eigenvalues, by falling modulus."""
        kept = torch.ones(len(self.eigenvalues), dtype=torch.bool, device=self.eigenvalues.device)
        kept[list(self._critical)] = False
        return self.eigenvalues[kept]

    @property
    def n_outside(self) -> int:
        """How many of them are outside the unit circle."""
        return count_outside(self.others)

    @cached_property
    def _pair(self) -> Eigenpair:
        """Of A in units; of folds and flips with a left vector of length 1."""
        if self.kind == "Neimark-Sacker":
            return normal_forms.eigenpair(self.jacobian, complex(self.cosine, math.sin(self.angle)))
        return Eigenpair(self.cosine, *self.null_vectors)

    @cached_property
    def raw_coefficient(self) -> float:
        """The normal form's in units, with a left vector that keeps it finite where the eigenvalue is double."""
        try:
            if self.kind == "Neimark-Sacker":
                if abs(self.cosine) >= 1:
                    return math.nan
                return normal_forms.neimark_sacker(self._system, self._state, self.jacobian, self._pair).coefficient
            if self.kind == "fold":
                return normal_forms.fold(self._system, self._state, self._pair)
            return normal_forms.flip(self._system, self._state, self.jacobian, self._pair).coefficient
        except (RuntimeError, NotImplementedError):
            return math.nan  # a user's function that torch cannot differentiate forwards

    @property
    def coefficient(self) -> float:
        """The normal form's."""
        if math.isnan(self.raw_coefficient):
            return math.nan
        unit = float((self._pair.right * self.family.plane.units).norm())
        coefficient = self.raw_coefficient / unit ** (1 if self.kind == "fold" else 2)
        return coefficient / (1.0 if self.kind == "Neimark-Sacker" else self.overlap or math.nan)


POLES = {
    "fold": ("1:1 resonance",),
    "flip": ("1:2 resonance", "fold-flip"),
    "Neimark-Sacker": ("1:1 resonance", "1:2 resonance", "1:3 resonance", "fold-Neimark-Sacker"),
}
"""Where the coefficient is infinite, as the normal form is another one."""

Test = Callable[[Spot], float]

_TESTS: dict[str, dict[str, Test]] = {
    "fold": {"cusp": lambda spot: spot.raw_coefficient, "1:1 resonance": lambda spot: spot.overlap},
    "flip": {"generalised flip": lambda spot: spot.raw_coefficient, "1:2 resonance": lambda spot: spot.overlap},
    "Neimark-Sacker": {
        "1:1 resonance": lambda spot: 1 - spot.cosine,
        "1:2 resonance": lambda spot: 1 + spot.cosine,
        "1:3 resonance": lambda spot: spot.cosine + 0.5,
        "1:4 resonance": lambda spot: spot.cosine,
        # Its term with 1 / (exp(3 i theta) - 1) has no pole at 1:3, as the real part of that is -1/2 all around.
        "Chenciner": lambda spot: spot.raw_coefficient,
    },
}


@dataclass(frozen=True, eq=False)
class Found:
    """A point of codimension two between two points of a curve."""

    kind: str
    point: Point


def found_between(family: DefiningFamily, span: Span, before: Spot, after: Spot, tolerance: float) -> list[Found]:
    """All points of codimension two between two, in order along the curve.

    A test function that changes sign is followed to its zero; where it jumps, or has a pole as coefficients have at
    other such points, there is none. Eigenvalues that cross the circle and come back within one step are not seen.
    """

    def zero(test: Test) -> Zero | None:
        return locate(span, before.point, after.point, lambda at: test(Spot(family, span, at)), tolerance)

    found = []
    for kind, test in _TESTS[before.kind].items():
        values = test(before), test(after)
        if (values[0] > 0) == (values[1] > 0) or not max(map(abs, values)) > _NOISE:
            continue  # NaN, too, is no change
        if math.isnan(values[0] + values[1]):
            continue
        place = zero(test)
        if place is not None and place.vanished:
            found.append(Found(kind, place.point))
    few, many = sorted((before.n_outside, after.n_outside))
    rank = few
    while rank < many:
        place = zero(_modulus(rank))
        value = None if place is None else _crossing(Spot(family, span, place.point))
        rank += 1 if value is None or abs(value.imag) < _REAL else 2
        kind = None if value is None else _second_kind(before.kind, value)
        if place is not None and place.vanished and kind is not None:
            found.append(Found(kind, place.point))
    chord = covector(after.point.coordinates - before.point.coordinates, before.point.scale)
    return sorted(found, key=lambda each: float(chord @ (each.point.coordinates - before.point.coordinates)))


def _modulus(rank: int) -> Test:
    """Ln of the modulus of one of the other eigenvalues, by rank: continuous along the curve."""

    def test(spot: Spot) -> float:
        values = spot.others.abs()
        return float(values[rank].clamp(min=1e-3).log()) if rank < len(values) else math.log(1e-3)

    return test


def _crossing(spot: Spot) -> complex:
    others = spot.others
    return complex(others[(others.abs() - 1).abs().argmin()])


def _second_kind(kind: str, value: complex) -> str | None:
    """The name for another eigenvalue on the circle; None where an overlap of 0 tells better."""
    if kind != "Neimark-Sacker" and abs(value - (1.0 if kind == "fold" else -1.0)) < _DOUBLE:
        return None
    if abs(value.imag) > _REAL:
        return {"fold": "fold-Neimark-Sacker", "flip": "flip-Neimark-Sacker"}.get(kind, "double Neimark-Sacker")
    second = "fold" if value.real > 0 else "flip"
    return f"{second}-Neimark-Sacker" if kind == "Neimark-Sacker" else "fold-flip"
