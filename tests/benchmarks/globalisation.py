"""How Newton's method is best globalised, and on which form of the equation: points found per Jacobian."""

import time

import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.roots import Status

from .networks import problem

READING = """\
Dividing the gates out changes most: on a GRU-64 a quarter of the starts fail on the gated equation and the rest
take twice the steps. Steps longer than 2 lose points. Levenberg-Marquardt on the speed costs 2 to 8 times as much
and, where gates saturate, creeps along the wall of the box. What one pass misses here, the further rounds find
(next table).
"""


def run() -> pd.DataFrame:
    """From 1,024 starts, no further rounds."""
    rows = []
    for kind, n in [("GRU", 16), ("GRU", 64), ("LSTM", 16), ("tanh", 64), ("GRU 2 layers", 64)]:
        system, starts = problem(kind, n, 1024)
        every = rd.find_fixed_points(system, starts)
        methods = {
            "line search, ungated, bound 2": (system, rd.Newton(slow_points=0)),
            "line search, ungated, bound 1": (system, rd.Newton(step_bound=1.0, slow_points=0)),
            "line search, ungated, bound 4": (system, rd.Newton(step_bound=4.0, slow_points=0)),
            "line search, ungated, no bound": (system, rd.Newton(step_bound=1e9, slow_points=0)),
            "line search, gated, bound 2": (system, rd.Newton(slow_points=0, ungated=False)),
            "Newton-Krylov, ungated, bound 2": (system, rd.NewtonKrylov()),
            "Levenberg-Marquardt on the speed": (system, rd.SpeedMinimizer()),
        }
        reference = None
        for name, (target, solver) in methods.items():
            begin = time.perf_counter()
            result = solver.solve(target, starts)
            seconds = time.perf_counter() - begin
            reference = reference or seconds
            found = result.states[result.statuses == Status.FOUND]
            near = torch.cdist(every.states, found).min(dim=1).values < 1e-6 if len(found) else torch.zeros(len(every))
            rows.append(
                {
                    "network": f"{kind}-{n}",
                    "method": name,
                    "points of": f"{int(near.sum())} of {len(every)}",
                    "starts that converge": f"{len(found) / len(starts):.0%}",
                    "steps per start": round(float(result.steps.double().mean()), 1),
                    "time, first row = 1": round(seconds / reference, 2),
                }
            )
    return pd.DataFrame(rows)
