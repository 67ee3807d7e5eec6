"""The minimal GRU and LSTM, whose gates see the input alone."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import linear, logsigmoid

from ..boxes import Box, NoBox, interval_linear
from .base import AffineLayer, Slopes, scaled_rows

_MARGIN = 1.0
"""By which a box is wider than the candidates: one held input has a single candidate, which is the fixed point."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimalLayer(AffineLayer):
    """h' = h + w (n - h), with a share w in (0, 1) and a candidate n that the input alone tells.

    n = c, or with ``positive`` the log-space form g(c) = c + 1/2 for c >= 0 and sigmoid(c) below; c are the last rows
    of U x + b. A held input is forgotten from whatever start: its fixed point is n, and DF = 1 - w, unit by unit.
    """

    weight_ih: Tensor
    bias_ih: Tensor | None = None
    positive: bool = False

    @property
    def state_size(self) -> int:
        return self.weight_ih.shape[0] // len(self.gates)

    @abstractmethod
    def share(self, drive: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """W [..., n] and its derivatives by the rows of each gate."""

    def _candidate(self, drive: Tensor) -> Tensor:
        own = drive[..., -self.state_size :]
        return torch.where(own >= 0, own + 0.5, own.sigmoid()) if self.positive else own

    def _candidate_slope(self, drive: Tensor) -> Tensor:
        own = drive[..., -self.state_size :]
        if not self.positive:
            return torch.ones_like(own)
        return torch.where(own >= 0, 1.0, own.sigmoid() * (-own).sigmoid())

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        candidate = self._candidate(drive)
        return candidate + (1.0 - self.share(drive)[0]) * (state - candidate)

    def _slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The next state, its derivative by the state, and those by the rows of each gate and of the candidate."""
        drive = self.project(input)
        share, by_gates = self.share(drive)
        candidate = self._candidate(drive)
        by_rows = [(candidate - state) * by_gate for by_gate in by_gates] + [share * self._candidate_slope(drive)]
        return candidate + (1.0 - share) * (state - candidate), 1.0 - share, by_rows

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        new, keep, by_rows = self._slopes(state, input)
        blocks = self.weight_ih.chunk(len(self.gates))
        return new, keep.diag_embed(), scaled_rows(list(zip(by_rows, blocks, strict=True))) if wrt_input else None

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        new, keep, by_rows = self._slopes(state, input)
        return new, tuple(part.unsqueeze(1) for part in (keep, *by_rows))

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        keep, *by_rows = slopes
        images = keep * vectors
        if feed is None:
            return images
        drives = linear(feed, self.weight_ih).chunk(len(self.gates), dim=-1)
        return images + sum(by_row * drive for by_row, drive in zip(by_rows, drives, strict=True))

    def ungated(self) -> "UngatedMinimalLayer":
        rows = -self.state_size
        bias = None if self.bias_ih is None else self.bias_ih[rows:]
        return UngatedMinimalLayer(weight_ih=self.weight_ih[rows:], bias_ih=bias, positive=self.positive)

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:
        # The candidate grows with its rows.
        low, high = (self._candidate(end) for end in interval_linear(self.weight_ih, self.bias_ih, lower, upper))
        return Box(low - _MARGIN, high + _MARGIN, f"a {self.name} state is a weighted mean of itself and a candidate")


@dataclass(frozen=True, eq=False, kw_only=True)
class MinGRULayer(MinimalLayer):
    """w = sigmoid(z). Rows of the weights are ordered z, n (Feng et al. 2024, arXiv 2410.01201)."""

    gates: ClassVar[str] = "zn"

    @property
    def name(self) -> str:
        return "minGRU"

    def share(self, drive: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        share = drive[..., : self.state_size].sigmoid()
        return share, (share * (1.0 - share),)


@dataclass(frozen=True, eq=False, kw_only=True)
class MinLSTMLayer(MinimalLayer):
    """w = i / (f + i), with logistic f and i. Rows of the weights are ordered f, i, n (arXiv 2410.01201)."""

    gates: ClassVar[str] = "fin"

    @property
    def name(self) -> str:
        return "minLSTM"

    def share(self, drive: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        forget, write, _ = drive.chunk(3, dim=-1)
        share = (logsigmoid(write) - logsigmoid(forget)).sigmoid()  # where both gates are shut, 0 / 0 otherwise
        slope = share * (1.0 - share)
        return share, (-slope * (-forget).sigmoid(), slope * (-write).sigmoid())


@dataclass(frozen=True, eq=False, kw_only=True)
class UngatedMinimalLayer(MinimalLayer):
    """h' = n, whatever h is: w (n - h) = 0 exactly there, since w > 0."""

    gates: ClassVar[str] = "n"

    def share(self, drive: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return torch.ones_like(drive), ()
