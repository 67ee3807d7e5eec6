"""Cells side by side: the paper's double layer."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..checks import ArgumentError, NotRecurrent, Size, checked, whole_number
from ..systems import Layer, ParallelLayer, recurrent_layers

State: TypeAlias = Tensor | tuple[Tensor, Tensor]
Sequences = TypeVar("Sequences", Tensor, PackedSequence)


@checked
class Parallel(nn.Module):
    """A stack of layers that are each several cells on the same input: y = [y_1, y_2], h = [h_1, h_2].

    Warming up only the first cell of each layer keeps the second precise (arXiv 2106.01001): ``warm_up`` does that by
    default. Cells do not see each other within a layer; every cell of the next layer sees all their outputs. Cell j of
    layer k is the module ``parallel[k][j]``.
    """

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        cells: Sequence[Callable[..., nn.Module]] = (nn.GRU, nn.GRU),
        num_layers: Size = 1,
        bias: bool = True,
        batch_first: bool = False,
        *,
        split: Sequence[int] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layers.

        Args:
            input_size, hidden_size, num_layers, bias, batch_first: as in ``nn.GRU``; ``hidden_size`` is that of the
                whole layer.
            cells: two or more of ``nn.RNN``, ``nn.GRU``, ``nn.LSTM``, ``MGU``, ``BRC``, ``NBRC``, in any mixture, or
                functions called like them.
            split: how many units each cell gets; equal parts by default, the remainder to the last.
            device, dtype: of the weights.

        Raises:
            ValueError: for fewer than two cells, cells that are not of this kind, or parts that do not add up to
                ``hidden_size``.
        """
        super().__init__()
        if len(cells) < 2 or any(isinstance(cell, nn.Module) or not callable(cell) for cell in cells):
            raise ArgumentError(
                "cells", f"must be two or more of nn.GRU, rnn_dynamics.cells.MGU and their like, got {cells}"
            )
        whole_number(input_size, "input_size", 0)
        whole_number(num_layers, "num_layers", 1)
        if split is None:
            part = hidden_size // len(cells)
            split = [part] * (len(cells) - 1) + [hidden_size - part * (len(cells) - 1)]
        if len(split) != len(cells) or sum(split) != hidden_size or min(split) < 1:
            raise ArgumentError(
                "split", f"must give {len(cells)} cells one unit or more each, {hidden_size} in all, got {list(split)}"
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.split = bias, batch_first, tuple(split)
        self.parallel = nn.ModuleList(
            nn.ModuleList(
                cell(hidden_size if index else input_size, units, bias=bias, device=device, dtype=dtype)
                for cell, units in zip(cells, split, strict=True)
            )
            for index in range(num_layers)
        )
        # How large a second state each cell has beside its output, as an LSTM has: read off the layers, once.
        for layer, row in zip(self.recurrent_layers(), self.parallel, strict=True):
            _require_fitting(layer, row, split)  # pyright: ignore[reportArgumentType]
            self._second_sizes = [cell.state_size - cell.output_size for cell in layer.cells]

    def recurrent_layers(self) -> list[ParallelLayer]:
        """The layers, bottom first, on the module's own parameters: what ``as_map`` analyses."""
        if type(self).forward is not Parallel.forward:
            raise NotRecurrent(f"{type(self).__name__} has a forward of its own, which its layers know nothing of")
        result = []
        for index, row in enumerate(self.parallel):
            cells: list[Layer] = []
            for cell in row:  # pyright: ignore[reportGeneralTypeIssues]
                parts = recurrent_layers(cell)
                if len(parts) != 1:
                    raise ValueError(f"each cell of layer {index} must be one layer, got {len(parts)}")
                cells.append(parts[0])
            result.append(ParallelLayer(tuple(cells)))
        return result

    def forward(
        self, input: Tensor | PackedSequence, state: State | None = None
    ) -> tuple[Tensor | PackedSequence, State]:
        """Run over a batch of sequences.

        Args:
            input: [time, batch, m] ([batch, time, m] with ``batch_first``), one sequence [time, m], or packed ones.
            state: [layers, batch, hidden_size], or (h, c) if a cell is an LSTM, c holding those cells' only; without
                batch for one sequence; zeros by default.

        Returns:
            The top layer's outputs after every step, laid out (or packed) as the input; and the state after each
            sequence's last step.

        Raises:
            ValueError: for shapes that do not fit.
        """
        if isinstance(input, PackedSequence):
            if input.data.ndim != 2 or input.data.shape[1] != self.input_size:
                raise ArgumentError("input", f"must have {self.input_size} features, got {list(input.data.shape[1:])}")
            return self._run(input, self._cell_states(state, [int(input.batch_sizes[0])]))
        if not isinstance(input, Tensor):
            raise ArgumentError("input", f"must be a tensor or a PackedSequence, got {type(input).__name__}")
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size or 0 in input.shape[:-1]:
            layout = "batch, time" if self.batch_first else "time, batch"
            raise ArgumentError(
                "input",
                f"must have shape [{layout}, {self.input_size}] or [time, {self.input_size}], got {list(input.shape)}",
            )
        if input.ndim == 2:
            return self._run(input, self._cell_states(state, []))
        sequences = input.transpose(0, 1) if self.batch_first else input
        output, last = self._run(sequences, self._cell_states(state, [sequences.shape[1]]))
        return output.transpose(0, 1) if self.batch_first else output, last

    def _run(self, sequences: Sequences, firsts: list[list[State | None]]) -> tuple[Sequences, State]:
        lasts: list[list[State]] = []
        for row, first in zip(self.parallel, firsts, strict=True):
            results = [cell(sequences, own) for cell, own in zip(row, first, strict=True)]  # pyright: ignore[reportArgumentType]
            sequences = _beside([output for output, _ in results])
            lasts.append([last for _, last in results])
        return sequences, self._joined(lasts)

    def _cell_states(self, state: State | None, batch: list[int]) -> list[list[State | None]]:
        """For each layer each cell's own first state, in the form that the cell takes."""
        if state is None:
            return [[None] * len(self.split) for _ in range(self.num_layers)]
        parts = (state,) if isinstance(state, Tensor) else tuple(state)
        widths = [self.hidden_size, sum(self._second_sizes)][: 1 + any(self._second_sizes)]
        expected = [[self.num_layers, *batch, width] for width in widths]
        got = [list(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in parts]
        if got != expected:
            wanted = "a pair (h, c) of shapes" if len(widths) == 2 else "one tensor h of shape"
            raise ArgumentError(
                "state", f"must be {wanted} {', '.join(map(str, expected))}, got {', '.join(map(str, got))}"
            )
        result = []
        for index in range(self.num_layers):
            outputs = parts[0][index : index + 1].split(list(self.split), dim=-1)
            rests = parts[-1][index : index + 1].split(self._second_sizes, dim=-1) if len(parts) == 2 else outputs
            result.append(
                [
                    (output.contiguous(), rest.contiguous()) if second else output.contiguous()
                    for output, rest, second in zip(outputs, rests, self._second_sizes, strict=True)
                ]
            )
        return result

    def _joined(self, lasts: list[list[State]]) -> State:
        hidden = [torch.cat([s if isinstance(s, Tensor) else s[0] for s in row], dim=-1) for row in lasts]
        if not any(self._second_sizes):
            return torch.cat(hidden)
        memory = [torch.cat([s[1] for s in row if not isinstance(s, Tensor)], dim=-1) for row in lasts]
        return torch.cat(hidden), torch.cat(memory)


def _require_fitting(layer: ParallelLayer, row: Iterable[nn.Module], split: Sequence[int]) -> None:
    for cell, module, units in zip(layer.cells, row, split, strict=True):
        if isinstance(module, nn.RNNCellBase) or getattr(module, "batch_first", False):
            raise ArgumentError("cells", f"must be sequence modules, [time, batch, features] within; got {module}")
        if cell.output_size != units:
            raise ValueError(f"a cell of {units} units was asked for, but {module} puts out {cell.output_size}")


def _beside(outputs: list[Sequences]) -> Sequences:
    first = outputs[0]
    if isinstance(first, PackedSequence):
        return first._replace(data=torch.cat([output.data for output in outputs], dim=-1))
    return torch.cat(outputs, dim=-1)  # pyright: ignore[reportArgumentType]
