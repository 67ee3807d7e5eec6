"""Trainings that are killed at any time, and gone on with until they end."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

SCRIPT = """
import json, sys
import torch
torch.set_num_threads(1)
import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput
import rnn_dynamics.training.loop as loop
folder, seeds, tracked = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "tracked"
loop.SECONDS_BETWEEN_STATES = 0.02  # in the middle of epochs too
task = CopyFirstInput(400, 12, seed=0)
models = [rd.SequenceModel(module_from_spec("GRU-8", 1, seed), 1, seed=seed) for seed in range(seeds)]
trackers = [
    rd.AttractorTracker(task, every=20, n=8, horizon=50, searched=16, fixed_points=False, budget=None,
                        folder=f"{folder}/seed-{seed}/tracking", resume=True) if tracked else None
    for seed in range(seeds)
]
print("ready", flush=True)
options = dict(epochs=6, folder=folder, resume=True, clip_norm=1.0, snapshot_every=25)
if seeds == 1:
    rd.train(models[0], task, tracker=trackers[0], **options)
else:
    rd.train_ensemble(models, task, trackers=trackers, **options)
"""


def run(folder: Path, seeds: int = 1, kill_after: float | None = None, tracked: bool = False) -> bool:
    """Start or go on with a training in ``folder``; SIGKILL after so many seconds of it. Whether it came to its end."""
    command = [sys.executable, "-c", SCRIPT, str(folder), str(seeds), "tracked" if tracked else "plain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.stderr.read() if process.stderr else ""
        if kill_after is not None:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        error = process.communicate()[1]
        if process.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(error)
        return process.returncode == 0


def outcome(folder: Path, seeds: int = 1) -> tuple[dict[str, Tensor], str]:
    """All final weights and best weights of a run, and its histories."""
    state = torch.load(folder / "state.pt", weights_only=True)
    weights = {
        f"{index}.{which}.{name}": tensor
        for index, member in enumerate(state["members"])
        for which in ("last", "best")
        for name, tensor in member[which].items()
    }
    histories = [(folder / f"seed-{seed}" / "history.csv").read_text() for seed in range(seeds)]
    losses = [member["losses"].tolist() for member in state["members"]]
    return weights, json.dumps([histories, losses])


def killed_and_resumed(folder: Path, kills: int, seed: int, seeds: int = 1, tracked: bool = False) -> int:
    """Kill a training so many times at random, going on each time, and let it end; how many kills hit it."""
    draw = random.Random(seed)
    hits = sum(not run(folder, seeds, draw.uniform(0.0, 0.8), tracked) for _ in range(kills))
    while not run(folder, seeds, None, tracked):
        pass
    return hits
