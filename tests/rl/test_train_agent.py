"""Agents learn what is known of their environments, together as alone, and refuse what does not fit."""

import copy
import math
from typing import Any

import gymnasium as gym
import pytest
import torch
from problems.environments import TwoSteps, maze_values, two_steps_values
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.rl import AgentSettings, AgentTraining, AgentWarmup, Move, Seen, TMaze, q_network, train_agent

BRIEF = AgentSettings(
    episodes=6, updates=2, batch_size=6, buffer=60, target_every=2, evaluate_every=3, epsilon=0.3, clip_norm=1.0
)


def double(environment: Any, spec: str, seed: int = 0) -> rd.SequenceModel:
    return q_network(environment, spec, seed=seed).double()


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def close(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.allclose(a, b, atol=1e-8) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def values(model: nn.Module, histories: list[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        return [model(history.to(next(model.parameters())).unsqueeze(0))[0].double() for history in histories]


# --- Known values


@pytest.mark.parametrize("double_q", [False, True])
def test_values_of_two_steps(double_q: bool) -> None:
    """Within .05 of Q in every step of every history; the second of a reward of 1 or -1 takes memory to tell."""
    gamma, model = 0.9, q_network(TwoSteps, "GRU-8", seed=1)
    settings = AgentSettings(
        episodes=150, updates=5, lr=1e-2, gamma=gamma, buffer=400, target_every=5, evaluate_every=50, double=double_q
    )
    run = train_agent(model, TwoSteps, settings=settings)
    known = two_steps_values(gamma)
    for seen, found in zip(rd.rl.explore(TwoSteps, 40), values(model, rd.rl.explore(TwoSteps, 40)), strict=True):
        cue = int(seen[0, -3:].argmax())
        assert torch.allclose(found[:2], known[[cue, 2 + cue]], atol=0.05)
    assert float(run.evaluated_returns[run.best]) == pytest.approx(0.1 + gamma)
    assert math.isnan(run.optimal_return)
    assert run.optimal_fractions.isnan().all()


@pytest.mark.slow
def test_values_of_the_maze_whose_places_are_seen() -> None:
    """Within .05 of Q in the mean and .3 everywhere, of -.1 to 4, in histories that the agent did not replay."""
    maze = TMaze(3, fully_observed=True)
    model = q_network(maze, "GRU-16")
    settings = AgentSettings(episodes=120, lr=1e-2, target_every=5, buffer=1000, evaluate_every=40, epsilon=0.5)
    run = train_agent(model, maze, settings=settings)
    known = maze_values(3, 0.98).flatten(0, 1)
    fresh = rd.rl.explore(maze, 300, seed=9)
    errors = []
    for seen, found in zip(fresh, values(model, fresh), strict=True):
        places = seen[:-1, -known.shape[0] :].argmax(dim=1)
        errors.append((found[:-1] - known[places]).abs())
    assert float(torch.cat(errors).mean()) < 0.05
    assert float(torch.cat(errors).max()) < 0.3
    assert run.solved
    assert "100% of greedy runs optimal" in run.summary()


def test_a_maze_is_solved() -> None:
    maze = TMaze(3)
    model = q_network(maze, "GRU-16", seed=0)
    run = train_agent(model, maze, settings=AgentSettings(episodes=60, buffer=2000))
    assert run.solved
    assert run.status == "finished"
    assert run.optimal_return == pytest.approx(4 * 0.98**3)
    assert float(run.evaluated_returns[0]) < 0 < float(run.evaluated_returns[run.best])
    table = run.to_pandas()
    assert table.episode.tolist() == [0, 20, 40, 60]
    assert table["return"][1] == pytest.approx(float(run.returns[:20].mean()))
    assert table.loss[3] == pytest.approx(float(run.losses[400:600].mean()))
    assert math.isnan(table.loss[0])
    evaluated = rd.rl.evaluate_agent(model, [3])  # what the model was left with is what the history says
    assert bool(evaluated.optimal.all())


def test_positions_of_a_cart_are_enough_to_begin_with() -> None:
    """Any environment of Gymnasium's with numbered actions; here of a Box, without velocities."""
    cart = "rnn_dynamics/HiddenVelocityCartPole-v0"
    model = q_network(cart, "GRU-8")
    settings = AgentSettings(episodes=4, updates=2, batch_size=4, buffer=300, evaluate_every=2, evaluated=3, gamma=0.95)
    run = train_agent(model, cart, settings=settings)
    assert (model.recurrent.input_size, model.readout.out_features) == (2 + 1 + 2, 2)
    assert run.gamma == 0.95
    assert run.evaluated == 3
    sums, steps = run.evaluated_sums, run.evaluated_steps
    assert torch.equal(sums, steps)  # each step is paid 1
    assert torch.allclose(run.returns, (1 - 0.95 ** run.episode_steps.double()) / (1 - 0.95))


def test_environments_in_processes_are_taken_as_many_as_there_are() -> None:
    made = [lambda: TMaze(2, stochasticity=0.2)] * 2
    settings = AgentSettings(episodes=2, updates=2, batch_size=4, buffer=40, evaluate_every=1, evaluated=5)
    models = [[double(TMaze(2), "GRU-4", seed) for seed in range(2)] for _ in range(2)]
    processes = gym.vector.AsyncVectorEnv(made)
    try:
        runs = rd.rl.train_agents(models[0], processes, settings=settings)
    finally:
        processes.close()
    others = rd.rl.train_agents(models[1], gym.vector.SyncVectorEnv(made), settings=settings)
    for one, other in zip(runs, others, strict=True):
        assert torch.allclose(one.evaluated_returns, other.evaluated_returns)
        assert torch.allclose(one.losses, other.losses)


# --- Together as alone


@pytest.mark.parametrize("spec", ["GRU-5x2", "LSTM-5", "GRU+GRU-6"])
def test_agents_are_trained_as_alone(spec: str) -> None:
    maze, seeds = TMaze(3, stochasticity=0.1), [4, 0, 7]
    together = [double(maze, spec, seed) for seed in range(3)]
    alone = copy.deepcopy(together)
    runs = rd.rl.train_agents(together, maze, seeds=seeds, settings=BRIEF)
    for model, single, run, seed in zip(together, alone, runs, seeds, strict=True):
        own = train_agent(single, maze, settings=BRIEF, seed=seed)
        assert run.seed == own.seed == seed
        assert torch.equal(run.episode_steps, own.episode_steps)
        for name in ("returns", "losses", "gradient_norms", "evaluated_returns"):
            assert torch.allclose(getattr(run, name), getattr(own, name), rtol=1e-7, atol=1e-9), name
        assert all(
            torch.allclose(a, b, atol=1e-8) for a, b in zip(model.parameters(), single.parameters(), strict=True)
        )


def test_one_that_is_not_finite_leaves_the_others_to_go_on() -> None:
    maze = TMaze(2)
    models = [double(maze, "RNN-4", seed) for seed in range(3)]
    with torch.no_grad():
        models[1].readout.weight.fill_(1e200)
    alone = copy.deepcopy(models[2])
    runs = rd.rl.train_agents(models, maze, settings=BRIEF)
    assert [run.status for run in runs] == ["finished", "not finite", "finished"]
    assert "lr=0.0005" in runs[1].advice[0] or "clip_norm" in runs[1].advice[0]
    assert len(runs[1].losses) == 0
    assert len(runs[1].returns) == 1
    train_agent(alone, maze, settings=BRIEF, seed=2)
    assert close(models[2], alone)


def test_seeds_and_weights_alone_decide() -> None:
    maze = TMaze(3)
    first, second, other = (double(maze, "GRU-4") for _ in range(3))
    state = torch.random.get_rng_state()
    train_agent(first, maze, settings=BRIEF, seed=1)
    torch.manual_seed(5)
    train_agent(second, maze, settings=BRIEF, seed=1)
    train_agent(other, maze, settings=BRIEF, seed=2)
    torch.random.set_rng_state(state)
    assert same(first, second)
    assert not same(first, other)


# --- Warmup and trackers


class Watcher:
    """Keeps the weights that it is shown, and at which episodes."""

    def __init__(self, every: int = 2) -> None:
        self.every = every
        self.seen: dict[int, dict[str, Tensor]] = {}
        self.scalars: dict[int, dict[str, float]] = {}

    def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
        self.seen[step] = {name: weight.detach().clone() for name, weight in module.named_parameters()}
        self.scalars[step] = scalars


def test_warmup_moves_the_first_cell_on_what_was_explored() -> None:
    maze, watcher = TMaze(3), Watcher()
    model = double(maze, "GRU+GRU-8x2")
    before = {name: weight.detach().clone() for name, weight in model.recurrent.named_parameters()}
    expected = copy.deepcopy(model.recurrent)
    run = train_agent(model, maze, settings=BRIEF, warmup=AgentWarmup(steps=3), tracker=watcher, seed=5)
    assert sorted(watcher.seen) == [-3, -2, -1, 0, 2, 4, 6]
    moved = {name for name, weight in watcher.seen[0].items() if not torch.equal(weight, before[name])}
    assert moved
    assert all(name.split(".")[2] == "0" for name in moved)
    assert run.warmup is not None
    assert len(run.warmup) == 3
    rd.warm_up(expected, rd.rl.explore(maze, 60, seed=5), 3, seed=5)  # the same by hand
    assert all(torch.allclose(watcher.seen[0][name], weight) for name, weight in expected.named_parameters())
    assert {"loss", "return", "evaluated_return", "optimal_fraction"} <= set(watcher.scalars[6])
    assert watcher.scalars[6]["return"] == float(run.returns[-1])


def test_a_tracker_looks_under_the_corridor_held() -> None:
    maze = TMaze(3)
    model = double(maze, "GRU-6")
    corridor = rd.rl.held_input(maze, Move.RIGHT, Seen.CORRIDOR)
    assert corridor.tolist() == [1, 0, 0, 0, 0, 0, 0, 1, 0]
    effort = rd.Effort(n=8, horizon=50, searched=16)
    tracker = rd.AttractorTracker(rd.rl.explore(maze, 100), hold=corridor, every=3, effort=effort, budget=None)
    train_agent(model, maze, settings=BRIEF, tracker=tracker)
    assert [one.step for one in tracker.history.observations] == [0, 3, 6]
    assert all(one.count >= 1 for one in tracker.history.observations)


def test_held_inputs_of_vectors_too() -> None:
    cart = "rnn_dynamics/HiddenVelocityCartPole-v0"
    assert rd.rl.held_input(cart, 1, [0.5, -0.25], reward=1.0).tolist() == [0, 1, 1, 0.5, -0.25]
    for wrong, words in (((4, 0), "action must be a number from 0 to 3"), ((0, 4), "observation must be a number")):
        with pytest.raises(ValueError, match=words):
            rd.rl.held_input(TMaze(2), *wrong)


# --- Refusals


def test_what_does_not_fit_is_refused() -> None:
    maze = TMaze(2)
    fits, other = q_network(maze, "GRU-4"), q_network(TMaze(3, fully_observed=True), "GRU-4")
    with torch.random.fork_rng():
        straight = nn.Linear(9, 4)
        dropped = rd.SequenceModel(nn.GRU(9, 4, num_layers=2, dropout=0.1), 4)
    table: list[tuple[Any, Any, dict[str, Any], str]] = [
        (straight, maze, {}, "must be SequenceModels"),
        (dropped, maze, {}, "has dropout"),
        (other, maze, {}, r"model must have 9 inputs \(4 \+ 1 \+ 4\) and 4 outputs .* got 13 and 4: q_network"),
        (rd.SequenceModel(module_from_spec("GRU-4", 9), 3), maze, {}, "and 4 outputs"),
        (fits, "Nowhere-v0", {}, "environment must be the id of an environment"),
        (fits, gym.make("MountainCarContinuous-v0"), {}, "environment must have numbered actions"),
        (fits, 3, {}, "environment must be"),
        (fits, maze, {"seed": -1}, "seed must be a whole number"),
        (fits, maze, {"settings": rd.TrainSettings()}, "settings must be"),
        (fits, maze, {"warmup": True}, "warmup must be"),
        (fits, maze, {"warmup": AgentWarmup(cells=(0, 1))}, "cells are those of a Parallel"),
        (fits, maze, {"tracker": 3}, "tracker must"),
        (fits, maze, {"resume": True}, "resume needs a folder"),
        (fits, maze, {"snapshot_every": 5}, "snapshot_every needs a folder"),
        (fits, maze, {"memory_budget": 0}, "memory_budget must be positive"),
        (fits, TMaze(30), {"settings": AgentSettings(buffer=20)}, "do not fit into 20 transitions"),
    ]
    for model, environment, options, words in table:
        with pytest.raises(ValueError, match=words):
            train_agent(model, environment, **{"settings": BRIEF, **options})
    with pytest.raises(ValueError, match="must not share weights"):
        rd.rl.train_agents([fits, fits], maze, settings=BRIEF)
    with pytest.raises(ValueError, match="seeds must be 1 different numbers"):
        rd.rl.train_agents([fits], maze, seeds=[1, 2], settings=BRIEF)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"episodes": 0}, "episodes must be"),
        ({"lr": 0.0}, "lr must be positive"),
        ({"epsilon": 1.5}, "epsilon must"),
        ({"gamma": -0.1}, "gamma must"),
        ({"clip_norm": -1.0}, "clip_norm must be positive"),
        ({"explored": 9000}, "explored must fit into the buffer of 8192"),
        ({"double": 1}, "double must"),
    ],
)
def test_settings_out_of_range(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AgentSettings(**wrong)


def test_episodes_that_never_end_are_cut_off() -> None:
    class Endless(gym.Env):
        action_space, observation_space = gym.spaces.Discrete(2), gym.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return 0, {}

        def step(self, action):
            return 1, 1.0, False, False, {}

    settings = AgentSettings(episodes=2, updates=1, longest=7, buffer=40, gamma=1.0)
    run = train_agent(q_network(Endless, "GRU-4"), Endless, settings=settings)
    assert run.episode_steps.tolist() == [7, 7]
    assert run.returns.tolist() == [7.0, 7.0]


def test_a_history_is_a_table() -> None:
    run = train_agent(q_network(TMaze(2), "GRU-4"), TMaze(2), settings=BRIEF)
    assert isinstance(run, AgentTraining)
    assert len(run) == 3
    assert run[-1:].chosen_from == 3
    assert run.since.tolist() == [0, 0, 3]
    assert run[-1:].to_pandas().loss.item() == run.to_pandas().loss.iloc[-1]
    assert run[[0]].best == (0 if run.best == 0 else -1)
    assert "agent, seed 0, 6 episodes, 12 updates (finished)" in repr(run)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_as_on_the_cpu() -> None:
    maze, results = TMaze(3), []
    for device in ("cpu", "cuda"):
        models = [double(maze, "GRU+GRU-6x2", seed).to(device) for seed in range(3)]
        results.append(rd.rl.train_agents(models, maze, settings=BRIEF, warmup=AgentWarmup(2)))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one.episode_steps, other.episode_steps)
        assert torch.allclose(one.losses, other.losses, atol=1e-7)
