"""The gated recurrent unit as it was first published, whose reset gate acts before the recurrent product."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..boxes import Box, NoBox
from .base import CellLayer, Slopes, scaled_rows, unit_box


@dataclass(frozen=True, eq=False)
class ResetBeforeGRULayer(CellLayer):
    """h' = (1 - z) n + z h, with n = tanh(W_in x + W_hn (r h) + b_n) and logistic gates r, z.

    Keras computes it with ``reset_after=False``, ONNX with ``linear_before_reset=0``; torch has the reset gate after
    the product (Cho et al. 2014, arXiv 1406.1078). Rows of the weights are ordered r, z, n.
    """

    gates = "rzn"

    @property
    def name(self) -> str:
        return "GRU-reset-before"

    def _gates(self, state: Tensor, drive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        input_r, input_z, input_n = drive.chunk(3, dim=-1)
        n = self.state_size
        state_r, state_z = linear(state, self.weight_hh[: 2 * n]).chunk(2, dim=-1)
        reset, update = (input_r + state_r).sigmoid(), (input_z + state_z).sigmoid()
        return reset, update, (input_n + linear(reset * state, self.weight_hh[2 * n :])).tanh()

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        _, update, candidate = self._gates(state, drive)
        return candidate + update * (state - candidate)

    def _candidate_derivatives(
        self, state: Tensor, reset: Tensor, slope: Tensor, wrt_input: bool
    ) -> tuple[Tensor, Tensor | None]:
        """diag(slope) times the derivatives of the candidate's drive by the state and by the input."""
        hidden_r, _, hidden_n = self.weight_hh.chunk(3)
        input_r, _, input_n = self.weight_ih.chunk(3)
        # The gate acts within the product with W_hn, so that its part costs a matrix product for each state.
        through_gate = hidden_n * (state * reset * (1.0 - reset)).unsqueeze(-2)
        by_state = hidden_n * reset.unsqueeze(-2) + through_gate @ hidden_r
        by_input = slope.unsqueeze(-1) * (input_n + through_gate @ input_r) if wrt_input else None
        return slope.unsqueeze(-1) * by_state, by_input

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        reset, update, candidate = self._gates(state, self.project(input))
        slope = (1.0 - update) * (1.0 - candidate.square())
        by_update = (state - candidate) * update * (1.0 - update)
        by_state, by_input = self._candidate_derivatives(state, reset, slope, wrt_input)
        by_state += scaled_rows([(by_update, self.weight_hh.chunk(3)[1])])
        by_state.diagonal(dim1=-2, dim2=-1).add_(update)
        if by_input is not None:
            by_input = by_input + scaled_rows([(by_update, self.weight_ih.chunk(3)[1])])
        return candidate + update * (state - candidate), by_state, by_input

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        reset, update, candidate = self._gates(state, self.project(input))
        parts = (
            reset,
            state * reset * (1.0 - reset),
            (1.0 - update) * (1.0 - candidate.square()),
            (state - candidate) * update * (1.0 - update),
            update,
        )
        return candidate + update * (state - candidate), tuple(part.unsqueeze(1) for part in parts)

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        reset, to_gated, by_candidate, by_update, update = slopes
        n = self.state_size
        drive_r, drive_z = linear(vectors, self.weight_hh[: 2 * n]).chunk(2, dim=-1)
        fed_r = fed_z = fed_n = torch.zeros((), dtype=vectors.dtype, device=vectors.device)
        if feed is not None:
            fed_r, fed_z, fed_n = linear(feed, self.weight_ih).chunk(3, dim=-1)
        gated = reset * vectors + to_gated * (drive_r + fed_r)
        drive_n = linear(gated, self.weight_hh[2 * n :]) + fed_n
        return by_candidate * drive_n + by_update * (drive_z + fed_z) + update * vectors

    def ungated(self) -> "UngatedResetBeforeGRULayer":
        return UngatedResetBeforeGRULayer(self.weight_ih, self.weight_hh, self.bias_ih)

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:  # noqa: ARG002
        return unit_box(lower, self.state_size, "a GRU state is a weighted mean of itself and a tanh: [-1, 1]^n")


@dataclass(frozen=True, eq=False)
class UngatedResetBeforeGRULayer(ResetBeforeGRULayer):
    """h' = n(h): the candidate alone. (1 - z)(n - h) = 0 exactly where n = h, since z < 1."""

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        return self._gates(state, drive)[2]

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        reset, _, candidate = self._gates(state, self.project(input))
        return candidate, *self._candidate_derivatives(state, reset, 1.0 - candidate.square(), wrt_input)
