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
ensemble and loop in turn, the faster of two of each, processor time. The loop calls ``train``, which uses torch's own
kernel of the cell. "growth" is the ensemble's time against that of one seed in it. GRUs and LSTMs have kernels for many
members, one product a step and buffers that stay; other cells are recorded under ``torch.vmap``. Small networks gain
most: there a step's work does not fill the core. At 128 units the products fill it. **Of LSTMs little can be gained on
a CPU**: three products a step and seed take 40 % of the time of torch's own kernel already, so that few of them are
run by it, one after the other. Single ratios move by a fifth from run to run. On a GPU, where the gain should be
largest, nothing was measured: none was at hand.
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
                begin = time.process_time()
                rd.train_ensemble(models, task, **options)
                together.append(time.process_time() - begin)
                models = _models(spec, min(count, 3))
                begin = time.process_time()
                for seed, model in enumerate(models):
                    rd.train(model, task, seed=seed, **options)
                single.append((time.process_time() - begin) * count / len(models))
            alone = alone or min(together)
            loop, growth = min(single) / min(together), min(together) / alone
            rows.append(
                {"network": spec, "seeds": count, "loop / ensemble": round(loop, 2), "growth": round(growth, 2)}
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)
