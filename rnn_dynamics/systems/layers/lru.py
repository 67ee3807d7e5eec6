"""The linear recurrent unit: complex numbers that turn and decay, driven by the input."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..boxes import Box, NoBox, interval_linear
from .base import AffineLayer, Slopes

_MARGIN = 1.0
"""By which a box is wider than it must be at the least: the fixed point lies strictly inside."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LRULayer(AffineLayer):
    """z' = lambda z + gamma (B x), lambda = exp(-exp(nu) + i exp(theta)), gamma = exp(gamma_log), unit by unit.

    The state is [Re z, Im z], of twice the size; DF has the eigenvalues lambda and their conjugates. ``weight_ih`` is
    [Re B, Im B] (Orvieto et al. 2023, arXiv 2303.06349).
    """

    nu_log: Tensor  # nu [n]
    theta_log: Tensor  # theta [n]
    gamma_log: Tensor  # [n]
    weight_ih: Tensor  # [2 n, m]
    bias_ih: Tensor | None = None  # [2 n], of a held input

    @property
    def name(self) -> str:
        return "LRU"

    @property
    def state_size(self) -> int:
        return self.weight_ih.shape[0]

    def project(self, input: Tensor) -> Tensor:
        driven = linear(input, self.weight_ih) * self.gamma_log.exp().repeat(2)
        return driven if self.bias_ih is None else driven + self.bias_ih

    def eigenvalues(self) -> tuple[Tensor, Tensor]:
        """Re and Im of lambda, [n] each."""
        modulus, angle = (-self.nu_log.exp()).exp(), self.theta_log.exp()
        return modulus * angle.cos(), modulus * angle.sin()

    def _turned(self, vectors: Tensor) -> Tensor:
        """DF v of vectors [..., 2 n]."""
        real, imaginary = self.eigenvalues()
        one, other = vectors.chunk(2, dim=-1)
        return torch.cat([real * one - imaginary * other, imaginary * one + real * other], dim=-1)

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        return self._turned(state) + drive

    def _by_input(self) -> Tensor:
        return self.gamma_log.exp().repeat(2).unsqueeze(-1) * self.weight_ih

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        k, n = len(state), self.state_size
        by_state = self._turned(torch.eye(n, dtype=state.dtype, device=state.device)).T.expand(k, n, n)
        by_input = self._by_input().expand(k, n, self.input_size).clone() if wrt_input else None
        return self.step(state, input), by_state.clone(), by_input

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        return self.step(state, input), ()

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:  # noqa: ARG002
        images = self._turned(vectors)
        return images if feed is None else images + linear(feed, self._by_input())

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:
        real, imaginary = self.eigenvalues()
        growth = (real.abs() + imaginary.abs()).repeat(2)
        if not bool((growth < 1).all()):
            return NoBox("an LRU turns its states by so much that no box with sides along the axes holds their images")
        bias = torch.zeros_like(self.weight_ih[:, 0]) if self.bias_ih is None else self.bias_ih
        low, high = interval_linear(self._by_input(), bias, lower, upper)
        driven = torch.maximum(low.abs(), high.abs()).view(2, -1).amax(dim=0).repeat(2)
        reach = (driven + _MARGIN) / (1.0 - growth)
        return Box(-reach, reach, "an LRU whose |Re lambda| + |Im lambda| < 1 draws its states in along every axis")
