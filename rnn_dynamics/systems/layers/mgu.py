"""The minimal gated unit."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import linear

from ..boxes import Box, NoBox
from .base import CellLayer, Slopes, scaled_rows, unit_box


@dataclass(frozen=True, eq=False)
class MGULayer(CellLayer):
    """h' = (1 - f) h + f n, with a logistic gate f and n = tanh(W_in x + W_hn (f h) + b_n).

    Rows of the weights are ordered f, n (Zhou et al. 2016, arXiv 1603.09420).
    """

    gates = "fn"

    def _gates(self, state: Tensor, drive: Tensor) -> tuple[Tensor, Tensor]:
        drive_f, drive_n = drive.chunk(2, dim=-1)
        hidden_f, hidden_n = self.weight_hh.chunk(2)
        forget = (drive_f + linear(state, hidden_f)).sigmoid()
        return forget, (drive_n + linear(forget * state, hidden_n)).tanh()

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        forget, candidate = self._gates(state, drive)
        return state + forget * (candidate - state)

    def _candidate_derivatives(
        self, state: Tensor, forget: Tensor, slope: Tensor, wrt_input: bool
    ) -> tuple[Tensor, Tensor | None]:
        """diag(slope) times the derivatives of the candidate's drive by the state and by the input."""
        hidden_f, hidden_n = self.weight_hh.chunk(2)
        input_f, input_n = self.weight_ih.chunk(2)
        # The gate acts within the product with W_hn, so that its part costs a matrix product for each state.
        through_gate = hidden_n * (state * forget * (1.0 - forget)).unsqueeze(-2)
        by_state = hidden_n * forget.unsqueeze(-2) + through_gate @ hidden_f
        by_input = slope.unsqueeze(-1) * (input_n + through_gate @ input_f) if wrt_input else None
        return slope.unsqueeze(-1) * by_state, by_input

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        forget, candidate = self._gates(state, self.project(input))
        slope = forget * (1.0 - candidate.square())
        by_gate = (candidate - state) * forget * (1.0 - forget)
        by_state, by_input = self._candidate_derivatives(state, forget, slope, wrt_input)
        by_state += scaled_rows([(by_gate, self.weight_hh.chunk(2)[0])])
        by_state.diagonal(dim1=-2, dim2=-1).add_(1.0 - forget)
        if by_input is not None:
            by_input = by_input + scaled_rows([(by_gate, self.weight_ih.chunk(2)[0])])
        return state + forget * (candidate - state), by_state, by_input

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        forget, candidate = self._gates(state, self.project(input))
        by_forget = forget * (1.0 - forget)
        parts = (forget, state * by_forget, forget * (1.0 - candidate.square()), (candidate - state) * by_forget)
        return state + forget * (candidate - state), tuple(part.unsqueeze(1) for part in parts)

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        forget, to_gated, by_candidate, by_forget = slopes
        hidden_f, hidden_n = self.weight_hh.chunk(2)
        input_f, input_n = self.weight_ih.chunk(2)
        drive_f = linear(vectors, hidden_f)
        drive_f = drive_f if feed is None else drive_f + linear(feed, input_f)
        drive_n = linear(forget * vectors + to_gated * drive_f, hidden_n)
        drive_n = drive_n if feed is None else drive_n + linear(feed, input_n)
        return by_candidate * drive_n + by_forget * drive_f + (1.0 - forget) * vectors

    def ungated(self) -> "UngatedMGULayer":
        return UngatedMGULayer(self.weight_ih, self.weight_hh, self.bias_ih)

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:  # noqa: ARG002
        return unit_box(lower, self.state_size, "an MGU state is a weighted mean of itself and a tanh: [-1, 1]^n")


@dataclass(frozen=True, eq=False)
class UngatedMGULayer(MGULayer):
    """h' = n(h): the candidate of an MGU alone. f (n - h) = 0 exactly where n = h, since f > 0."""

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        return self._gates(state, drive)[1]

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        forget, candidate = self._gates(state, self.project(input))
        return candidate, *self._candidate_derivatives(state, forget, 1.0 - candidate.square(), wrt_input)
