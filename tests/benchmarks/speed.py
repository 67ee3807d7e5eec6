"""Time to all fixed points, as a ratio to the field's usual method run beside it."""

import time

import pandas as pd
import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.systems import HeldMap

from .networks import problem

READING = """\
On GRUs the usual method reaches almost none of the fixed points and reports every start as a point of its own; ours
finds all, 62 to 217 times faster at 16 units and 40 to 106 times at 64. Where the usual method works, on tanh
networks and a small LSTM, it finds the same points; there ours takes between a fifth and little more than half of
its time, the search for missing points included. Networks with fewer than 27 points keep some memories by other
means; the audit in tests/training/test_flip_flop.py finds no further point in them.
"""


def adam_on_the_speed(system: HeldMap, starts: Tensor) -> tuple[Tensor, Tensor]:
    """The usual method: Adam on the mean of |F(h) - h|^2 / 2 over all starts, float32, then Jacobians.

    Learning rate 1, halved on plateaus; at most 10,000 steps; stops when the mean speed and its change are tiny or the
    learning rate is spent. Ends closer than 1e-3 count once.
    """
    states = starts.float().clone().requires_grad_(True)
    optimiser = torch.optim.Adam([states], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.95, patience=2, cooldown=0)
    previous = torch.inf
    for _ in range(10_000):
        q = 0.5 * (system(states) - states).square().sum(dim=-1)
        loss = q.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step(loss.detach())
        change = abs(previous - loss.item()) / optimiser.param_groups[0]["lr"]
        if (loss.item() < 1e-12 and change < 1e-12) or optimiser.param_groups[0]["lr"] < 1e-6:
            break
        previous = loss.item()
    ends = states.detach()
    kept: list[Tensor] = []
    for end in ends:
        if all((end - other).norm() > 1e-3 for other in kept):
            kept.append(end)
    unique = torch.stack(kept)
    torch.linalg.eigvals(system.jacobian(unique))
    return unique, ends


def run() -> pd.DataFrame:
    """Both methods on the same networks and starts, one after the other, five seeds."""
    rows = []
    for kind, n in [("tanh", 16), ("GRU", 16), ("LSTM", 16), ("tanh", 64), ("GRU", 64), ("GRU 2 layers", 64)]:
        for seed in range(5 if kind == "GRU" else 1):
            system, starts = problem(kind, n, 1024, seed=seed)
            rd.find_fixed_points(system, starts[:64])
            begin = time.perf_counter()
            points = rd.find_fixed_points(system, starts)
            ours = time.perf_counter() - begin

            single = system.network.hold(system.input, dtype=torch.float32)
            begin = time.perf_counter()
            unique, _ = adam_on_the_speed(single, starts)
            theirs = time.perf_counter() - begin
            distance = torch.cdist(points.states, unique.double())
            rows.append(
                {
                    "network": f"{kind}-{n}",
                    "seed": seed,
                    "points": len(points),
                    "index sum": points.index_sum,
                    "largest residual": f"{points.residuals.max():.0e}",
                    "usual: 'unique' points": len(unique),
                    "usual: of ours reached": int((distance.min(dim=1).values < 1e-2).sum()),
                    "times faster": round(theirs / ours, 1),
                }
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)
