"""What tracking costs: each observation by its parts, and the share of a training that the budget lets it take."""

import time
from dataclasses import replace
from typing import Any

import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import FlipFlop

READING = """\
Flip-flop of 3 bits, 40 steps, batch 32, one thread. "observation / update": the mean time of an observation (published
VAA at 10,000 steps of 32 states, attractors, all fixed points, following) in updates of the training. "share": time
spent observing, of the training time, asked for after every update with the default budget of 10 %; the first and the
last observation are made whatever they cost, so that only a training of some thousands of updates keeps to it; what is
left of the budget goes into locating events, to so many updates as "located to" says at worst. "trained before": a
network that has had 960 updates is trained on, without a budget, so that events are located to the update: the mean of
the two observations after the first.
"""


def run() -> pd.DataFrame:
    """Small and larger networks, with all fixed points and without, new and trained before."""
    torch.set_num_threads(1)
    rows = []
    for spec in ("GRU-16", "GRU-64"):
        for epochs, fixed_points in ((12, True), (12, False), (120, True)):
            rows.append(_row(spec, "new", epochs, rd.Effort(fixed_points=fixed_points)))
            print(rows[-1], flush=True)
        rows.append(_row(spec, "trained before", 6, rd.Effort()))
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def _row(spec: str, how: str, epochs: int, effort: rd.Effort) -> dict[str, Any]:
    task = FlipFlop(3200, 40, 3, 0.15, seed=0)
    model = rd.SequenceModel(module_from_spec(spec, 3, 0), 3)
    settings = rd.TrainSettings(epochs=epochs, lr=3e-3, clip_norm=1.0)
    limits: dict[str, Any] = {}
    if how == "trained before":
        rd.train(model, task, settings=replace(settings, epochs=12))
        limits = {"every": 240, "budget": None, "time_limit": None}
    tracker = rd.AttractorTracker(task, hold=[0.0] * 3, effort=effort, **limits)
    begin = time.perf_counter()
    training = rd.train(model, task, settings=settings, tracker=tracker)
    whole = time.perf_counter() - begin
    history = tracker.history
    update = (whole - history.seconds) / len(training.losses)
    looks = history.observations if how == "new" else history.observations[1:]
    return {
        "network": spec,
        "at first": how,
        "updates": len(training.losses),
        "fixed points": "all" if effort.fixed_points else "attractors only",
        "observations": len(history),
        "left out": history.skipped,
        "observation / update": round(sum(look.seconds for look in looks) / len(looks) / update),
        "share": f"{history.overhead:.1%}" if how == "new" else "-",
        "located to": max(look.resolution or 0 for look in looks),
        "sets at the end": len(history.observations[-1].sets),
        "index sum 1": f"{sum(o.index_sum == 1 for o in history.observations)} of {len(history)}"
        if effort.fixed_points
        else "-",
    }
