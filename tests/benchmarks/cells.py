"""Steps per second of the sequence modules, forward and backward, as ratios to ``nn.GRU`` of the same size."""

import time
from collections.abc import Callable
from functools import partial

import pandas as pd
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel

BATCH, TIME, REPEATS = 32, 300, 7

READING = """\
Batch 32, 300 steps, 1 input, float32, one layer, one thread; each time is the fastest of seven, taken in turn with the
others of its size. The modules take about as long as ``nn.GRU``, BRC half of it at 256 units; torch's LSTM has a kernel
of its own that is four times faster at 32. "compiled" is the same module with ``torch.compile`` on the step (gates
fused by inductor, shapes fixed): 15 to 33 % less time for BRC, from 4 % more to 11 % less for the others. The first
compilation of a cell and shape took 7 to 35 seconds, so the modules do not do it.
"""


def _seconds(forward: Callable[[], Tensor]) -> tuple[float, float]:
    begin = time.perf_counter()
    outputs = forward()
    middle = time.perf_counter()
    outputs.square().sum().backward()
    return middle - begin, time.perf_counter() - middle


def _outputs(module: nn.Module, inputs: Tensor) -> Tensor:
    return module(inputs)[0]


def _compiled(module: nn.Module, inputs: Tensor) -> Callable[[], Tensor]:
    (layer,) = rd.as_map(module).layers  # pyright: ignore[reportAttributeAccessIssue]
    advance = torch.compile(layer.advance)

    def forward() -> Tensor:
        state, states = inputs.new_zeros(BATCH, layer.state_size), []
        for drive in layer.project(inputs):
            state = advance(state, drive)
            states.append(state)
        return torch.stack(states)

    return forward


def run() -> pd.DataFrame:
    """A small size and the paper's."""
    torch.set_num_threads(1)
    rows = []
    for hidden in (32, 256):
        inputs = torch.randn(TIME, BATCH, 1, generator=torch.Generator().manual_seed(0))
        kinds = {"GRU": nn.GRU, "LSTM": nn.LSTM, "MGU": MGU, "BRC": BRC, "nBRC": NBRC, "GRU+GRU": Parallel}
        modules: dict[str, nn.Module] = {name: kind(1, hidden) for name, kind in kinds.items()}
        runs: dict[str, Callable[[], Tensor]] = {
            f"{name} module": partial(_outputs, module, inputs) for name, module in modules.items()
        }
        for name in ("MGU", "BRC", "nBRC"):
            runs[f"{name} compiled"] = _compiled(modules[name], inputs)
        for forward in runs.values():
            _seconds(forward)
        best = dict.fromkeys(runs, (torch.inf, torch.inf))
        for _ in range(REPEATS):
            for name, forward in runs.items():
                best[name] = tuple(map(min, best[name], _seconds(forward)))
        base = best["GRU module"]
        for name, (ahead, back) in best.items():
            rows.append(
                {
                    "units": hidden,
                    "cell": name,
                    "steps per second (forward)": round(TIME / ahead),
                    "steps per second (both)": round(TIME / (ahead + back)),
                    "forward / nn.GRU's": round(ahead / base[0], 2),
                    "backward / nn.GRU's": round(back / base[1], 2),
                    "both / nn.GRU's": round((ahead + back) / sum(base), 2),
                }
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)
