"""Cells side by side in one layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ..boxes import Box, NoBox
from .base import Layer, Slopes


@dataclass(frozen=True, eq=False)
class ParallelLayer(Layer):
    """Cells that read the same input and do not see each other; the layer above sees all their outputs.

    The state is all outputs side by side, then what the cells hide: [h_1, h_2, c_1, c_2] of two LSTM cells. With two
    halves it is the double layer of arXiv 2106.01001.
    """

    cells: tuple[Layer, ...]

    @property
    def name(self) -> str:
        return " | ".join(cell.name for cell in self.cells)

    @property
    def _output_sizes(self) -> list[int]:
        return [cell.output_size for cell in self.cells]

    @property
    def state_size(self) -> int:
        return sum(cell.state_size for cell in self.cells)

    @property
    def input_size(self) -> int:
        return self.cells[0].input_size

    @property
    def drive_size(self) -> int:
        return sum(cell.drive_size for cell in self.cells)

    @property
    def output_size(self) -> int:
        return sum(self._output_sizes)

    @property
    def acting_size(self) -> int:
        visible = all(cell.acting_size <= cell.output_size for cell in self.cells)
        return self.output_size if visible else self.state_size

    def cell_states(self, state: Tensor) -> list[Tensor]:
        """Each cell's own state [..., n_i], of the layer's state [..., n]."""
        hidden = [cell.state_size - cell.output_size for cell in self.cells]
        parts = state.split([*self._output_sizes, *hidden], dim=-1)
        outputs, rests = parts[: len(self.cells)], parts[len(self.cells) :]
        pairs = zip(outputs, rests, strict=True)
        return [torch.cat(pair, dim=-1) if pair[1].shape[-1] else pair[0] for pair in pairs]

    def join(self, states: Sequence[Tensor]) -> Tensor:
        """The layer's state [..., n], of each cell's own [..., n_i]."""
        pairs = list(zip(self.cells, states, strict=True))
        outputs = [state[..., : cell.output_size] for cell, state in pairs]
        rests = [state[..., cell.output_size :] for cell, state in pairs if cell.state_size > cell.output_size]
        return torch.cat([*outputs, *rests], dim=-1)

    def _drives(self, drive: Tensor) -> tuple[Tensor, ...]:
        return drive.split([cell.drive_size for cell in self.cells], dim=-1)

    def project(self, input: Tensor) -> Tensor:
        return torch.cat([cell.project(input) for cell in self.cells], dim=-1)

    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        parts = zip(self.cells, self.cell_states(state), self._drives(drive), strict=True)
        return self.join([cell.advance(own, pushed) for cell, own, pushed in parts])

    def scan(self, drives: Tensor, state: Tensor) -> Tensor:
        parts = zip(self.cells, self._drives(drives), self.cell_states(state), strict=True)
        return self.join([cell.scan(pushed, own) for cell, pushed, own in parts])

    def run(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        runs = [cell.run(inputs, own) for cell, own in zip(self.cells, self.cell_states(state), strict=True)]
        outputs, last = zip(*runs, strict=True)
        return torch.cat(outputs, dim=-1), self.join(last)

    def held(self, input: Tensor) -> Self:
        return type(self)(tuple(cell.held(input) for cell in self.cells))

    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        k, n = state.shape
        places = self.cell_states(torch.arange(n, device=state.device))
        by_state = state.new_zeros(k, n, self.acting_size)
        by_input = state.new_zeros(k, n, self.input_size) if wrt_input else None
        values = []
        for cell, own, place in zip(self.cells, self.cell_states(state), places, strict=True):
            value, block, feed = cell.jacobians(own, input, wrt_input)
            values.append(value)
            by_state[:, place[:, None], place[: cell.acting_size]] = block
            if by_input is not None and feed is not None:
                by_input[:, place] = feed
        return self.join(values), by_state, by_input

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        parts = [cell.slopes(own, input) for cell, own in zip(self.cells, self.cell_states(state), strict=True)]
        return self.join([value for value, _ in parts]), tuple(slopes for _, slopes in parts)

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        parts = zip(self.cells, slopes, self.cell_states(vectors), strict=True)
        return self.join([cell.push(own, vector, feed) for cell, own, vector in parts])

    def ungated(self) -> "ParallelLayer":
        return ParallelLayer(tuple(cell.ungated() for cell in self.cells))

    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:
        boxes = [cell.box(lower, upper) for cell in self.cells]
        known = [box for box in boxes if isinstance(box, Box)]
        if len(known) < len(boxes):
            return next(box for box in boxes if isinstance(box, NoBox))
        reasons = "; ".join(dict.fromkeys(box.reason for box in known))
        return Box(self.join([box.lower for box in known]), self.join([box.upper for box in known]), reasons)

    def apply(self, change: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(tuple(cell.apply(change) for cell in self.cells))

    def weights(self) -> dict[str, Tensor]:
        return {
            f"{index}.{name}": weight
            for index, cell in enumerate(self.cells)
            for name, weight in cell.weights().items()
        }

    def form(self) -> dict[str, object]:
        parts = {f"{index}.{name}": what for index, cell in enumerate(self.cells) for name, what in cell.form().items()}
        return {"class": type(self).__name__, **parts}
