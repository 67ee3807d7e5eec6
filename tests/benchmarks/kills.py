"""Trainings killed at random times and gone on with, against one that was never killed."""

import sys
import tempfile
from pathlib import Path

import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # where pytest finds it
import killing

KILLS = 20

READING = """\
A GRU of 8 units, 60 updates, a state after every update (0.02 s) instead of every minute. Each kill comes at random
within half of the work of a whole training, then it goes on; after the last one it ends by itself. "hits" are kills
that came before the end. Final and best weights are compared bit for bit, histories as text.
"""


def run() -> pd.DataFrame:
    """One network with a tracker, and three in one program."""
    rows = []
    for seeds, tracked in ((1, True), (3, False)):
        with tempfile.TemporaryDirectory() as folder:
            took = killing.run(Path(folder) / "whole", seeds, None, tracked)
            assert took is not None
            weights, history = killing.outcome(Path(folder) / "whole", seeds)
            same = hits = 0
            for part in range(4):
                place = Path(folder) / f"killed-{part}"
                hits += killing.killed_and_resumed(place, KILLS // 4, part, took / 2, seeds, tracked)
                others, other_history = killing.outcome(place, seeds)
                same += all(torch.equal(weights[name], others[name]) for name in weights) and history == other_history
            rows.append(
                {
                    "seeds": seeds,
                    "tracker": tracked,
                    "kills": KILLS,
                    "hits": hits,
                    "same in the end": f"{same} of 4 runs",
                }
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)
