"""What a chart costs: all cells side by side against a loop over cells, in one run on one thread, CPU time."""

import time

import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.charts import Period, Watch

LOOPED = 4
"""Columns and rows of the chart that the loop draws."""

READING = """\
Period charts of Henon's map over both parameters, 1,000 steps a cell, no refinement. "a cell" is in units of a cell of
the loop, which is the same function given (p, q) -> map instead of the plane of two inputs. The cost of a cell falls
while steps of a few cells cost as much as of one; from then on it is that of the steps themselves.
"""


def henon(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.stack([1 - x[..., 0] * h[..., 0] ** 2 + h[..., 1], x[..., 1] * h[..., 0]], dim=-1)


def run() -> pd.DataFrame:
    """Charts of more and more cells."""
    torch.set_num_threads(1)
    family = rd.input_plane(rd.as_map(henon, 2, 2))
    area = ((0.1, 1.2), (0.1, 0.3))
    settings = {"depth": 0, "watch": Watch(transient=500, steps=500, max_steps=500)}

    def seconds(plane: object, side: int) -> float:
        begin = time.process_time()
        rd.chart(plane, [[0.0, 0.0]], area, Period(), resolution=(side, side), **settings)  # pyright: ignore
        return (time.process_time() - begin) / side**2

    seconds(family, 2)  # what is imported once
    loop = seconds(lambda p, q: family(p, q), LOOPED)
    rows = []
    for side in (4, 16, 32, 64):
        share = seconds(family, side) / loop
        rows.append({"cells": side**2, "a cell": f"{share:.2g}", "loop / side by side": f"{1 / share:.3g}"})
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)
