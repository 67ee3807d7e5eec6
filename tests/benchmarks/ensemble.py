"""Many seeds trained in one batched program, against a loop of single trainings."""

import time

import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput

UPDATES = 20

READING = f"""\
Copy task, T = 50, batch 32, float32, one thread, {UPDATES} updates with Adam and clipping, validation included;
ensemble and loop in turn, the faster of two of each. The loop calls ``train``, which uses torch's own kernel of the
cell. "growth" is the ensemble's time against that of one seed in it. Small networks gain most: there a step's work
does not fill the core, and many seeds cost little more than a few. At 128 units the products fill it. torch's LSTM
has a kernel of its own that is four times faster than the written-out step, which the ensemble has to use: **many
LSTMs are trained faster one after the other on a CPU**. Single ratios move by a fifth from run to run. On a GPU,
where the gain should be largest, nothing was measured: none was at hand.
"""


def _models(spec: str, count: int) -> list[rd.SequenceModel]:
    return [rd.SequenceModel(module_from_spec(spec, 1, seed), 1, seed=seed) for seed in range(count)]


def run() -> pd.DataFrame:
    """Small and larger networks, other cells."""
    torch.set_num_threads(1)
    rows = []
    task, validation = CopyFirstInput(32 * UPDATES, 50, seed=0), CopyFirstInput(64, 50, seed=1)
    options = {"validation": validation, "settings": rd.TrainSettings(epochs=1, clip_norm=1.0)}
    for spec in ("GRU-32", "GRU-64", "GRU-128", "LSTM-64", "nBRC-64"):
        alone: float | None = None
        for count in (1, 2, 5, 10, 20) if spec in ("GRU-32", "GRU-64") else (1, 2, 5, 10):
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
            loop, growth = min(single) / min(together), min(together) / alone
            rows.append(
                {"network": spec, "seeds": count, "loop / ensemble": round(loop, 2), "growth": round(growth, 2)}
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)
