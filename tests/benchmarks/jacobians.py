"""Closed-form Jacobians against autograd, and solving by layers against the full matrix."""

import time
from collections.abc import Callable

import pandas as pd
import torch
from torch import nn
from torch.func import jacrev, vmap

import rnn_dynamics as rd

KINDS = {
    "RNN": lambda n: nn.RNN(3, n),
    "GRU": lambda n: nn.GRU(3, n),
    "LSTM": lambda n: nn.LSTM(3, n),
    "GRU, 2 layers": lambda n: nn.GRU(3, n, num_layers=2),
    "LSTM, 2 layers": lambda n: nn.LSTM(3, n, num_layers=2),
}

READING = """\
The second ratio is a whole Newton step from the full matrix of F against one from the map without gates, solved
layer by layer; an LSTM gains twice, since its cell states drop out of the linear algebra.
"""


def _median(task: Callable[[], object], repeats: int = 5) -> float:
    task()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        task()
        times.append(time.perf_counter() - begin)
    return sorted(times)[repeats // 2]


def run() -> pd.DataFrame:
    """256 states each; ratios of medians of five."""
    rows = []
    for name, make in KINDS.items():
        for n in (16, 64):
            system = rd.as_map(make(n)).hold()
            states = torch.randn(256, system.state_size, dtype=torch.float64) / 2
            identity = torch.eye(system.state_size, dtype=torch.float64)
            closed = _median(lambda: system.jacobian(states))  # noqa: B023
            autograd = _median(lambda: vmap(jacrev(system))(states))  # noqa: B023
            newton = _median(lambda: system.ungated().linearize(states)[1].solve(states))  # noqa: B023
            plain = _median(lambda: torch.linalg.solve(system.jacobian(states) - identity, states))  # noqa: B023
            rows.append(
                {
                    "network": f"{name}, {n} units a layer",
                    "autograd / closed form": round(autograd / closed, 1),
                    "full Newton step / by layers and ungated": round(plain / newton, 1),
                }
            )
    return pd.DataFrame(rows)
