"""Networks that keep the goals on two attractors or let them drift, by construction."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics import rl

pytestmark = pytest.mark.usefixtures("seeded")


def agent(gain: float, turn: float = 1.0) -> rd.SequenceModel:
    """h' = tanh(gain h + 3 (up - down)), which goes right in the corridor and turns by the sign of h at its end."""
    model = rd.SequenceModel(nn.RNN(9, 2), 4)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        rnn = model.recurrent
        assert isinstance(rnn, nn.RNN)
        rnn.weight_hh_l0[0, 0] = gain
        rnn.weight_ih_l0[0, 5], rnn.weight_ih_l0[0, 6] = 3.0, -3.0
        rnn.weight_ih_l0[1, 8] = 1.0  # the junction
        rnn.weight_ih_l0[1, 5:8] = -1.0
        model.readout.weight[rl.Move.UP] = torch.tensor([turn, 0.0])
        model.readout.weight[rl.Move.DOWN] = torch.tensor([-turn, 0.0])
        model.readout.weight[rl.Move.RIGHT] = torch.tensor([0.0, -10.0])
    return model


def test_two_attractors_keep_the_goals_for_ever() -> None:
    memory = rl.maze_memory(agent(2.0), 5, depth=300)
    assert memory.kept
    assert memory.fails_at is None
    assert memory.attractors.labels.unique().numel() == 2
    root = 0.957504024  # x = tanh(2 x)
    assert memory.attractors.states[:, 0].abs().tolist() == pytest.approx([root, root], abs=1e-8)
    assert float(memory.separation[-1]) == pytest.approx(2 * root, abs=1e-8)
    rate = -1 / math.log(2 * (1 - root**2))
    assert memory.time_constants.tolist() == pytest.approx([rate, rate], rel=1e-6)
    assert "two goals are two attractors, a fixed point and a fixed point" in memory.verdict
    assert "does right in mazes of length 5 to 300" in memory.verdict


def test_one_attractor_is_a_drift_with_its_time_constant() -> None:
    memory = rl.maze_memory(agent(0.9), 5, depth=100)
    assert not memory.kept
    assert memory.attractors.labels.tolist() == [0, 0]
    assert memory.time_constants.tolist() == pytest.approx([-1 / math.log(0.9)] * 2, rel=1e-6)
    assert float(memory.separation[-1]) < 1e-4
    # The sign of h is kept all the way down: what is small is not yet forgotten.
    assert memory.fails_at is None
    assert "both goals drift to one fixed point, with a time constant of 9.49 steps" in memory.verdict


def test_what_is_done_is_wrong_once_the_drift_is_below_a_threshold() -> None:
    model = agent(0.9)
    with torch.no_grad():
        model.readout.bias[rl.Move.UP] = 0.05  # turns up unless h < -.025
    memory = rl.maze_memory(model, 5, depth=100)
    tried = rl.evaluate_agent(model, range(1, 101)).optimal
    assert tried is not None
    assert memory.right.tolist() == tried.tolist()
    # x = tanh(3) after the sign, x' = tanh(.9 x) after all else: turned wrong once x' <= .05 / 2 at the junction.
    x, length = math.tanh(3.0), 1
    while math.tanh(0.9 * x) > 0.025:
        x, length = math.tanh(0.9 * x), length + 1
    assert memory.fails_at == length
    assert f"does wrong in a maze of length {length}" in memory.verdict


def test_wrong_in_shorter_mazes_than_that_of_training_is_no_forgetting() -> None:
    model = agent(2.0)
    with torch.no_grad():
        model.recurrent.weight_ih_l0[0, 5], model.recurrent.weight_ih_l0[0, 6] = 0.3, -0.3  # pyright: ignore
        model.readout.bias[rl.Move.UP] = 1.2  # turns up unless h < -.6
    memory = rl.maze_memory(model, 5, depth=50)
    assert not memory.right[0]
    assert memory.fails_at is None
    assert rl.maze_memory(model, 1, depth=50).fails_at == 1


def test_two_phases_of_one_cycle_keep_the_goals_apart() -> None:
    memory = rl.maze_memory(agent(-2.0), 5, depth=50)
    assert memory.attractors.kinds == ("cycle",)
    assert memory.kept
    assert "two phases of one cycle" in memory.verdict


def test_as_a_table_and_saved(tmp_path: Path) -> None:
    memory = rl.maze_memory(agent(2.0), 5, depth=20)
    assert memory.to_pandas().index.tolist() == ["up", "down"]
    path = tmp_path / "memory.safetensors"
    rd.save(memory, path)
    assert rd.load(path).verdict == memory.verdict
    assert memory.to_dataset()["right"].dims == ("maze",)


def test_a_network_of_another_task_is_refused() -> None:
    with pytest.raises(ValueError, match="model must have 9 inputs and 4 outputs, got 3 and 4"):
        rl.maze_memory(rd.SequenceModel(nn.RNN(3, 2), 4), 5)


def test_the_depth_reaches_the_length() -> None:
    with pytest.raises(ValueError, match="depth must be 5 or more, the length of training, got 4"):
        rl.maze_memory(agent(2.0), 5, depth=4)
