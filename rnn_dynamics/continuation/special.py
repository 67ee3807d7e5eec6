"""A point of a branch at which an eigenvalue is on the unit circle, from where it is seen to where it is known."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .points import Point


@dataclass(frozen=True, eq=False)
class Special:
    """An eigenvalue of DF that crosses the unit circle along a branch."""

    kind: str
    """"fold" (+1: the branch turns), "branch point" (+1: it goes on, another crosses it), "flip" (-1) or
    "Neimark-Sacker" (a pair)."""

    state: Tensor
    """The fixed point there, [n]."""

    s: float

    point: Point | None = None
    """With the tangent, where a walk came upon it."""

    t: float = math.nan
    """The family's own parameter at s."""

    eigenvalue: complex = complex(math.nan, math.nan)
    """The one that crosses; of a pair that with positive imaginary part."""

    place: tuple[int, float] = (0, 0.0)
    """On a path of knots: the number of the knot before it, and the distance from that."""

    eigenvalues: Tensor | None = None
    """All that were needed, by falling modulus."""

    multiplicity: int = 1
    """How many eigenvalues, or pairs, cross at once."""

    interval: tuple[float, float] = (math.nan, math.nan)
    """The s between which it was seen to lie, where it was looked for on both sides of it."""

    status: str = "located"
    """"located", or "bracketed" where no more is known than that it lies in a wide ``interval``."""

    @classmethod
    def at(cls, kind: str, point: Point) -> "Special":
        return cls(kind, point.state, point.s, point)

    @property
    def located(self) -> Point:
        """Its point, once that is known."""
        assert self.point is not None
        return self.point

    @property
    def coordinates(self) -> Tensor:
        """(h, s), [n + 1]."""
        return torch.cat([self.state, self.state.new_tensor([self.s])])

    def __repr__(self) -> str:
        return f"{self.kind} at t = {self.t:.6g}"
