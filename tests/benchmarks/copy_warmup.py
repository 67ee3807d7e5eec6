"""GRU on the copy task, plain against warmed up: five seeds at two lengths."""

import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput

SEEDS = 5

READING = """\
GRU-64, 1,000 updates of 32 sequences out of 6,400, Adam at 1e-3, gradients clipped at 1; the error is the mean squared
one on 2,000 sequences never seen, with the weights of the lowest validation error; a constant has 1. Warmup: the
published 100 steps. "reached" is the number of attractors that 32 states really reach under one held input after
training, "n VAA" what the published measure stands for.
"""


def run() -> pd.DataFrame:
    """Each length, plain and warm."""
    torch.set_num_threads(1)
    rows = []
    for length in (50, 100):
        train, validation, test = (CopyFirstInput(n, length, seed=s) for s, n in enumerate((6400, 1000, 2000)))
        for variant in ("plain", "warm"):
            models = []
            for seed in range(SEEDS):
                module = module_from_spec("GRU-64", 1, seed)
                if variant == "warm":
                    rd.warm_up(module, train.inputs[:640], seed=seed)
                models.append(rd.SequenceModel(module, 1, seed=seed))
            trackers = [
                rd.AttractorTracker(
                    validation,
                    every=10**9,
                    budget=None,
                    effort=rd.Effort(fixed_points=False, settle=rd.Settle(horizon=1e5)),
                )
                for _ in models
            ]
            rd.train_ensemble(
                models,
                train,
                validation=validation,
                settings=rd.TrainSettings(epochs=5, lr=1e-3, clip_norm=1.0),
                trackers=trackers,
            )
            with torch.no_grad():
                inputs, targets, lengths = test.batch(slice(None))
                errors = sorted(test.score(model(inputs), targets, lengths) for model in models)
            last = [tracker.history.observations[-1] for tracker in trackers]
            rows.append(
                {
                    "T": length,
                    "variant": variant,
                    "error: median": f"{errors[SEEDS // 2]:.2g}",
                    "all seeds": ", ".join(f"{error:.2g}" for error in errors),
                    "n VAA": ", ".join(f"{o.claimed:.3g}" for o in last),
                    "reached": ", ".join(str(o.count) for o in last),
                }
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)
