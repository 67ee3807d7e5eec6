"""Many seeds trained in one batched program, against a loop of single trainings."""

import time

import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput

UPDATES = 20

READING = f"""\
Copy task, T = 50, batch 32, float32, {UPDATES} updates with Adam and clipping, validation included; the same updates
for each seed, taken in turn; the loop calls ``train`` with torch's own kernel of the cell. "growth" is the ensemble's
time against that of one seed. Where a product of the size of one member does not fill a core (32 units), many seeds
cost little more than a few; where it does, the gain is that of one kernel call for many. On a GPU nothing was measured:
none was at hand.
"""


def _models(spec: str, count: int) -> list[rd.SequenceModel]:
    return [rd.SequenceModel(module_from_spec(spec, 1, seed), 1, seed=seed) for seed in range(count)]


def run() -> pd.DataFrame:
    """One thread and two, small and larger networks."""
    rows = []
    task, validation = CopyFirstInput(32 * UPDATES, 50, seed=0), CopyFirstInput(64, 50, seed=1)
    options = {"validation": validation, "epochs": 1, "clip_norm": 1.0}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for spec in ("GRU-32", "GRU-64", "GRU-128", "LSTM-64", "nBRC-64"):
            alone: float | None = None
            for count in (1, 2, 5, 10, 20):
                if count == 20 and spec not in ("GRU-32", "GRU-64"):
                    continue
                together, single = [], []
                for _ in range(2):
                    models = _models(spec, count)
                    begin = time.perf_counter()
                    rd.train_ensemble(models, task, **options)
                    together.append(time.perf_counter() - begin)
                    models = _models(spec, min(count, 3))
                    begin = time.perf_counter()
                    for seed, model in enumerate(models):
                        rd.train(model, task, seed=seed, **options)
                    single.append((time.perf_counter() - begin) * count / len(models))
                alone = alone or min(together)
                rows.append(
                    {
                        "threads": threads,
                        "network": spec,
                        "seeds": count,
                        "loop / ensemble": round(min(single) / min(together), 2),
                        "growth": round(min(together) / alone, 2),
                    }
                )
                print(rows[-1], flush=True)
    return pd.DataFrame(rows)
