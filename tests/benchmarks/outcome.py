"""Rows of figures/warmup/outcome.md, made again and put to a million plain steps."""

import pandas as pd
import torch

import rnn_dynamics as rd
from figures.warmup.networks import Case, make, reached, training_sequences
from rnn_dynamics.warmup import warm_up

from .brute_force import against_plain_steps

ROWS = (("GRU", 32, 2), ("nBRC", 64, 2))

READING = """\
Networks of figure 3, made and warmed up anew from their seeds, with the same 32 states and held input. The columns are
those of brute_force above.
"""


def run() -> pd.DataFrame:
    """One where a circle is counted 32 times, and one with many points."""
    torch.set_num_threads(1)
    rows = []
    for cell, hidden, layers in ROWS:
        case = Case(cell, hidden, layers, seed=0, n=32, horizon=10_000, steps=100, length=50)
        module = make(case)
        warm_up(module, training_sequences(case), steps=case.steps, seed=case.seed)
        rows.append(
            {"network": f"{cell}-{hidden}x{layers}", **against_plain_steps(rd.as_map(module), reached(module, case))}
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)
