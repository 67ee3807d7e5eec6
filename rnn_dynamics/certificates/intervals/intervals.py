"""Many intervals at once in float64, every operation rounded outward."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_TINY = 1e-300
"""More than a machine that flushes subnormal numbers to zero can lose by it."""

_UNIT = 2.0**-53
"""The relative error of one rounding."""


_BELOW, _ABOVE = torch.tensor(-torch.inf, dtype=torch.float64), torch.tensor(torch.inf, dtype=torch.float64)


def down(x: Tensor) -> Tensor:
    """Below every real number that rounds to x."""
    return torch.nextafter(x, _BELOW).sub_(_TINY)


def up(x: Tensor) -> Tensor:
    """Above every real number that rounds to x."""
    return torch.nextafter(x, _ABOVE).add_(_TINY)


@dataclass(frozen=True, eq=False)
class Intervals:
    """Real numbers known to lie between ``lower`` and ``upper``, any shape.

    Sums, products and quotients of float64 are rounded to the nearest (IEEE 754), so that the next number outward
    bounds the exact one; matrix products are bounded by the standard a-priori error (see ``product``).
    """

    lower: Tensor
    upper: Tensor

    @classmethod
    def exactly(cls, value: Tensor) -> "Intervals":
        """Numbers as they are."""
        value = value.to(torch.float64)
        return cls(value, value)

    def __len__(self) -> int:
        return len(self.lower)

    def __getitem__(self, index: object) -> "Intervals":
        return self.moved(lambda ends: ends[index])  # pyright: ignore[reportArgumentType]

    def moved(self, move: Callable[[Tensor], Tensor]) -> "Intervals":
        """The same numbers in another arrangement."""
        lower = move(self.lower)
        return Intervals(lower, lower if self.exact else move(self.upper))

    @property
    def exact(self) -> bool:
        """Whether these are made of numbers: the same tensor at both ends."""
        return self.lower is self.upper

    def __add__(self, other: "Intervals") -> "Intervals":
        return whole(Intervals(down(self.lower + other.lower), up(self.upper + other.upper)))

    def __sub__(self, other: "Intervals") -> "Intervals":
        return whole(Intervals(down(self.lower - other.upper), up(self.upper - other.lower)))

    def __neg__(self) -> "Intervals":
        return Intervals.exactly(-self.lower) if self.exact else Intervals(-self.upper, -self.lower)

    def __mul__(self, other: "Intervals") -> "Intervals":
        if self.exact:
            ends = (other.lower,) if other.exact else (other.lower, other.upper)
            corners = [self.lower * end for end in ends]
        elif other.exact:
            return other * self
        else:
            corners = [a * b for a in (self.lower, self.upper) for b in (other.lower, other.upper)]
        if not (self.finite and other.finite):
            corners = [_zero_if_undefined(corner) for corner in corners]
        return whole(_over(corners))

    def __truediv__(self, other: "Intervals") -> "Intervals":
        """All quotients; everything where the divisor may be 0."""
        divisible = (other.lower > 0) | (other.upper < 0)
        corners = [a / b for a in (self.lower, self.upper) for b in (other.lower, other.upper)]
        quotients = _over([_zero_if_undefined(corner) for corner in corners])
        lower = torch.where(divisible, quotients.lower, -torch.inf)
        return whole(Intervals(lower, torch.where(divisible, quotients.upper, torch.inf)))

    def square(self) -> "Intervals":
        """Squares, none below 0."""
        low, high = self.lower.abs(), self.upper.abs()
        straddles = (self.lower <= 0) & (self.upper >= 0)
        least = torch.where(straddles, torch.zeros_like(low), torch.minimum(low, high))
        return Intervals(down(least.square()).clamp(min=0.0), up(torch.maximum(low, high).square()))

    def meet(self, other: "Intervals") -> "Intervals":
        """What lies in both; empty where lower > upper. An end that is undefined tells nothing."""
        return Intervals(torch.fmax(self.lower, other.lower), torch.fmin(self.upper, other.upper))

    @property
    def empty(self) -> Tensor:
        """Whether no number lies between the ends of some coordinate, of boxes [..., n]: [...]."""
        return (self.lower > self.upper).any(dim=-1)

    def hull(self, other: "Intervals") -> "Intervals":
        """The least that holds both."""
        return Intervals(torch.minimum(self.lower, other.lower), torch.maximum(self.upper, other.upper))

    def inside(self, other: "Intervals") -> Tensor:
        """Whether each entry lies in the interior of the other's."""
        return (self.lower > other.lower) & (self.upper < other.upper)

    @property
    def finite(self) -> bool:
        """Whether all ends are finite, as one sum tells at once; False too where that sum is too large."""
        return math.isfinite(float(self.lower.sum())) and math.isfinite(float(self.upper.sum()))

    @property
    def middle(self) -> Tensor:
        """A number within: near the midpoint, rounded as it happens."""
        middle = self.lower + (self.upper - self.lower) / 2
        return torch.minimum(torch.maximum(middle, self.lower), self.upper)

    @property
    def width(self) -> Tensor:
        """Upper minus lower, rounded up."""
        return up(self.upper - self.lower)

    @property
    def magnitude(self) -> Tensor:
        """The largest modulus."""
        return torch.maximum(self.lower.abs(), self.upper.abs())


