"""Trainings that are killed at any time, and gone on with until they end."""

import json
import multiprocessing
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

import rnn_dynamics as rd
import rnn_dynamics.training.loop as loop
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["rnn_dynamics"])  # with torch it is imported once, and not for every training


def supervised(folder: Path, seeds: int, tracked: bool) -> None:
    """Train sequence models on a task."""
    loop.SECONDS_BETWEEN_STATES = 0.02  # in the middle of epochs too
    task = CopyFirstInput(400, 12, seed=0)
    models = [rd.SequenceModel(module_from_spec("GRU-8", 1, seed), 1, seed=seed) for seed in range(seeds)]
    effort = rd.Effort(n=8, horizon=50, searched=16, fixed_points=False)
    looks = {"every": 20, "effort": effort, "budget": None}
    places = [folder / f"seed-{seed}" / "tracking" for seed in range(seeds)]
    trackers = [rd.AttractorTracker(task, **looks, folder=place, resume=True) if tracked else None for place in places]
    options = {"folder": folder, "resume": True, "snapshot_every": 25}
    settings = rd.TrainSettings(epochs=6, clip_norm=1.0)
    if seeds == 1:
        rd.train(models[0], task, settings=settings, tracker=trackers[0], **options)
    else:
        rd.train_ensemble(models, task, settings=settings, trackers=trackers, **options)


def agents(folder: Path, seeds: int, tracked: bool) -> None:
    """Train agents in a maze whose moves slip: what an environment draws must come again too."""
    from rnn_dynamics.rl import agent_loop

    agent_loop.SECONDS_BETWEEN_STATES = 0.0
    maze = rd.rl.TMaze(3, stochasticity=0.2)
    models = [rd.rl.q_network(maze, "GRU-6", seed=seed) for seed in range(seeds)]
    looks = {"every": 5, "effort": rd.Effort(n=8, horizon=50, searched=16, fixed_points=False), "budget": None}
    seen = rd.rl.explore(maze, 100)
    places = [folder / f"seed-{seed}" / "tracking" for seed in range(seeds)]
    trackers = [rd.AttractorTracker(seen, **looks, folder=place, resume=True) if tracked else None for place in places]
    sizes = {"episodes": 24, "updates": 3, "batch_size": 8, "buffer": 120, "target_every": 5, "evaluate_every": 4}
    rd.rl.train_agents(
        models,
        maze,
        settings=rd.rl.AgentSettings(**sizes, double=True),
        warmup=rd.rl.AgentWarmup(steps=5),
        trackers=trackers,
        folder=folder,
        resume=True,
        snapshot_every=10,
    )


Work: TypeAlias = Callable[[Path, int, bool], None]
"""A training in a folder, of so many seeds, tracked or not."""


def _worked(work: Work, folder: Path, seeds: int, tracked: bool, kill_after: float | None, said: Connection) -> None:
    torch.set_num_threads(1)
    begin = time.process_time()
    if kill_after is not None:
        # Nothing handles this signal, so that it kills as SIGKILL does, after so much work however long that takes.
        signal.setitimer(signal.ITIMER_PROF, max(kill_after, 1e-6))
    work(folder, seeds, tracked)
    signal.setitimer(signal.ITIMER_PROF, 0)
    said.send(time.process_time() - begin)


def run(
    folder: Path, seeds: int = 1, kill_after: float | None = None, tracked: bool = False, work: Work = supervised
) -> float | None:
    """Start or go on with a training in ``folder``, killed after so many seconds of work; those it took if it ended."""
    heard, said = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_worked, args=(work, folder, seeds, tracked, kill_after, said))
    process.start()
    said.close()
    try:
        took = heard.recv()
    except EOFError:
        took = None
    process.join()
    assert process.exitcode == (0 if took is not None else -signal.SIGPROF), process.exitcode
    return took


def outcome(folder: Path, seeds: int = 1) -> tuple[dict[str, Tensor], str]:
    """All final weights and best weights of a run, and its histories."""
    state = torch.load(folder / "state.pt", weights_only=True)
    weights = {
        f"{index}.{which}.{name}": tensor
        for index, member in enumerate(state["members"])
        for which, known in member.items()
        if which in ("last", "best", "best_weights", "target") and isinstance(known, dict)
        for name, tensor in known.items()
    }
    histories = [(folder / f"seed-{seed}" / "history.csv").read_text() for seed in range(seeds)]
    losses = [member["losses"].tolist() for member in state["members"]]
    return weights, json.dumps([histories, losses])


def killed_and_resumed(
    folder: Path, kills: int, seed: int, within: float, seeds: int = 1, tracked: bool = False, work: Work = supervised
) -> int:
    """Kill a training so many times at random, each ``within`` so much work, and let it end; how many kills hit it."""
    draw = random.Random(seed)
    hits = sum(run(folder, seeds, draw.uniform(0.0, within), tracked, work) is None for _ in range(kills))
    assert run(folder, seeds, None, tracked, work) is not None
    return hits
