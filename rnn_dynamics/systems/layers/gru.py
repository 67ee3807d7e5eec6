"""The gated recurrent unit, in torch's variant."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..boxes import Box, NoBox
from .base import CellLayer, Slopes, run_kernel, scaled_rows, unit_box, weighted


@dataclass(frozen=True, eq=False)
class GRULayer(CellLayer):
    """h' = (1 - z) n + z h, with n = tanh(W_in x + b_in + r (W_hn h + b_hn)) and logistic gates r, z.

    The reset gate multiplies after the product with W_hn, as in torch and cuDNN (Cho et al. 2014, arXiv 1406.1078,
    has it before). Rows of the weights are ordered r, z, n.
    """

    gates = "rzn"

    bias_hh: Tensor | None = None

    def _gates(self, state: Tensor, drive: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        input_r, input_z, input_n = drive.chunk(3, dim=-1)
        state_r, state_z, state_n = linear(state, self.weight_hh, self.bias_hh).chunk(3, dim=-1)
        reset, update = (input_r + state_r).sigmoid(), (input_z + state_z).sigmoid()
        return reset, update, (input_n + reset * state_n).tanh(), state_n

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        _, update, candidate, _ = self._gates(state, drive)
        return candidate + update * (state - candidate)

    def run(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return run_kernel(torch.gru, self, inputs, state)

    def _slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, ...]:
        """The next state, its derivatives by the drives of the gates, and the gates r and z."""
        reset, update, candidate, state_n = self._gates(state, self.project(input))
        by_update = (state - candidate) * update * (1.0 - update)
        by_candidate = (1.0 - update) * (1.0 - candidate.square())
        by_reset = by_candidate * state_n * reset * (1.0 - reset)
        return candidate + update * (state - candidate), by_reset, by_update, by_candidate, reset, update

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        new, by_reset, by_update, by_candidate, reset, update = self._slopes(state, input)
        hidden_r, hidden_z, hidden_n = self.weight_hh.chunk(3)
        by_state = scaled_rows([(by_reset, hidden_r), (by_update, hidden_z), (by_candidate * reset, hidden_n)])
        by_state.diagonal(dim1=-2, dim2=-1).add_(update)
        by_input = None
        if wrt_input:
            input_r, input_z, input_n = self.weight_ih.chunk(3)
            by_input = scaled_rows([(by_reset, input_r), (by_update, input_z), (by_candidate, input_n)])
        return new, by_state, by_input

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        new, by_reset, by_update, by_candidate, reset, update = self._slopes(state, input)
        by_hidden = torch.cat([by_reset, by_update, by_candidate * reset], dim=-1).unsqueeze(1)
        return new, (
            by_hidden,
            torch.cat([by_reset, by_update, by_candidate], dim=-1).unsqueeze(1),
            update.unsqueeze(1),
        )

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        by_hidden, by_input, update = slopes
        images = weighted(by_hidden, linear(vectors, self.weight_hh), 3).addcmul_(update, vectors)
        return images if feed is None else images.add_(weighted(by_input, linear(feed, self.weight_ih), 3))

    def ungated(self) -> "UngatedGRULayer":
        return UngatedGRULayer(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:  # noqa: ARG002
        return unit_box(lower, self.state_size, "a GRU state is a weighted mean of itself and a tanh: [-1, 1]^n")


@dataclass(frozen=True, eq=False)
class UngatedGRULayer(GRULayer):
    """h' = n(h): the candidate of a GRU alone. (1 - z)(n - h) = 0 exactly where n = h, since z < 1."""

    run = CellLayer.run

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        return self._gates(state, drive)[2]

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        candidate, by_reset, by_candidate, reset = self._slopes(state, input)
        hidden_r, _, hidden_n = self.weight_hh.chunk(3)
        input_r, _, input_n = self.weight_ih.chunk(3)
        by_input = scaled_rows([(by_reset, input_r), (by_candidate, input_n)]) if wrt_input else None
        return candidate, scaled_rows([(by_reset, hidden_r), (by_candidate * reset, hidden_n)]), by_input

    def _slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, ...]:
        """The candidate, its derivatives by the drives of r and n, and the gate r."""
        reset, _, candidate, state_n = self._gates(state, self.project(input))
        by_candidate = 1.0 - candidate.square()
        return candidate, by_candidate * state_n * reset * (1.0 - reset), by_candidate, reset

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        candidate, by_reset, by_candidate, reset = self._slopes(state, input)
        by_hidden = torch.cat([by_reset, by_candidate * reset], dim=-1).unsqueeze(1)
        return candidate, (by_hidden, torch.cat([by_reset, by_candidate], dim=-1).unsqueeze(1))

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        by_hidden, by_input = slopes
        images = weighted(by_hidden, linear(vectors, _without_update(self.weight_hh)), 2)
        if feed is None:
            return images
        return images.add_(weighted(by_input, linear(feed, _without_update(self.weight_ih)), 2))


def _without_update(weight: Tensor) -> Tensor:
    """The rows of r and n of a weight [3 n, m]."""
    reset, _, candidate = weight.chunk(3)
    return torch.cat([reset, candidate])
