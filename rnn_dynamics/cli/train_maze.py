"""``rnn-dynamics train tmaze``: agents that learn to act in the T-Maze."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cells import Specification
from ..report import TrainedAgent, agents_sentence, print_agents, write_agents
from ..tracking import Effort
from ..training import SequenceModel
from .options import Options
from .run_record import is_begun, require_resumable, written_record
from .shared import console, interrupted_run, numbers, on_device, require_writable, say_end
from .train_tasks import MAZE, maze_histories
from .watching import Watch, contents, histories, write_histories

_LENGTH, _EPISODES, _EVERY = 10, 2000, 20
"""Of the corridor; episodes, and those between two looks, as published."""

_TIMES = (1, 2, 5, 10, 20)
"""How many times longer the corridors are in which agents are tested."""


def train_in_maze(spec: Specification, options: dict[str, Any]) -> None:
    """Train agents as the options of ``train`` say, and test them in longer mazes too.

    Raises:
        ValueError: for options that do not fit, or a folder that holds another run; ImportError without Gymnasium.
    """
    from ..rl import AgentSettings, AgentWarmup, Move, Seen, TMaze, evaluate_agent, held_input, train_agents

    length, warm = options["length"] or _LENGTH, options["warmup"]
    maze = TMaze(length)
    held = held_input(maze, Move.RIGHT, Seen.CORRIDOR) if options["hold"] is None else numbers(options["hold"], 9)
    settings = AgentSettings(
        options["episodes"] or _EPISODES,
        batch_size=options["batch_size"],
        lr=options["lr"],
        clip_norm=options["clip_norm"] or None,
    )
    folder = options["out"] or Path("runs") / f"{MAZE}-{length}-{spec}{'-warm' * warm}"
    resume, count = options["resume"], options["seeds"]
    hold = ",".join(f"{number:g}" for number in held.tolist())
    told = {"length": length, "episodes": settings.episodes, "network": str(spec), "hold": hold, "out": folder}
    options = options | told
    if resume:
        require_resumable(folder, options)
    elif is_begun(folder):
        raise ValueError(f"{folder} holds a run already: go on with --resume, or choose another --out")
    seeds = [options["seed"] + number for number in range(count)]
    models = [_model(maze, spec, number, options) for number in seeds]
    every = _EVERY if options["track_every"] is None else options["track_every"]
    effort = Effort(n=options["n"], horizon=options["horizon"], fixed_points=options["fixed_points"])
    watch = Watch(every, "episodes", options["budget"], held, effort, folder, resume)
    trackers = watch.trackers(maze_histories(length), seeds)
    require_writable(folder)
    written_record(folder, options)
    warmup = AgentWarmup(options["warmup_steps"]) if warm else None
    _say(models[0], spec, seeds, length, f", warmed up for {options['warmup_steps']} updates" if warm else "", watch)

    try:
        runs = train_agents(
            models,
            maze,
            seeds=seeds,
            settings=settings,
            warmup=warmup,
            trackers=trackers,
            folder=folder,
            resume=resume,
            snapshot_every=options["snapshot_every"],
            progress=sys.stderr.isatty(),
        )
        kept = histories(trackers)
        agents = [
            TrainedAgent(run.told(settings, Options(folder="out")), evaluate_agent(model, _lengths(length)), history)
            for run, model, history in zip(runs, models, kept, strict=True)
        ]
        write_histories(kept, seeds, folder)
    except KeyboardInterrupt:
        write_histories(histories(trackers), seeds, folder)
        raise interrupted_run(folder) from None
    print_agents(agents, console)
    write_agents(agents, folder)
    console.print(contents(folder, seeds[0]), soft_wrap=True, markup=False)
    say_end(agents_sentence(agents), folder, any(run.interrupted for run in runs))


def _model(maze: Any, spec: Specification, seed: int, options: dict[str, Any]) -> SequenceModel:
    from ..rl import q_network

    return on_device(q_network(maze, spec, seed=seed, t_max=options["t_max"]), options["device"])


def _lengths(length: int) -> list[int]:
    return [times * length for times in _TIMES]


def _say(
    model: SequenceModel, spec: Specification, seeds: Sequence[int], length: int, warmed: str, watch: Watch
) -> None:
    """What is about to be done."""
    kinds = f"{len(seeds)} seeds, {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    weights = sum(weight.numel() for weight in model.parameters())
    tested = ", ".join(map(str, _lengths(length)))
    for line in (
        f"Task: T-Maze, a corridor of {length}; tested at {tested}",
        f"Network: {spec}, {weights:,} weights with the readout, {kinds}{warmed}",
        watch.words(),
    ):
        console.print(line, soft_wrap=True, markup=False)
