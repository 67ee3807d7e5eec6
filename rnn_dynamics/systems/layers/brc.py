"""The bistable recurrent cell, and its recurrently neuromodulated variant."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..boxes import Box, NoBox
from .base import CellLayer, Slopes, scaled_rows, unit_box


@dataclass(frozen=True, eq=False)
class NBRCLayer(CellLayer):
    """h' = c h + (1 - c) n, with n = tanh(U_n x + b_n + a h).

    c = sigmoid(U_c x + b_c + W_c h), and a = 1 + tanh(U_a x + b_a + W_a h): each unit feeds back on itself with a gain
    between 0 and 2, bistable above 1. Rows of U (``weight_ih``) are ordered c, a, n, those of W (``weight_hh``) c, a
    (Vecoven et al. 2021, doi:10.1371/journal.pone.0252676, arXiv 2006.05252).
    """

    gates = "can"

    @property
    def name(self) -> str:
        return "nBRC"

    def _recurrent_drives(self, state: Tensor) -> tuple[Tensor, ...]:
        return linear(state, self.weight_hh).chunk(2, dim=-1)

    def _recurrent_rows(self, by_keep: Tensor, by_gain: Tensor) -> Tensor:
        """The derivative by the state through the two gates, given that by their drives [k, n]: [k, n, n]."""
        hidden_c, hidden_a = self.weight_hh.chunk(2)
        return scaled_rows([(by_keep, hidden_c), (by_gain, hidden_a)])

    def _gates(self, state: Tensor, drive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        drive_c, drive_a, drive_n = drive.chunk(3, dim=-1)
        hidden_c, hidden_a = self._recurrent_drives(state)
        gain = 1.0 + (drive_a + hidden_a).tanh()
        return (drive_c + hidden_c).sigmoid(), gain, (drive_n + gain * state).tanh()

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        keep, _, candidate = self._gates(state, drive)
        return candidate + keep * (state - candidate)

    def _slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, ...]:
        """The next state, its derivatives by the drives of c, a and n, and by the state itself."""
        keep, gain, candidate = self._gates(state, self.project(input))
        by_keep = (state - candidate) * keep * (1.0 - keep)
        by_candidate = (1.0 - keep) * (1.0 - candidate.square())
        by_gain = by_candidate * state * gain * (2.0 - gain)  # 1 - tanh^2, of gain = 1 + tanh
        return candidate + keep * (state - candidate), by_keep, by_gain, by_candidate, keep + by_candidate * gain

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        new, by_keep, by_gain, by_candidate, by_itself = self._slopes(state, input)
        by_state = self._recurrent_rows(by_keep, by_gain)
        by_state.diagonal(dim1=-2, dim2=-1).add_(by_itself)
        by_input = None
        if wrt_input:
            by_input = scaled_rows(list(zip((by_keep, by_gain, by_candidate), self.weight_ih.chunk(3), strict=True)))
        return new, by_state, by_input

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        new, *by_drives, by_itself = self._slopes(state, input)
        return new, (*(part.unsqueeze(1) for part in by_drives), by_itself.unsqueeze(1))

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        by_keep, by_gain, by_candidate, by_itself = slopes
        drive_c, drive_a = self._recurrent_drives(vectors)
        images = by_keep * drive_c + by_gain * drive_a + by_itself * vectors
        if feed is None:
            return images
        drive_c, drive_a, drive_n = linear(feed, self.weight_ih).chunk(3, dim=-1)
        return images + by_keep * drive_c + by_gain * drive_a + by_candidate * drive_n

    def ungated(self) -> "UngatedNBRCLayer":
        return UngatedNBRCLayer(self.weight_ih, self.weight_hh, self.bias_ih)

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:  # noqa: ARG002
        return unit_box(lower, self.state_size, "a BRC state is a weighted mean of itself and a tanh: [-1, 1]^n")


@dataclass(frozen=True, eq=False)
class UngatedNBRCLayer(NBRCLayer):
    """h' = n(h): the candidate of an nBRC alone. (1 - c)(n - h) = 0 exactly where n = h, since c < 1."""

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        return self._gates(state, drive)[2]

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        _, gain, candidate = self._gates(state, self.project(input))
        slope = 1.0 - candidate.square()
        by_gain = slope * state * gain * (2.0 - gain)
        by_state = self._recurrent_rows(torch.zeros_like(by_gain), by_gain)
        by_state.diagonal(dim1=-2, dim2=-1).add_(slope * gain)
        _, input_a, input_n = self.weight_ih.chunk(3)
        return candidate, by_state, scaled_rows([(by_gain, input_a), (slope, input_n)]) if wrt_input else None


@dataclass(frozen=True, eq=False)
class BRCLayer(NBRCLayer):
    """The same with each gate seeing its own unit only: W_c = diag(w_c), W_a = diag(w_a).

    ``weight_hh`` [2, n] holds w_c and w_a.
    """

    @property
    def name(self) -> str:
        return "BRC"

    def _recurrent_drives(self, state: Tensor) -> tuple[Tensor, ...]:
        own_c, own_a = self.weight_hh
        return own_c * state, own_a * state

    def _recurrent_rows(self, by_keep: Tensor, by_gain: Tensor) -> Tensor:
        own_c, own_a = self.weight_hh
        return torch.diag_embed(by_keep * own_c + by_gain * own_a)

    def ungated(self) -> "UngatedBRCLayer":
        return UngatedBRCLayer(self.weight_ih, self.weight_hh, self.bias_ih)


@dataclass(frozen=True, eq=False)
class UngatedBRCLayer(BRCLayer, UngatedNBRCLayer):
    """h' = n(h): the candidate of a BRC alone."""
