"""All fixed points of low-rank networks, searched in as many dimensions as the weight has, and in all."""

import time
from collections.abc import Callable
from functools import partial

import pandas as pd
import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.cells import LowRankRNN
from rnn_dynamics.systems import AutonomousMap, Box, HeldMap, Linearization, WrappedMap

UNITS, STARTS, REPEATS = 1000, 128, 5

READING = """\
1,000 units, M from N(0, 1), N = 2 M + N(0, 1), 128 starts from N(0, 1), float64, one thread; CPU time, the least of
five, but of the whole network one. All of ``find_fixed_points`` is in it: spectra with 32 eigenvectors a point, index
sum, the search for missing points. "2-D search" is that of the reduced map alone, of which each evaluation costs 1,000
units too; "2 units" is that of a network which has no more. The whole network had its 128 starts and no further rounds
(``extra_starts=0``), which leaves out most of what it would do: even so it takes 125 to 357 times as long, and finds
one point of those that are there.
"""


class _Whole(WrappedMap):
    """The map, which does not tell how it can be reduced."""

    def __call__(self, states: Tensor) -> Tensor:
        return self.system(states)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        return self.system.linearize(states)

    def ungated(self) -> AutonomousMap:
        return _Whole(self.system.ungated())


def network(units: int, rank: int, nonlinearity: str, leak: str) -> HeldMap:
    """A network with several fixed points, since its factors overlap."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = LowRankRNN(2, units, rank=rank, nonlinearity=nonlinearity, leak=leak, dtype=torch.float64)
        with torch.no_grad():
            module.weight_n_l0.copy_(2.0 * module.weight_m_l0 + torch.randn(units, rank))
            module.weight_ih_l0.mul_(0.05)
    return rd.as_map(module).hold([0.1, 0.2])


def _measured(search: Callable[[], rd.FixedPoints], repeats: int = REPEATS) -> tuple[rd.FixedPoints, float]:
    seconds, found = [], None
    for _ in range(repeats):
        begin = time.process_time()
        found = search()
        seconds.append(time.process_time() - begin)
    assert found is not None
    return found, min(seconds)


def run() -> pd.DataFrame:
    """Two leaks and two ranks."""
    torch.set_num_threads(1)
    starts = torch.randn(STARTS, UNITS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    few = network(2, 2, "tanh", "current")
    _, of_two = _measured(partial(rd.find_fixed_points, few, starts[:, :2]))
    rows = []
    for rank, nonlinearity, leak in (
        (2, "tanh", "current"),
        (2, "tanh", "outside"),
        (3, "tanh", "current"),
    ):
        system = network(UNITS, rank, nonlinearity, leak)
        reduction = system.reduced()
        assert reduction is not None
        points, seconds = _measured(partial(rd.find_fixed_points, system, starts))
        box, plane = reduction.system.box, reduction.lower(starts)
        if isinstance(box, Box):
            plane = box.sample(STARTS, torch.Generator().manual_seed(0))
        _, small = _measured(partial(rd.find_fixed_points, reduction.system, plane))
        whole, long = _measured(partial(rd.find_fixed_points, _Whole(system), starts, extra_starts=0), 1)
        rows.append(
            {
                "network": f"rank {rank}, {nonlinearity}, leak {leak}",
                "points": len(points),
                "index sum": str(points.index_sum),
                "largest residual": f"{float(points.residuals.max()):.0e}",
                "points, whole": len(whole),
                "CPU time / s": round(seconds, 2),
                "/ 2-D search": round(seconds / small, 1),
                "/ 2 units": round(seconds / of_two, 1),
                "whole / this": round(long / seconds),
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)
