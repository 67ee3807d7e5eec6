"""Many intervals at once in float64, every operation rounded outward."""

from dataclasses import dataclass

import torch
from torch import Tensor

_TINY = 1e-300
"""More than a machine that flushes subnormal numbers to zero can lose by it."""

_UNIT = 2.0**-53
"""The relative error of one rounding."""


def down(x: Tensor) -> Tensor:
    """Below every real number that rounds to x."""
    return torch.nextafter(x, torch.full_like(x, -torch.inf)).sub_(_TINY).nan_to_num_(nan=-torch.inf, neginf=-torch.inf)


def up(x: Tensor) -> Tensor:
    """Above every real number that rounds to x."""
    return torch.nextafter(x, torch.full_like(x, torch.inf)).add_(_TINY).nan_to_num_(nan=torch.inf, posinf=torch.inf)


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
        return Intervals(self.lower[index], self.upper[index])  # pyright: ignore[reportArgumentType]

    def __add__(self, other: "Intervals") -> "Intervals":
        return Intervals(down(self.lower + other.lower), up(self.upper + other.upper))

    def __sub__(self, other: "Intervals") -> "Intervals":
        return Intervals(down(self.lower - other.upper), up(self.upper - other.lower))

    def __neg__(self) -> "Intervals":
        return Intervals(-self.upper, -self.lower)

    def __mul__(self, other: "Intervals") -> "Intervals":
        corners = [(a * b).nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf) for a, b in self._corners(other)]
        low = torch.minimum(torch.minimum(corners[0], corners[1]), torch.minimum(corners[2], corners[3]))
        high = torch.maximum(torch.maximum(corners[0], corners[1]), torch.maximum(corners[2], corners[3]))
        return Intervals(down(low), up(high))

    def __truediv__(self, other: "Intervals") -> "Intervals":
        """All quotients; everything where the divisor may be 0."""
        divisible = (other.lower > 0) | (other.upper < 0)
        corners = [a / b for a, b in self._corners(other)]
        corners = [c.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf) for c in corners]
        low = torch.minimum(torch.minimum(corners[0], corners[1]), torch.minimum(corners[2], corners[3]))
        high = torch.maximum(torch.maximum(corners[0], corners[1]), torch.maximum(corners[2], corners[3]))
        low = torch.where(divisible, down(low), -torch.inf)
        return Intervals(low, torch.where(divisible, up(high), torch.inf))

    def _corners(self, other: "Intervals") -> list[tuple[Tensor, Tensor]]:
        return [(a, b) for a in (self.lower, self.upper) for b in (other.lower, other.upper)]

    def square(self) -> "Intervals":
        """Squares, none below 0."""
        low, high = self.lower.abs(), self.upper.abs()
        straddles = (self.lower <= 0) & (self.upper >= 0)
        least = torch.where(straddles, torch.zeros_like(low), torch.minimum(low, high))
        return Intervals(down(least.square()).clamp(min=0.0), up(torch.maximum(low, high).square()))

    def meet(self, other: "Intervals") -> "Intervals":
        """What lies in both; empty where lower > upper."""
        return Intervals(torch.maximum(self.lower, other.lower), torch.minimum(self.upper, other.upper))

    def hull(self, other: "Intervals") -> "Intervals":
        """The least that holds both."""
        return Intervals(torch.minimum(self.lower, other.lower), torch.maximum(self.upper, other.upper))

    def inside(self, other: "Intervals") -> Tensor:
        """Whether each entry lies in the interior of the other's."""
        return (self.lower > other.lower) & (self.upper < other.upper)

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


def stacked(parts: list[Intervals], dim: int) -> Intervals:
    """Along a new dimension."""
    return Intervals(torch.stack([p.lower for p in parts], dim), torch.stack([p.upper for p in parts], dim))


def joined(parts: list[Intervals]) -> Intervals:
    """Along the first dimension."""
    return Intervals(torch.cat([p.lower for p in parts]), torch.cat([p.upper for p in parts]))


def product(equation: str, a: Intervals, b: Intervals, length: int) -> Intervals:
    """Sums of ``length`` products each, as an Einstein sum such as "bk,kj->bj".

    With midpoints m and radii r the sum lies within r_a |m_b| + |m_a| r_b + r_a r_b of that of the midpoints, which is
    computed with an error of at most gamma_k |m_a| |m_b|, gamma_k = k u / (1 - k u), in whatever order it is added
    (Higham 2002, 3.5; Rump 2010, doi:10.1017/S096249291000005X, section 5); the radius is inflated by the like.
    """
    if not (_finite(a) and _finite(b)):
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
    return Intervals(down(centre - radius), up(centre + radius))


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


def _finite(a: Intervals) -> bool:
    return bool(a.lower.isfinite().all()) and bool(a.upper.isfinite().all())


def _balls(a: Intervals) -> tuple[Tensor, Tensor]:
    """Midpoints and radii that hold the bounds."""
    middle = a.middle
    return middle, torch.where(a.lower == a.upper, 0.0, up(torch.maximum(a.upper - middle, middle - a.lower)))
