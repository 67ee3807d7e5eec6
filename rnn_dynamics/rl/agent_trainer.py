"""Training agents: recurrent networks whose outputs are the values of actions."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import torch
from torch import nn

from ..checks import (
    ArgumentError,
    CheckedInside,
    Count,
    OrInfinite,
    Positive,
    Size,
    Told,
    checked,
    require_positive,
    whole_number,
)
from ..systems import DEFAULT_MEMORY_BUDGET
from ..training import SequenceModel, Tracker, kept_in, require_alike, require_tracker
from ..warmup import Horizon, Warmup, warm_up
from .agent_loop import AgentLoop
from .agent_results import AgentTraining
from .members import AgentMembers
from .playing import EXPLORING, World, draws, episode_seed, exploring, played
from .replay import Replay
from .settings import AgentSettings

_GAMMA = 0.98
"""Where neither the settings nor the environment say one."""

_EXPLORERS = 16
"""Episodes of an agent that are explored side by side."""


@checked
@dataclass(frozen=True)
class AgentWarmup:
    """How agents are warmed up on the histories of their exploration, as ``warm_up`` says.

    Raises:
        ValueError: for a setting out of range.
    """

    steps: Count = 100
    lr: Annotated[float, Positive()] = 1e-2
    batch_size: Count = 32
    horizon: Horizon | None = None
    cells: Annotated[tuple[int, ...], Told("whole numbers in a tuple")] = (0,)
    clip_norm: Annotated[float, OrInfinite(), Positive(), Told("positive, or None")] | None = None


@checked
@torch.inference_mode(mode=False)  # a caller may be within inference_mode(), whose tensors cannot be trained
def train_agents(
    models: Annotated[Sequence[nn.Module], Told("a list of one SequenceModel or more")],
    environment: Any,
    *,
    seeds: Sequence[Annotated[int, CheckedInside()]] | None = None,
    settings: AgentSettings | None = None,
    warmup: AgentWarmup | None = None,
    trackers: Sequence[Tracker | None] | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    snapshot_every: Size | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: bool | None = None,
) -> tuple[AgentTraining, ...]:
    alike = require_alike(models)
    numbers = [whole_number(seed, "each seed", 0) for seed in (range(len(alike)) if seeds is None else seeds)]
    shown: list[Tracker | None] = [None] * len(alike) if trackers is None else list(trackers)
    if len(numbers) != len(alike) or len(set(numbers)) < len(numbers):
        raise ArgumentError("seeds", f"must be {len(alike)} different numbers, one for each model, got {numbers}")
    if len(shown) != len(alike):
        raise ArgumentError("trackers", f"must be {len(alike)}, one for each model, got {len(shown)}")
    settings = settings or AgentSettings()
    require_positive(memory_budget=memory_budget)
    world: World = environment
    gamma = settings.gamma if settings.gamma is not None else world.gamma if world.gamma is not None else _GAMMA
    run_folder = kept_in(folder, resume, snapshot_every, fault=lambda _: None)
    for tracker, model in zip(shown, alike, strict=True):
        require_tracker(tracker, model)
    members = AgentMembers(alike, settings.lr, memory_budget)
    identity = {
        **settings.deciding(),
        "seeds": numbers,
        "gamma": gamma,
        "environment": world.identity,
        "warmup": None if warmup is None else {**asdict(warmup), "cells": list(warmup.cells)},
    }
    state = None if run_folder is None else run_folder.begin()
    like = next(alike[0].parameters())
    replays = [Replay(settings.buffer, members.input_size, like.detach()) for _ in alike]
    warmups: list[Warmup | None] = [None] * len(alike)
    if state is None:
        explore(world, replays, numbers, settings.explored or settings.buffer)
        if warmup is not None:
            warmups = [_warmed(*own, warmup) for own in zip(alike, replays, numbers, shown, strict=True)]
            members = AgentMembers(alike, settings.lr, memory_budget)
    loop = AgentLoop(members, alike, world, settings, gamma, replays, numbers, shown, warmups, run_folder, identity)
    if state is not None:
        loop.resume(state)
    return loop.run(progress)


def explore(world: World, replays: Sequence[Replay], seeds: Sequence[int], transitions: int) -> None:
    """Fill the replay of each seed with histories of the exploration policy, as long as whole ones fit."""
    number = 0
    open_rows = list(range(len(seeds)))
    while open_rows:
        who = [row for row in open_rows for _ in range(_EXPLORERS)]
        episodes = [number + k for _ in open_rows for k in range(_EXPLORERS)]
        pairs = [(seeds[row], episode) for row, episode in zip(who, episodes, strict=True)]
        generators = [draws(seed, EXPLORING, episode) for seed, episode in pairs]
        begins = [episode_seed(seed, EXPLORING, episode) for seed, episode in pairs]
        for row, history in zip(who, played(world, begins, exploring(world, generators)), strict=True):
            if row in open_rows and replays[row].transitions + history.steps <= transitions:
                replays[row].add(history.inputs, history.terminated)
            elif row in open_rows:
                open_rows.remove(row)
        number += _EXPLORERS


def _warmed(model: SequenceModel, replay: Replay, seed: int, tracker: Tracker | None, how: AgentWarmup) -> Warmup:
    """Warm a model up; its tracker sees it at negative steps, so that training begins at 0."""

    def look(step: int, module: Any, **scalars: Any) -> None:
        if tracker is not None and step < how.steps:  # what is there in the end is seen as training begins
            tracker.observe(step - how.steps, module, **scalars)

    return warm_up(
        model.recurrent,
        replay.sequences,
        how.steps,
        how.lr,
        how.batch_size,
        horizon=how.horizon,
        cells=how.cells,
        clip_norm=how.clip_norm,
        seed=seed,
        callback=look,
    )