def _over(corners: list[Tensor]) -> Intervals:
    """What holds the real numbers that round to each of the corners."""
    low, high = corners[0], corners[0]
    for corner in corners[1:]:
        low, high = torch.minimum(low, corner), torch.maximum(high, corner)
    return Intervals(down(low), up(high))


def _zero_if_undefined(corner: Tensor) -> Tensor:
    """0 times infinity is 0 at the end of an interval, and infinity over infinity no end but within others."""
    return corner.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf)


def whole(a: Intervals) -> Intervals:
    """The same, with everything in the place of an end that is undefined."""
    if a.finite:
        return a
    return Intervals(
        a.lower.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf),
        a.upper.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf),
    )


def stacked(parts: list[Intervals], dim: int) -> Intervals:
    """Along a new dimension."""
    return Intervals(torch.stack([p.lower for p in parts], dim), torch.stack([p.upper for p in parts], dim))


def joined(parts: list[Intervals], dim: int = 0) -> Intervals:
    """One after the other along a dimension."""
    return Intervals(torch.cat([p.lower for p in parts], dim), torch.cat([p.upper for p in parts], dim))


def product(equation: str, a: Intervals, b: Intervals, length: int) -> Intervals:
    """Sums of ``length`` products each, as an Einstein sum such as "bk,kj->bj".

    With midpoints m and radii r the sum lies within r_a |m_b| + |m_a| r_b + r_a r_b of that of the midpoints, which is
    computed with an error of at most gamma_k |m_a| |m_b|, gamma_k = k u / (1 - k u), in whatever order it is added
    (Higham 2002, 3.5; Rump 2010, doi:10.1017/S096249291000005X, section 5); the radius is inflated by the like.
    """
    if not (a.finite and b.finite):
        return _product_of_unbounded(equation, a, b, length)
    (middle_a, radius_a), (middle_b, radius_b) = _balls(a), _balls(b)
    size = torch.einsum(equation, middle_a.abs(), middle_b.abs())
    centre = torch.einsum(equation, middle_a, middle_b)
    # Twice gamma_k, and one unit more for every operation of this very sum.
    gamma = 2 * (length + 8) * _UNIT
    radius = gamma * size
    if bool(radius_a.any()):
        radius = radius + torch.einsum(equation, radius_a, middle_b.abs() + radius_b)
    if bool(radius_b.any()):
        radius = radius + torch.einsum(equation, middle_a.abs(), radius_b)
    radius = radius * (1 + gamma) + length * _TINY
    return whole(Intervals(down(centre - radius), up(centre + radius)))


def _product_of_unbounded(equation: str, a: Intervals, b: Intervals, length: int) -> Intervals:
    """Sums that an infinite term enters are everything; 0 times anything is 0."""
    parts = [
        Intervals(p.lower.nan_to_num(neginf=0.0, posinf=0.0), p.upper.nan_to_num(posinf=0.0, neginf=0.0))
        for p in (a, b)
    ]
    parts = [Intervals(torch.minimum(p.lower, p.upper), torch.maximum(p.lower, p.upper)) for p in parts]
    known = product(equation, parts[0], parts[1], length)
    endless = [(p.magnitude == torch.inf).to(torch.float64) for p in (a, b)]
    there = [(p.magnitude != 0).to(torch.float64) for p in (a, b)]
    touched = torch.einsum(equation, endless[0], there[1]) + torch.einsum(equation, there[0], endless[1]) > 0
    return Intervals(known.lower.masked_fill(touched, -torch.inf), known.upper.masked_fill(touched, torch.inf))


def _balls(a: Intervals) -> tuple[Tensor, Tensor]:
    """Midpoints and radii that hold the bounds."""
    middle = a.middle
    return middle, torch.where(a.lower == a.upper, 0.0, up(torch.maximum(a.upper - middle, middle - a.lower)))
