"""Cells side by side: the paper's double layer."""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..systems import recurrent_layers
from ..systems.layers import Layer, ParallelLayer

State: TypeAlias = Tensor | tuple[Tensor, Tensor]
Sequences = TypeVar("Sequences", Tensor, PackedSequence)


class Parallel(nn.Module):
    """A stack of layers that are each several cells on the same input: y = [y_1, y_2], h = [h_1, h_2].

    Warming up only the first cell of each layer keeps the second precise (arXiv 2106.01001): ``warm_up`` does that by
    default. Cells do not see each other within a layer; every cell of the next layer sees all their outputs. Cell j of
    layer k is the module ``parallel[k][j]``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        cells: Sequence[Callable[..., nn.Module]] = (nn.GRU, nn.GRU),
        num_layers: int = 1,
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
            ValueError: for fewer than two cells, or parts that do not add up to ``hidden_size``.
        """
        super().__init__()
        if len(cells) < 2:
            raise ValueError(f"cells must name two cells or more, got {len(cells)}")
        if input_size < 0 or num_layers < 1:
            raise ValueError(f"input_size must be >= 0 and num_layers >= 1, got {input_size} and {num_layers}")
        if split is None:
            part = hidden_size // len(cells)
            split = [part] * (len(cells) - 1) + [hidden_size - part * (len(cells) - 1)]
        if len(split) != len(cells) or sum(split) != hidden_size or min(split) < 1:
            raise ValueError(
                f"split must give {len(cells)} cells one unit or more each, {hidden_size} in all, got {list(split)}"
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
        # Which cells have a second state beside the output, as an LSTM has: read off the layers, once.
        layers = self.recurrent_layers()
        self._two_states = [cell.state_size > cell.output_size for cell in layers[0].cells]

    def recurrent_layers(self) -> list[ParallelLayer]:
        """The layers, bottom first, on the module's own parameters: what ``as_map`` analyses."""
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
            return self._run(input, state)
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            layout = "batch, time" if self.batch_first else "time, batch"
            raise ValueError(f"input must have shape [{layout}, {self.input_size}], got {list(input.shape)}")
        if not self.batch_first or input.ndim == 2:
            return self._run(input, state)
        output, last = self._run(input.transpose(0, 1), state)
        return output.transpose(0, 1), last

    def _run(self, sequences: Sequences, state: State | None) -> tuple[Sequences, State]:
        lasts: list[list[State]] = []
        for row, first in zip(self.parallel, self._cell_states(state), strict=True):
            results = [cell(sequences, own) for cell, own in zip(row, first, strict=True)]  # pyright: ignore[reportArgumentType]
            sequences = _beside([output for output, _ in results])
            lasts.append([last for _, last in results])
        return sequences, self._joined(lasts)

    def _cell_states(self, state: State | None) -> list[list[State | None]]:
        """For each layer each cell's own first state, in the form that the cell takes."""
        if state is None:
            return [[None] * len(self.split) for _ in range(self.num_layers)]
        if isinstance(state, Tensor) == any(self._two_states):
            wanted = "a pair (h, c)" if any(self._two_states) else "one tensor h"
            raise ValueError(f"state must be {wanted} for these cells, got {type(state).__name__}")
        hidden, memory = (state, None) if isinstance(state, Tensor) else state
        widths = [units for units, second in zip(self.split, self._two_states, strict=True) if second]
        for name, part, width in (("h", hidden, self.hidden_size), ("c", memory, sum(widths))):
            if part is not None and (len(part) != self.num_layers or part.shape[-1] != width):
                raise ValueError(
                    f"{name} of the state must have shape [{self.num_layers}, batch, {width}], got {list(part.shape)}"
                )
        result = []
        for index in range(self.num_layers):
            outputs = hidden[index : index + 1].split(list(self.split), dim=-1)
            rests = iter(() if memory is None else memory[index : index + 1].split(widths, dim=-1))
            result.append(
                [
                    (output.contiguous(), next(rests).contiguous()) if second else output.contiguous()
                    for output, second in zip(outputs, self._two_states, strict=True)
                ]
            )
        return result

    def _joined(self, lasts: list[list[State]]) -> State:
        hidden = [torch.cat([s if isinstance(s, Tensor) else s[0] for s in row], dim=-1) for row in lasts]
        if not any(self._two_states):
            return torch.cat(hidden)
        memory = [torch.cat([s[1] for s in row if not isinstance(s, Tensor)], dim=-1) for row in lasts]
        return torch.cat(hidden), torch.cat(memory)


def _beside(outputs: list[Sequences]) -> Sequences:
    first = outputs[0]
    if isinstance(first, PackedSequence):
        return first._replace(data=torch.cat([output.data for output in outputs], dim=-1))
    return torch.cat(outputs, dim=-1)  # pyright: ignore[reportArgumentType]
