"""Cost of a step of warmup, against the published procedure written out: sequences one by one, all outputs kept."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pandas as pd
import torch
from torch import Tensor, nn

from rnn_dynamics.cells import initialise
from rnn_dynamics.cells.gated import MGU, NBRC
from rnn_dynamics.warmup import Horizon, warm_up

HIDDEN, LAYERS, N, TIME, AHEAD, STEPS = 256, 2, 32, 300, 100, 4

READING = """\
Hidden 256, 2 layers, 32 sequences of length 300, 100 held steps (the mean of the published 1 to 200), one step of Adam;
float32, fastest of the steps of either, taken in turn. The baseline is the procedure as it is published:
each sequence by itself through all layers for its own c steps, with ``nn.GRU`` and ``nn.LSTM`` where torch has the cell
and one product for each gate and step where it has not, then all states through the held steps of each layer.
The target is 3. It is missed for the LSTM: oneDNN's kernel at batch 1 already runs at some 40 GFLOP/s of the 90 that
one core gives, and both do about 33 GFLOP for a step, so that no more than about 2 can be had on one core.
"""


class PlainCell(nn.Module):
    """A cell that torch lacks, as one would write it: a product for each gate, step by step, all outputs kept."""

    def __init__(self, kind: str, inputs: int, units: int) -> None:
        super().__init__()
        gates = 2 if kind == "MGU" else 3
        self.kind, self.hidden_size = kind, units
        self.by_input = nn.ModuleList(nn.Linear(inputs, units) for _ in range(gates))
        self.by_state = nn.ModuleList(nn.Linear(units, units, bias=False) for _ in range(2))

    def forward(self, inputs: Tensor, state: tuple[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
        (h,), outputs = state, inputs.new_empty(*inputs.shape[:2], self.hidden_size)
        for step, x in enumerate(inputs):
            first = self.by_input[0](x) + self.by_state[0](h)
            if self.kind == "MGU":
                f = first.sigmoid()
                h = (1 - f) * h + f * (self.by_input[1](x) + self.by_state[1](f * h)).tanh()
            else:
                c, a = first.sigmoid(), 1 + (self.by_input[1](x) + self.by_state[1](h)).tanh()
                h = c * h + (1 - c) * (self.by_input[2](x) + a * h).tanh()
            outputs[step] = h
        return outputs, (h,)


class PlainStack(nn.Module):
    """Layers one above the other; a state is a tuple of tensors for each layer."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        torch_kinds = {"GRU": nn.GRU, "LSTM": nn.LSTM}
        sizes = [1] + [HIDDEN] * (LAYERS - 1)
        make = torch_kinds.get(kind, lambda inputs, units: PlainCell(kind, inputs, units))
        self.layers = nn.ModuleList(make(inputs, HIDDEN) for inputs in sizes)
        self.parts = 2 if kind == "LSTM" else 1

    def run(self, layer: nn.Module, inputs: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One layer over inputs [time, batch, m]."""
        if isinstance(layer, PlainCell):
            return layer(inputs, state)
        given = tuple(part.unsqueeze(0) for part in state)
        outputs, last = layer(inputs, given if self.parts == 2 else given[0])
        return outputs, tuple(part.squeeze(0) for part in (last if self.parts == 2 else (last,)))


def _plain_soft_vaa(states: Tensor, epsilon: float = 1e-4) -> Tensor:
    squashed, total = states.tanh(), states.new_zeros(())
    for row in squashed:
        distance = (squashed - row).norm(dim=1)
        total = total + 1 / (1 - (distance - epsilon).relu() / (distance + 1e-6)).sum() / len(states)
    return total


def published_steps(network: PlainStack, sequences: Tensor) -> Iterator[None]:
    """Updates of the procedure as it is published, one at a time."""
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(0)
    while True:
        lasts: list[list[tuple[Tensor, ...]]] = [[] for _ in range(LAYERS)]
        for index in range(N):
            length = int(torch.randint(1, TIME + 1, (), generator=generator))
            inputs = sequences[index, :length].unsqueeze(1)
            for row, layer in enumerate(network.layers):
                zeros = tuple(inputs.new_zeros(1, HIDDEN) for _ in range(network.parts))
                inputs, last = network.run(layer, inputs, zeros)
                lasts[row].append(last)
        loss = torch.zeros(())
        for row, layer in enumerate(network.layers):
            state = tuple(torch.cat(parts) for parts in zip(*lasts[row], strict=True))
            held = torch.randn(1 if row == 0 else HIDDEN, generator=generator).expand(AHEAD, N, -1)
            _, last = network.run(layer, held, state)
            loss = loss + (_plain_soft_vaa(torch.cat(last, dim=-1)) - 0.95).square() / LAYERS
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield


def our_steps(module: nn.Module, sequences: Tensor) -> list[float]:
    """Seconds of each update of ``warm_up``."""
    times: list[float] = []
    horizon = Horizon(start=AHEAD, growth=0, longest=AHEAD, random=False)
    look: Callable[..., None] = lambda *_, **__: times.append(time.perf_counter())  # noqa: E731
    warm_up(module, sequences, steps=STEPS + 1, batch_size=N, horizon=horizon, callback=look)
    return [after - before for before, after in pairwise(times[:-1])]


def run() -> pd.DataFrame:
    """The four cells that the target names, on one core and on all."""
    sequences = torch.randn(N, TIME, 1, generator=torch.Generator().manual_seed(0))
    kinds: dict[str, Callable[..., nn.Module]] = {"GRU": nn.GRU, "LSTM": nn.LSTM, "MGU": MGU, "nBRC": NBRC}
    rows, cores = [], torch.get_num_threads()
    for name, kind in kinds.items():
        row = {"cell": name}
        for threads in sorted({1, cores}):
            torch.set_num_threads(threads)
            torch.manual_seed(0)
            plain, theirs, ours = published_steps(PlainStack(name), sequences), [], []
            next(plain)
            for _ in range(3):
                begin = time.perf_counter()
                next(plain)
                theirs.append(time.perf_counter() - begin)
                ours += our_steps(initialise(kind(1, HIDDEN, num_layers=LAYERS)), sequences)
            row[f"published / ours, {threads} core{'s' * (threads > 1)}"] = round(min(theirs) / min(ours), 1)
            print(name, threads, min(theirs), min(ours), flush=True)
        rows.append(row)
    return pd.DataFrame(rows)
