"""Networks all of whose fixed points are proved to be all: boxes looked at, and CPU time."""

import math
import time
from collections.abc import Iterator

import pandas as pd
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import LowRankRNN

DRAWS = 10

READING = """\
CPU time of one thread, tracing the step included; medians over draws, and the most. Uncoupled units h' = tanh(2 h) have
3^n fixed points in closed form. Random networks are h' = tanh(W h + b) with W from N(0, 2.5^2 / n) and b from
N(0, 0.3^2), GRUs as torch draws them with all weights 4 or 8 times as large, low-rank networks as in ``low_rank``, of
200 units. "complete" is the share of draws proved complete, in all of R^n, within the budget of 100,000 boxes.
"""


def _networks() -> Iterator[tuple[str, list[rd.AutonomousMap]]]:
    for n in range(1, 7):
        yield f"uncoupled, n = {n}", [rd.as_map(lambda h, _: torch.tanh(2 * h), n, 0).hold()]
    for n in range(2, 7):
        yield f"random tanh, n = {n}", [_random_tanh(n, seed) for seed in range(DRAWS)]
    for n in (2, 3):
        for scale in (4, 8):
            yield f"GRU, n = {n}, weights x {scale}", [_gru(n, scale, seed) for seed in range(DRAWS)]
    for rank in (2, 3):
        yield f"low rank {rank}, 200 units", [_low_rank(rank, seed) for seed in range(DRAWS)]


def _random_tanh(n: int, seed: int) -> rd.AutonomousMap:
    generator = torch.Generator().manual_seed(seed)
    weight = 2.5 / math.sqrt(n) * torch.randn(n, n, generator=generator, dtype=torch.float64)
    bias = 0.3 * torch.randn(n, generator=generator, dtype=torch.float64)
    return rd.as_map(lambda h, _: torch.tanh(h @ weight.mT + bias), n, 0).hold()


def _gru(n: int, scale: float, seed: int) -> rd.AutonomousMap:
    torch.manual_seed(seed)
    gru = nn.GRU(1, n)
    with torch.no_grad():
        for weight in gru.parameters():
            weight.mul_(scale)
    return rd.as_map(gru).hold([0.0])


def _low_rank(rank: int, seed: int) -> rd.AutonomousMap:
    torch.manual_seed(seed)
    module = LowRankRNN(1, 200, rank=rank)
    with torch.no_grad():
        module.weight_n_l0.copy_(2.0 * module.weight_m_l0 + torch.randn(200, rank))
    return rd.as_map(module).hold([0.0])


def run() -> pd.DataFrame:
    """Every kind of network."""
    torch.set_num_threads(1)
    rows = []
    for name, systems in _networks():
        seconds: list[float] = []
        censuses: list[rd.FixedPointCensus] = []
        for system in systems:
            begin = time.process_time()
            censuses.append(rd.all_fixed_points(system))
            seconds.append(time.process_time() - begin)
        points, boxes = (pd.Series([f(one) for one in censuses]) for f in (len, lambda one: one.boxes))
        rows.append(
            {
                "network": name,
                "draws": len(systems),
                "complete": f"{sum(one.complete and one.everywhere for one in censuses)} of {len(systems)}",
                "fixed points": f"{points.median():g}, most {points.max()}",
                "boxes": f"{boxes.median():g}, most {boxes.max()}",
                "CPU time / s": f"{pd.Series(seconds).median():.2f}, most {max(seconds):.2f}",
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)
