"""What tracking costs: each observation by its parts, and the share of a training that the budget lets it take."""

import time

import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import FlipFlop

READING = """\
Flip-flop of 3 bits, 40 steps, batch 32, one thread. "observation / update": the mean time of an observation (published
VAA at 10,000 steps of 32 states, attractors, all fixed points, following) in updates of the training. "share": time
spent observing, of the training time, asked for after every update with the default budget of 10 %; the first and the
last observation are made whatever they cost, so that only a training of some thousands of updates keeps to it.
"""


def run() -> pd.DataFrame:
    """Small and larger networks, with all fixed points and without."""
    torch.set_num_threads(1)
    rows = []
    task = FlipFlop(3200, 40, 3, 0.15, seed=0)
    for spec in ("GRU-16", "GRU-64"):
        for epochs, fixed_points in ((12, True), (12, False), (120, True)):
            model = rd.SequenceModel(module_from_spec(spec, 3, 0), 3)
            tracker = rd.AttractorTracker(task, hold=[0.0] * 3, effort=rd.Effort(fixed_points=fixed_points))
            begin = time.perf_counter()
            training = rd.train(
                model, task, settings=rd.TrainSettings(epochs=epochs, lr=3e-3, clip_norm=1.0), tracker=tracker
            )
            whole = time.perf_counter() - begin
            history = tracker.history
            update = (whole - history.seconds) / len(training.losses)
            rows.append(
                {
                    "network": spec,
                    "updates": len(training.losses),
                    "fixed points": "all" if fixed_points else "attractors only",
                    "observations": len(history),
                    "left out": history.skipped,
                    "observation / update": round(history.seconds / len(history) / update),
                    "share": f"{history.overhead:.1%}",
                    "sets at the end": len(history.observations[-1].sets),
                    "index sum 1": f"{sum(o.index_sum == 1 for o in history.observations)} of {len(history)}"
                    if fixed_points
                    else "-",
                }
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)
