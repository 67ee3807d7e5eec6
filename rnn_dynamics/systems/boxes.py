"""Boxes that a map takes into themselves: what the index sum needs to hold."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Box:
    """An axis-aligned box lower <= h <= upper with F(box) inside box, and the reason why that is so."""

    lower: Tensor  # [n]
    upper: Tensor  # [n]
    reason: str
    holds_all: bool = True
    """Whether every fixed point of F is known to lie strictly inside; a declared box is only mapped into itself."""

    def contains(self, states: Tensor) -> Tensor:
        """For states [..., n], whether each lies in the box, up to rounding."""
        return ((states >= self.lower - self._slack) & (states <= self.upper + self._slack)).all(dim=-1)

    def touches(self, states: Tensor) -> Tensor:
        """For states [..., n], whether each lies on the wall of the box, up to rounding."""
        below, above = (states - self.lower).abs(), (states - self.upper).abs()
        return ((below <= self._slack) | (above <= self._slack)).any(dim=-1)

    @property
    def _slack(self) -> Tensor:
        rounding = 16 * torch.finfo(self.lower.dtype).eps
        return 1e-6 * (self.upper - self.lower) / 2 + rounding * torch.maximum(self.lower.abs(), self.upper.abs())

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Uniform states [n, state_size]."""
        unit = torch.rand(n, len(self.lower), generator=generator, dtype=self.lower.dtype, device=generator.device)
        return self.lower + (self.upper - self.lower) * unit.to(self.lower.device)


@dataclass(frozen=True)
class NoBox:
    """Why no such box is known."""

    reason: str


def interval_linear(weight: Tensor, bias: Tensor | None, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """The exact range of W x + b, row by row, for x between ``lower`` and ``upper``."""
    positive, negative = weight.clamp(min=0), weight.clamp(max=0)
    low, high = positive @ lower + negative @ upper, positive @ upper + negative @ lower
    return (low, high) if bias is None else (low + bias, high + bias)
