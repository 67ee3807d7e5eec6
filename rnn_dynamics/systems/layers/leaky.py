"""Leaky layers: units that approach what drives them by a share ``alpha`` of the way in each step."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..boxes import Box, NoBox, interval_linear
from ..rectifiers import Rectifiers
from .base import AffineLayer, Slopes, scaled_rows
from .nonlinearities import NONLINEARITIES, Nonlinearity

LEAKS = ("outside", "inside", "current")
"""Where the leak acts; see ``LeakingLayer``."""

_MARGIN = 1e-2
"""Of the range of each unit, by which a box of currents is wider than it: fixed points lie strictly inside."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LeakingLayer(AffineLayer):
    """With d = W r + U x + b, alpha in (0, 1] for all units or for each, and W of whatever form a subclass gives it:

        leak "outside":   h' = (1 - alpha) h + alpha f(d),      r = h
        leak "inside":    h' = f((1 - alpha) h + alpha d),      r = h
        leak "current":   h' = (1 - alpha) h + alpha d,         r = f(h)

    The first is Euler's step of length alpha = dt / tau for rates, tau h' = -h + f(W h + ...), the last that for
    currents, tau h' = -h + W f(h) + ...; the second is that of Yang et al. 2019 (doi:10.1038/s41593-018-0310-2).
    """

    weight_ih: Tensor  # U [n, m]
    bias_ih: Tensor | None = None  # b [n]
    alpha: Tensor  # [] or [n]
    nonlinearity: str = "tanh"
    leak: str = "outside"

    @abstractmethod
    def recurrent_weight(self) -> Tensor:
        """W [n, n]."""

    def recur(self, vectors: Tensor) -> Tensor:
        """W v of vectors [..., n]."""
        return linear(vectors, self.recurrent_weight())

    @property
    def f(self) -> Nonlinearity:
        return NONLINEARITIES[self.nonlinearity]

    @property
    def state_size(self) -> int:
        return self.weight_ih.shape[0]

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        if self.leak == "current":
            return self._leaked(state, drive + self.recur(self.f.function(state)))
        drive = drive + self.recur(state)
        if self.leak == "inside":
            return self.f.function(self._leaked(state, drive))
        return self._leaked(state, self.f.function(drive))

    def _leaked(self, state: Tensor, target: Tensor) -> Tensor:
        # Exact for alpha = 1, and under autocast, which ``lerp`` does not know.
        return target + (1.0 - self.alpha) * (state - target)

    def factors(self, state: Tensor, drive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """a, c and e, each [k, n], of the derivative DF = diag(a) W diag(c) + diag(e) at states [k, n]."""
        ones = torch.ones_like(state)
        if self.leak == "current":
            return ones * self.alpha, self.f.slope(state), ones * (1.0 - self.alpha)
        drive = drive + self.recur(state)
        if self.leak == "inside":
            slope = self.f.slope(self._leaked(state, drive))
            return slope * self.alpha, ones, slope * (1.0 - self.alpha)
        return self.f.slope(drive) * self.alpha, ones, ones * (1.0 - self.alpha)

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        drive = self.project(input)
        rows, columns, keep = self.factors(state, drive)
        by_state = scaled_rows([(rows, self.recurrent_weight())]).mul_(columns.unsqueeze(-2))
        by_state.diagonal(dim1=-2, dim2=-1).add_(keep)
        return self.advance(state, drive), by_state, scaled_rows([(rows, self.weight_ih)]) if wrt_input else None

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        drive = self.project(input)
        parts = tuple(part.unsqueeze(1) for part in self.factors(state, drive))
        return self.advance(state, drive), parts

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        rows, columns, keep = slopes
        drive = self.recur(columns * vectors)
        drive = drive if feed is None else drive + linear(feed, self.weight_ih)
        return rows * drive + keep * vectors

    def rectifiers(self, drive: Tensor) -> Rectifiers | None:
        if self.nonlinearity != "relu":
            return None
        weight, one = self.recurrent_weight(), torch.eye(self.state_size, dtype=drive.dtype, device=drive.device)
        if self.leak == "current":
            return Rectifiers(weight, one, torch.zeros_like(drive), drive)
        return Rectifiers(one, weight, drive, torch.zeros_like(drive))

    def ungated(self) -> Self:
        """The same without leak; of leak "inside" only a ReLU has the same fixed points without it."""
        if self.leak == "inside" and self.nonlinearity != "relu":
            return self
        return replace(self, alpha=torch.ones_like(self.alpha))

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:
        if not self.f.bounded:
            name = {"relu": "ReLU"}.get(self.nonlinearity, self.nonlinearity)
            return NoBox(f"a leaky layer with {name} is unbounded: no box is known to be mapped into itself")
        low, high = (torch.full_like(self.weight_ih[:, 0], end) for end in (self.f.lower, self.f.upper))
        if self.leak != "current":
            reason = f"a leaky state is a weighted mean of itself and a {self.nonlinearity}"
            return Box(low, high, f"{reason}: [{self.f.lower:g}, {self.f.upper:g}]^n")
        low, high = interval_linear(self.recurrent_weight(), None, low, high)
        least, most = interval_linear(self.weight_ih, self.bias_ih, lower, upper)
        low, high = low + least, high + most
        margin = _MARGIN * (high - low).clamp(min=_MARGIN)
        reason = f"a current is a weighted mean of itself and what bounded rates ({self.nonlinearity}) add up to"
        return Box(low - margin, high + margin, reason)


@dataclass(frozen=True, eq=False, kw_only=True)
class LeakyLayer(LeakingLayer):
    """A leaky layer with any W; see ``LeakingLayer``."""

    weight_hh: Tensor  # W [n, n]

    @property
    def name(self) -> str:
        return f"leaky RNN ({self.nonlinearity})"

    def recurrent_weight(self) -> Tensor:
        return self.weight_hh


@dataclass(frozen=True, eq=False, kw_only=True)
class DaleLayer(LeakyLayer):
    """A leaky layer whose units each excite or inhibit all others: W_ij = |V_ij| s_j m_ij.

    V is ``weight_hh``; s_j is +1 or -1, the sign of unit j; m_ij is 0 where there is no connection from j to i.
    """

    signs: Tensor  # s [n]
    mask: Tensor  # m [n, n]

    @property
    def name(self) -> str:
        return f"Dale RNN ({self.nonlinearity})"

    def recurrent_weight(self) -> Tensor:
        return self.weight_hh.abs() * self.signs * self.mask

    def unconstrained(self) -> LeakyLayer:
        """The same map, with W as it is now."""
        given = {"weight_ih": self.weight_ih, "bias_ih": self.bias_ih, "alpha": self.alpha}
        return LeakyLayer(weight_hh=self.recurrent_weight(), nonlinearity=self.nonlinearity, leak=self.leak, **given)

    def scan(self, drives: Tensor, state: Tensor) -> Tensor:
        # W once, not at every step.
        return self.unconstrained().scan(drives, state)
