"""Planted networks: attractors that 32 states reach, for six cells, five seeds, three held inputs each."""

import pandas as pd
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput

CELLS = ("RNN", "GRU", "LSTM", "MGU", "BRC", "nBRC")
SEEDS, HELD, STATES, UNITS = 5, 3, 32, 64
BRUTE = (("GRU", 0), ("BRC", 1))

READING = """\
64 units, planted by `rd.plant(module, sequences)` as it is, no training; inputs of the copy task, T = 50; held inputs
x ~ N(0, 1), three for each seed. "reached" are the counts of every seed, averaged over its held inputs; "least" is the
smallest of the 15 counts; "n VAA" what the published measure stands for after 10,000 steps, averaged; "radius" the
largest spectral radius of any attractor reached. "by brute force", for two rows: the 32 states of one seed iterated
100,000 times in float64 and clustered at 1e-6, one number a held input, beside the counts.
"""


def clustered(module: nn.Module, reach: rd.Reachability) -> list[int]:
    """How many clusters there are after very many steps, for each held input."""
    numbers = []
    for input in reach.inputs:
        system, states = rd.as_map(module).hold(input), reach.starts.double()
        for _ in range(100_000):
            states = system(states)
        near = torch.cdist(states, states) < 1e-6
        numbers.append(int((~near.tril(-1).any(dim=1)).sum()))
    return numbers


def run() -> pd.DataFrame:
    """A row for each cell."""
    torch.set_num_threads(1)
    rows = []
    for cell in CELLS:
        counts, claimed, least, radius, margins, blocks, brute = [], [], STATES, 0.0, [], [], "-"
        for seed in range(SEEDS):
            module = module_from_spec(f"{cell}-{UNITS}", 1, seed)
            sequences = CopyFirstInput(STATES, 50, seed=100 + seed)
            planting = rd.plant(module, sequences, n=STATES, draws=HELD, seed=seed)
            reach = planting.reach
            assert reach is not None
            counts.append(reach.count)
            claimed.append(reach.claimed)
            margins.append(planting.margin)
            blocks.append(len(planting))
            own = [len(found) for found in reach.attractors]
            least = min(least, *own)
            radius = max(radius, *(float(found.largest_exponents.max().exp()) for found in reach.attractors))
            if (cell, seed) in BRUTE:
                brute = f"seed {seed}: {clustered(module, reach)}, counts {own}"
        rows.append(
            {
                "cell": cell,
                "blocks": ", ".join(map(str, blocks)),
                "reached": ", ".join(f"{count:.3g}" for count in counts),
                "least": least,
                "n VAA": f"{sum(claimed) / SEEDS:.3g}",
                "radius": f"{radius:.4f}",
                "margin": ", ".join(f"{margin:.2g}" for margin in margins),
                "by brute force": brute,
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)
