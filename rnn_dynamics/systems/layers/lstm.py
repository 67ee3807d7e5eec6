"""The long short-term memory layer, with optional projection."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..boxes import Box, NoBox, interval_linear
from .base import CellLayer, Slopes, run_kernel, scaled_rows, weighted


@dataclass(frozen=True, eq=False)
class LSTMLayer(CellLayer):
    """c' = f c + i g, h' = P (o tanh(c')), with logistic gates i, f, o and g = tanh(...).

    The state is [h, c]; P is the projection of ``proj_size`` or the identity; rows of the weights are ordered
    i, f, g, o (Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; projection: arXiv 1402.1128).
    """

    gates = "ifgo"

    bias_hh: Tensor | None = None
    weight_hr: Tensor | None = None  # [p, H]

    @property
    def cell_size(self) -> int:
        return self.weight_hh.shape[0] // 4

    @property
    def output_size(self) -> int:
        return self.weight_hh.shape[1]

    @property
    def state_size(self) -> int:
        return self.output_size + self.cell_size

    def _gates(self, state: Tensor, drive: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        hidden, cell = state.split([self.output_size, self.cell_size], dim=-1)
        drive = drive + linear(hidden, self.weight_hh, self.bias_hh)
        drive_i, drive_f, drive_g, drive_o = drive.chunk(4, dim=-1)
        return drive_i.sigmoid(), drive_f.sigmoid(), drive_g.tanh(), drive_o.sigmoid(), cell

    def _joined(self, output: Tensor, cell: Tensor) -> Tensor:
        hidden = output if self.weight_hr is None else linear(output, self.weight_hr)
        return torch.cat([hidden, cell], dim=-1)

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        write, forget, content, show, cell = self._gates(state, drive)
        cell = forget * cell + write * content
        return self._joined(show * cell.tanh(), cell)

    def run(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        # Torch has no fast kernel for projections, and warns.
        return super().run(inputs, state) if self.weight_hr is not None else run_kernel(torch.lstm, self, inputs, state)

    def _slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, ...]:
        """The next state, c' by the drives of i, f, g, h' by that of o and by c', and the gate f."""
        write, forget, content, show, cell = self._gates(state, self.project(input))
        new_cell = forget * cell + write * content
        squashed = new_cell.tanh()
        cell_to_output = show * (1.0 - squashed.square())
        by_write = content * write * (1.0 - write)
        by_forget = cell * forget * (1.0 - forget)
        by_content = write * (1.0 - content.square())
        by_show = squashed * show * (1.0 - show)
        new = self._joined(show * squashed, new_cell)
        return new, by_write, by_forget, by_content, by_show, cell_to_output, forget

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        new, by_write, by_forget, by_content, by_show, cell_to_output, forget = self._slopes(state, input)

        def derivatives(weights: Tensor) -> tuple[Tensor, Tensor]:
            """d(output, cell) through the gates' linear drive."""
            w_i, w_f, w_g, w_o = weights.chunk(4)
            cell_part = scaled_rows([(by_write, w_i), (by_forget, w_f), (by_content, w_g)])
            output_part = scaled_rows([(by_show, w_o)]).addcmul_(cell_to_output.unsqueeze(-1), cell_part)
            return self._project(output_part), cell_part

        k, p = len(state), self.output_size
        by_state = state.new_zeros(k, self.state_size, self.state_size)
        by_state[:, :p, :p], by_state[:, p:, :p] = derivatives(self.weight_hh)
        by_state[:, p:, p:].diagonal(dim1=-2, dim2=-1).copy_(forget)
        if self.weight_hr is None:
            by_state[:, :p, p:].diagonal(dim1=-2, dim2=-1).copy_(cell_to_output * forget)
        else:
            by_state[:, :p, p:] = self.weight_hr * (cell_to_output * forget).unsqueeze(-2)
        by_input = torch.cat(derivatives(self.weight_ih), dim=-2) if wrt_input else None
        return new, by_state, by_input

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        new, *by_cell_drives, by_show, cell_to_output, forget = self._slopes(state, input)
        parts = (torch.cat(by_cell_drives, dim=-1), by_show, cell_to_output, forget)
        return new, tuple(part.unsqueeze(1) for part in parts)

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        by_cell_drives, by_show, cell_to_output, forget = slopes
        hidden, cell = vectors.split([self.output_size, self.cell_size], dim=-1)
        drive = linear(hidden, self.weight_hh)
        drive = drive if feed is None else drive + linear(feed, self.weight_ih)
        drive_cell, drive_show = drive.split([3 * self.cell_size, self.cell_size], dim=-1)
        new_cell = weighted(by_cell_drives, drive_cell, 3).addcmul_(forget, cell)
        return self._joined(by_show * drive_show + cell_to_output * new_cell, new_cell)

    def _project(self, rows: Tensor) -> Tensor:
        return rows if self.weight_hr is None else self.weight_hr @ rows

    def ungated(self) -> "UngatedLSTMLayer":
        return UngatedLSTMLayer(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, self.weight_hr)

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:
        reach = torch.ones_like(lower[:1]).expand(self.output_size)
        if self.weight_hr is not None:
            reach = self.weight_hr.abs().sum(dim=1)  # |output| < 1 before the projection
        low, high = interval_linear(self.weight_hh, self.bias_hh, -reach, reach)
        input_low, input_high = interval_linear(self.weight_ih, self.bias_ih, lower, upper)
        low_drives, high_drives = (low + input_low).chunk(4), (high + input_high).chunk(4)
        write_max = high_drives[0].sigmoid()
        leak_min = (-high_drives[1]).sigmoid()  # 1 - max f, without cancellation
        content_max = torch.maximum(low_drives[2].abs(), high_drives[2].abs()).tanh()
        cell_max = write_max * content_max / leak_min
        if not cell_max.isfinite().all():
            return NoBox("an LSTM forget gate reaches 1 in floating point, so its cell state has no bound")
        bound = torch.cat([reach, cell_max])
        return Box(-bound, bound, "LSTM: |h| <= 1 (or its projection), |c| <= max i |g| / (1 - max f) over that range")


@dataclass(frozen=True, eq=False)
class UngatedLSTMLayer(LSTMLayer):
    """c' = i g / (1 - f), h' = P (o tanh(c')): the cell state that the gates at h would settle at.

    c does not act on the next state, so half of the unknowns drop out of the linear algebra.
    """

    run = CellLayer.run

    @property
    def acting_size(self) -> int:
        return self.output_size

    def _settled(self, state: Tensor, drive: Tensor) -> tuple[Tensor, ...]:
        hidden = state[..., : self.output_size]
        drive = drive + linear(hidden, self.weight_hh, self.bias_hh)
        drive_i, drive_f, drive_g, drive_o = drive.chunk(4, dim=-1)
        keep = drive_f.sigmoid()
        leak = (-drive_f).sigmoid()  # 1 - f, without cancellation
        return drive_i.sigmoid(), keep, leak, drive_g.tanh(), drive_o.sigmoid()

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        write, _, leak, content, show = self._settled(state, drive)
        cell = write * content / leak
        return self._joined(show * cell.tanh(), cell)

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        write, keep, leak, content, show = self._settled(state, self.project(input))
        cell = write * content / leak
        squashed = cell.tanh()
        coefficients = (
            cell * (1.0 - write),
            cell * keep,
            write * (1.0 - content.square()) / leak,
        )
        by_show = squashed * show * (1.0 - show)
        cell_to_output = (show * (1.0 - squashed.square())).unsqueeze(-1)

        def derivative(weights: Tensor) -> Tensor:
            *cell_weights, w_o = weights.chunk(4)
            cell_part = scaled_rows(list(zip(coefficients, cell_weights, strict=True)))
            output_part = scaled_rows([(by_show, w_o)]).addcmul_(cell_to_output, cell_part)
            return torch.cat([self._project(output_part), cell_part], dim=-2)

        by_input = derivative(self.weight_ih) if wrt_input else None
        return self._joined(show * squashed, cell), derivative(self.weight_hh), by_input
