"""The simple recurrent (Elman) layer with tanh or ReLU."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..boxes import Box, NoBox
from ..rectifiers import Rectifiers
from .base import CellLayer, Slopes, run_kernel, scaled_rows, unit_box


@dataclass(frozen=True, eq=False)
class ElmanLayer(CellLayer):
    """h' = phi(W_ih x + b_ih + W_hh h + b_hh), phi = tanh or ReLU (Elman 1990, doi:10.1207/s15516709cog1402_1)."""

    bias_hh: Tensor | None = None
    nonlinearity: str = "tanh"

    @property
    def name(self) -> str:
        return f"RNN ({self.nonlinearity})"

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        drive = drive + linear(state, self.weight_hh, self.bias_hh)
        return drive.tanh() if self.nonlinearity == "tanh" else drive.relu()

    def run(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        kernel = torch.rnn_tanh if self.nonlinearity == "tanh" else torch.rnn_relu
        return run_kernel(kernel, self, inputs, state)

    def _slope(self, new: Tensor) -> Tensor:
        return 1.0 - new.square() if self.nonlinearity == "tanh" else (new > 0).to(new.dtype)

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        new = self.step(state, input)
        slope = self._slope(new)
        by_input = scaled_rows([(slope, self.weight_ih)]) if wrt_input else None
        return new, scaled_rows([(slope, self.weight_hh)]), by_input

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        new = self.step(state, input)
        return new, (self._slope(new).unsqueeze(1),)

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        drive = linear(vectors, self.weight_hh)
        return slopes[0] * (drive if feed is None else drive + linear(feed, self.weight_ih))

    def rectifiers(self, drive: Tensor) -> Rectifiers | None:
        if self.nonlinearity != "relu":
            return None
        one = torch.eye(self.state_size, dtype=drive.dtype, device=drive.device)
        threshold = drive if self.bias_hh is None else drive + self.bias_hh
        return Rectifiers(one, self.weight_hh, threshold, torch.zeros_like(drive))

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:  # noqa: ARG002
        if self.nonlinearity != "tanh":
            return NoBox("a ReLU layer is unbounded: no box is known to be mapped into itself")
        return unit_box(lower, self.state_size, "tanh maps every state into [-1, 1]^n")
