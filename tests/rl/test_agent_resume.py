"""The training of agents that was killed or stopped goes on as if nothing had been."""

import signal
from pathlib import Path

import killing
import pytest
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.rl import AgentSettings, AgentWarmup, TMaze, q_network, train_agent, train_agents

MAZE = TMaze(3, stochasticity=0.1)


def settings(episodes: int, **changed) -> AgentSettings:
    given = {"updates": 3, "batch_size": 6, "buffer": 70, "target_every": 3, "evaluate_every": 2, **changed}
    return AgentSettings(episodes=episodes, **given)


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_more_episodes_are_the_same_as_all_at_once(tmp_path: Path) -> None:
    whole = [q_network(MAZE, "GRU-5", seed=seed) for seed in range(2)]
    histories = train_agents(whole, MAZE, settings=settings(8), warmup=AgentWarmup(steps=2), folder=tmp_path / "whole")
    for episodes in (2, 6, 8):
        parts = [q_network(MAZE, "GRU-5", seed=seed) for seed in range(2)]
        options = {"warmup": AgentWarmup(steps=2), "folder": tmp_path / "parts", "resume": True}
        again = train_agents(parts, MAZE, settings=settings(episodes), **options)
    for model, other, history, run in zip(whole, parts, histories, again, strict=True):
        assert same(model, other)
        for name in ("returns", "losses", "evaluated_returns"):
            assert torch.equal(getattr(history, name), getattr(run, name))
        assert run.best == history.best
        assert torch.equal(run.warmup.losses, history.warmup.losses)
    state, other = (torch.load(tmp_path / run / "state.pt", weights_only=True) for run in ("whole", "parts"))
    for one, two in zip(state["members"], other["members"], strict=True):
        assert all(torch.equal(one["last"][name], two["last"][name]) for name in one["last"])
        assert all(torch.equal(one["target"][name], two["target"][name]) for name in one["target"])


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "tracked"), [(1, True), (3, False)])
def test_killed_at_random_times(seeds: int, tracked: bool, tmp_path: Path) -> None:
    took = killing.run(tmp_path / "whole", seeds, None, tracked, killing.agents)
    assert took is not None
    hits = killing.killed_and_resumed(tmp_path / "killed", 4, seeds, took / 2, seeds, tracked, killing.agents)
    assert hits >= 1
    weights, histories = killing.outcome(tmp_path / "whole", seeds)
    others, other_histories = killing.outcome(tmp_path / "killed", seeds)
    assert {name.split(".")[1] for name in weights} == {"last", "best_weights", "target"}
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert histories == other_histories
    for seed in range(seeds):
        folders = [tmp_path / run / f"seed-{seed}" for run in ("whole", "killed")]
        names = [sorted(path.name for path in (folder / "checkpoints").iterdir()) for folder in folders]
        assert names[0] == names[1] == [f"step-{step:08d}.safetensors" for step in (0, 10, 20, 24)]
        if tracked:
            steps = [[rd.load(file).step for file in sorted((f / "tracking").glob("obs*"))] for f in folders]
            assert steps[0] == steps[1]
            assert steps[0][-5:] == [5, 10, 15, 20, 24]


def test_ctrl_c_keeps_what_is_done_and_goes_on(tmp_path: Path) -> None:
    class Presses:
        every = 1

        def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
            if step == 3:
                raise KeyboardInterrupt

    stopped = q_network(MAZE, "GRU-5")
    history = train_agent(stopped, MAZE, settings=settings(6), folder=tmp_path, tracker=Presses())
    assert history.status == "interrupted"
    assert "resume=True" in history.advice[0]
    assert len(history.returns) == 3
    again, whole = q_network(MAZE, "GRU-5"), q_network(MAZE, "GRU-5")
    done = train_agent(again, MAZE, settings=settings(6), folder=tmp_path, resume=True)
    assert done.finished
    assert torch.equal(train_agent(whole, MAZE, settings=settings(6)).losses, done.losses)
    assert same(whole, again)


