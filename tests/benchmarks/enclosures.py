"""What an enclosure of a map and its derivative costs, as a ratio to torch's Jacobian in float64.

Run: python tests/benchmarks/enclosures.py [units ...]. CPU seconds of this process, on one thread, the least of a few.
"""

import sys
import time
from collections.abc import Callable

import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.enclosures import ball, enclose

CELLS = {"tanh": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


def least(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


def main(sizes: list[int]) -> None:
    torch.set_num_threads(1)
    print(f"{'cell':>12} {'state':>6} {'torch':>9} {'value':>9} {'linearize':>9} {'ratio':>7}")
    for name, cell in CELLS.items():
        for units in sizes:
            for layers in (1, 2):
                torch.manual_seed(0)
                system = rd.as_map(cell(3, units, layers)).hold(torch.randn(3))
                state = 0.5 * torch.randn(system.state_size, dtype=torch.float64)
                enclosure, box = enclose(system), ball(state, 1e-9)
                enclosure.linearize(box)  # weights are made exact once
                by_torch = least(lambda: system.jacobian(state), 5)  # noqa: B023
                value = least(lambda: enclosure.value(box), 3)  # noqa: B023
                both = least(lambda: enclosure.linearize(box), 3)  # noqa: B023
                what = f"{name}{'' if layers == 1 else f' x {layers}'}"
                row = f"{what:>12} {system.state_size:>6} {by_torch:>9.5f} {value:>9.4f} {both:>9.4f}"
                print(f"{row} {both / by_torch:>7.0f}", flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [16, 64, 256, 512])
