"""Training agents: recurrent networks whose outputs are the values of actions."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import nn

from ..cells import Specification, module_from_spec
from ..checks import ArgumentError, CheckedInside, Size, Told, checked, require_positive, whole_number
from ..store import load, save
from ..systems import DEFAULT_MEMORY_BUDGET
from ..training import SequenceModel, Tracker, kept_in, require_alike, require_tracker, shapes_of
from ..warmup import Warmup, warm_up
from .agent_loop import AgentLoop
from .agent_results import AgentTraining
from .entry import Environment, as_world
from .exploring import fill
from .judging import Judge
from .members import AgentMembers
from .replay import Replay
from .saved_agents import fault_of
from .settings import AgentSettings, AgentWarmup
from .worlds import World

_GAMMA = 0.98
"""Where neither the settings nor the environment say one."""


@checked
def train_agent(
    model: nn.Module,
    environment: Environment,
    *,
    settings: AgentSettings | None = None,
    seed: int = 0,
    warmup: AgentWarmup | None = None,
    tracker: Tracker | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    snapshot_every: Size | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: bool | None = None,
) -> AgentTraining:
    """Train a recurrent Q-network (DRQN) in an environment, in place; it ends with the weights of its best evaluation.

    At step t the network sees x_t = [previous action as one-hot, previous reward, observation], and its outputs are
    Q(x_0..x_t, a). The agent explores, is warmed up if that is asked for, and then plays one episode after the other;
    after each it replays whole histories, drawn from all that it remembers, and takes steps of Adam on the mean over
    their transitions of

        (Q(x_0..x_t, a_t) - r_t - gamma Q'(x_0..x_t+1, a*))^2,    a* = argmax Q' or, if ``double``, argmax Q

    where Q' is the target network, and the future is left out where the environment terminated the episode: one that
    was truncated goes on. Every so many episodes it is evaluated greedily.

    All draws follow from the seed and the episode's number. On the CPU, a run that was killed and is resumed ends with
    the same weights, bit for bit, as one that was not.

    Args:
        model: a ``SequenceModel`` of any recurrent module of torch's or of ``cells``, ``Parallel`` too, without dropout
            and noise: ``q_network`` makes one. Its sizes are the world's: m = actions + 1 + numbers in an observation
            as input, one output an action.
        environment: a registered id, a Gymnasium environment, a function that makes one, or a vector environment;
            actions are ``Discrete``, observations ``Discrete`` or ``Box``. Everything that it draws in an episode must
            follow from ``reset(seed=...)``, as Gymnasium asks for, and nothing may be left over from the one before.
        settings: episodes, updates and replay; the published ones by default.
        seed: of the episodes and of what is replayed; the weights are the caller's. The global random state is not
            touched.
        warmup: warm the recurrent module up first, on the histories of the exploration, as ``AgentWarmup`` says; of a
            ``Parallel`` the first cell of each layer. None is no warmup.
        tracker: an ``AttractorTracker`` or its like, whose steps are episodes, negative ones during warmup. What an
            agent remembers on its way is seen under the input of the corridor held, ``hold=held_input(...)``. If it has
            ``record`` and ``flush`` it is given the weights of every other episode.
        folder: where to keep ``state.pt``, written each minute between two episodes, with all that is replayed, and
            ``seed-S`` with ``best.safetensors``, ``last.safetensors`` and ``history.csv``.
        resume: go on from what is in ``folder``, or begin if it holds nothing yet. ``settings.episodes`` may have
            grown.
        snapshot_every: also keep the weights of each so many episodes, of the first and of the last, in
            ``folder/seed-S/checkpoints``, for ``track_checkpoints``.
        memory_budget: bytes for the activations of an update.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The history. If a loss or gradient is not finite, or Ctrl-C is pressed, it ends early and says so in ``status``
        and ``advice``; Ctrl-C waits for the end of the episode's updates. While the agent explores it ends all, as
        nothing was done yet.

    Raises:
        ValueError: for a model and an environment that do not fit, settings out of range, a folder that cannot be
            written or holds another training, or a disk that is full.

    Source: Hausknecht & Stone, arXiv 1507.06527; with the settings of Lambrechts et al., arXiv 2106.01001.
    """
    return train_agents(
        [model],
        environment,
        seeds=[whole_number(seed, "seed", 0)],
        settings=settings,
        warmup=warmup,
        trackers=[tracker],
        folder=folder,
        resume=resume,
        snapshot_every=snapshot_every,
        memory_budget=memory_budget,
        progress=progress,
    )[0]


@checked
@torch.inference_mode(mode=False)  # a caller may be within inference_mode(), whose tensors cannot be trained
def train_agents(
    models: Annotated[Sequence[nn.Module], Told("a list of one SequenceModel or more")],
    environment: Environment,
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
    """Train many agents of one architecture in one batched program, in place.

    Each does what ``train_agent`` with its own seed would do, up to rounding (of which the choice between two actions
    of equal value may make more): it has its own episodes, replay, target network and end. All play and are evaluated
    side by side. The warmups are done one after the other.

    Args:
        models: ``SequenceModel``s of one architecture.
        environment, settings, warmup, folder, resume, snapshot_every, progress: as in ``train_agent``; ``folder`` has a
            ``seed-S`` for each.
        seeds: one for each model, all different; 0, 1, ... by default.
        trackers: one for each model, or None; let them share one ``Budget``.
        memory_budget: bytes for the activations of an update: models are taken in groups that fit.

    Returns:
        The history of each, in the order of ``models``.

    Raises:
        ValueError: as in ``train_agent``, and for models that differ or share weights, or seeds and trackers that are
            not one for each.
    """
    alike = require_alike(models)
    if not all(bool(weight.isfinite().all()) for model in alike for weight in model.parameters()):
        raise ArgumentError("models", "must have finite weights, got NaN or infinite ones")
    numbers = [whole_number(seed, "each seed", 0) for seed in (range(len(alike)) if seeds is None else seeds)]
    shown: list[Tracker | None] = [None] * len(alike) if trackers is None else list(trackers)
    if len(numbers) != len(alike) or len(set(numbers)) < len(numbers):
        raise ArgumentError("seeds", f"must be {len(alike)} different numbers, one for each model, got {numbers}")
    if len(shown) != len(alike):
        raise ArgumentError("trackers", f"must be {len(alike)}, one for each model, got {len(shown)}")
    settings = settings or AgentSettings()
    require_positive(memory_budget=memory_budget)
    run_folder = kept_in(folder, resume, snapshot_every, fault_of)
    for tracker, model in zip(shown, alike, strict=True):
        require_tracker(tracker, model)
    like = alike[0].readout.weight.detach()
    world = as_world(environment, device=like.device)
    members = AgentMembers(alike, settings.lr, memory_budget)
    _require_fitting(members, world)
    gamma = next((one for one in (settings.gamma, world.gamma) if one is not None), _GAMMA)
    identity = {
        **settings.deciding(),
        "gamma": gamma,
        "seeds": numbers,
        "environment": world.identity,
        "warmup": None if warmup is None else str(warmup),
        "weights": shapes_of(alike[0]),
    }
    state = None if run_folder is None else run_folder.begin()
    if run_folder is not None and state is not None:
        run_folder.require_same(state["identity"], identity, state["step"], settings.episodes, "episodes")
    replays = [Replay(settings.buffer, members.input_size, like) for _ in alike]
    warmups: list[Warmup | None] = [None] * len(alike)
    if state is None:
        fill(world, replays, numbers, settings.explored or settings.buffer, settings.longest)
    if warmup is not None and state is None:
        for row, own in enumerate(zip(alike, replays, numbers, shown, strict=True)):
            if not any(before is not None and before.interrupted for before in warmups):
                warmups[row] = _warmed(*own, warmup)
        members = AgentMembers(alike, settings.lr, memory_budget)
    if warmup is not None and run_folder is not None:
        warmups = [_kept(run_folder.path / f"seed-{seed}", own) for seed, own in zip(numbers, warmups, strict=True)]
    judge = Judge(world, gamma, settings.evaluated, settings.longest)
    loop = AgentLoop(members, alike, world, settings, judge, replays, numbers, shown, warmups, run_folder, identity)
    if state is not None:
        loop.resume(state)
    return loop.run(progress)


@checked
def q_network(
    environment: Environment,
    network: Annotated[str | Specification, CheckedInside()] = "GRU-32x2",
    *,
    seed: int = 0,
    t_max: float = 600.0,
) -> SequenceModel:
    """A network for an environment: as many inputs as an agent sees numbers, and a value for each action.

    Args:
        environment: as in ``train_agent``.
        network: by name, as ``cells.module_from_spec`` reads it: "GRU-32x2" is the published one, "GRU+GRU-32x2" its
            double layer.
        seed: of the weights; the global random state is not touched.
        t_max: of chrono cells: the longest time to bridge, in steps.

    Raises:
        ValueError: for another name, or an environment that agents cannot play in.
    """
    world = as_world(environment)
    return SequenceModel(module_from_spec(network, world.input_size, seed, t_max), world.actions, seed=seed)


def _require_fitting(members: AgentMembers, world: World) -> None:
    if members.input_size != world.input_size or members.actions != world.actions:
        wanted = (
            f"{world.input_size} inputs ({world.actions} + 1 + {world.observation_size}) and {world.actions} outputs"
        )
        raise ArgumentError(
            "model",
            f"must have {wanted} for this environment, got {members.input_size} and {members.actions}: "
            "q_network(environment) makes one that fits",
        )


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


def _kept(folder: Path, warmup: Warmup | None) -> Warmup | None:
    """Write what a warmup did, or read it again; its weights are those that the training began with."""
    path = folder / "warmup.safetensors"
    if warmup is not None:
        save(warmup, path)
        return warmup
    return load(path) if path.exists() else None