def test_a_signal_waits_for_the_end_of_the_episode(tmp_path: Path) -> None:
    class Presses(TMaze):
        """Sends the signal while an episode is played, as somebody who presses Ctrl-C does."""

        steps = 0

        def step(self, action):
            Presses.steps += 1
            if Presses.steps == 1500:
                signal.raise_signal(signal.SIGINT)
            return super().step(action)

    pressed = q_network(MAZE, "GRU-5")
    history = train_agent(pressed, Presses, settings=settings(10_000, buffer=30), folder=tmp_path)
    assert history.status == "interrupted"
    assert len(history.losses) == 3 * len(history.returns) > 0
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == len(history.returns)


def test_ctrl_c_in_a_warmup_is_said(tmp_path: Path) -> None:
    class Presses:
        every = 1

        def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
            if step == -2:
                raise KeyboardInterrupt

    history, other = train_agents(
        [q_network(MAZE, "GRU-5", seed=seed) for seed in range(2)],
        MAZE,
        settings=settings(4),
        warmup=AgentWarmup(steps=5),
        folder=tmp_path,
        trackers=[Presses(), Presses()],
    )
    assert other.interrupted
    assert other.warmup is None
    assert history.interrupted
    assert history.warmup is not None
    assert len(history.warmup) == 4
    assert len(history.returns) == len(history) == 0
    assert "no evaluation" in history.summary()
    assert not (tmp_path / "state.pt").exists()  # so that it begins anew


def test_what_differs_is_named_and_nothing_overwritten(tmp_path: Path) -> None:
    train_agent(q_network(MAZE, "GRU-5"), MAZE, settings=settings(1), folder=tmp_path)
    before = (tmp_path / "state.pt").read_bytes()
    longer = TMaze(4, stochasticity=0.1)
    table = [
        ({}, {}, MAZE, "holds a training already"),
        ({"lr": 0.1}, {"resume": True}, MAZE, "lr was 0.001, is now 0.1"),
        ({"double": True}, {"resume": True}, MAZE, "double was False, is now True"),
        ({"gamma": 0.5}, {"resume": True}, MAZE, "gamma was 0.98, is now 0.5"),
        ({}, {"resume": True, "seed": 3}, MAZE, r"seeds was \[0\], is now \[3\]"),
        ({}, {"resume": True, "warmup": AgentWarmup()}, MAZE, "warmup was None, is now AgentWarmup"),
        ({}, {"resume": True}, longer, r"environment was .*length=3.* is now .*length=4"),
    ]
    for changed, options, maze, words in table:
        with pytest.raises(ValueError, match=words):
            train_agent(q_network(MAZE, "GRU-5"), maze, settings=settings(2, **changed), folder=tmp_path, **options)
    with pytest.raises(ValueError, match="the weights differ"):
        train_agent(q_network(MAZE, "GRU-6"), MAZE, settings=settings(2), folder=tmp_path, resume=True)
    assert (tmp_path / "state.pt").read_bytes() == before
    with pytest.raises(ValueError, match=r"is not what a training wrote: epoch is None"):
        rd.train(  # another kind of training
            rd.SequenceModel(module_from_spec("GRU-5", 1), 1),
            rd.tasks.CopyFirstInput(20, 4, seed=0),
            folder=tmp_path,
            resume=True,
        )


@pytest.mark.parametrize("part", ["replays", "members", "observed", "step"])
def test_a_state_that_is_not_whole_is_refused(part: str, tmp_path: Path) -> None:
    train_agent(q_network(MAZE, "GRU-5"), MAZE, settings=settings(1), folder=tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    state[part] = None
    torch.save(state, tmp_path / "state.pt")
    with pytest.raises(ValueError, match="is not what a training wrote"):
        train_agent(q_network(MAZE, "GRU-5"), MAZE, settings=settings(2), folder=tmp_path, resume=True)
