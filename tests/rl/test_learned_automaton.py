"""Machines of agents whose memory is known, and of a network."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics import rl


class Remembers:
    """Keeps the sign for so many steps, then turns up."""

    def __init__(self, steps: float = float("inf")) -> None:
        self.steps = steps

    def step(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        assert inputs.shape == (1, 9)
        seen = int(inputs[0, 5:].argmax())
        if state is None:
            assert not inputs[0, :5].any()  # no action and no reward before
            goal, age = seen, 0
        else:
            assert int(inputs[0, :4].argmax()) == state[2]
            assert float(inputs[0, 4]) == 0.0
            goal, age = state[0], state[1] + 1
        turn = rl.Move.DOWN if goal == rl.Seen.GOAL_DOWN and age <= self.steps else rl.Move.UP
        action = turn if seen == rl.Seen.JUNCTION else rl.Move.RIGHT
        return torch.eye(4)[int(action)].unsqueeze(0), (goal, age, int(action))


def test_who_remembers_has_the_machine_of_the_maze() -> None:
    own, maze = rl.learned_automaton(Remembers()), rl.maze_automaton()
    assert len(maze) == 5
    assert maze.outputs == ("start", "right", "right", "up", "down")
    assert own.difference(maze) is None
    assert torch.equal(own.transitions, maze.transitions)
    assert own.outputs == maze.outputs
    assert rl.maze_automaton(depth=3).difference(maze) is None


@pytest.mark.parametrize("steps", [3, 20])
def test_who_forgets_is_told_by_the_corridor_after_which_it_turns_wrong(steps: int) -> None:
    wrong = rl.learned_automaton(Remembers(steps)).difference(rl.maze_automaton())
    assert wrong == ("down", *["corridor"] * steps, "junction")
    lengths = [steps, steps + 1, steps + 2]  # the junction is seen after as many steps as the corridor is long
    assert steps + 1 == lengths[1]
    evaluation = rl.evaluate_agent(Batched(steps), lengths)
    assert evaluation.optimal is not None
    assert evaluation.optimal.tolist() == [True, False, False]


class Batched:
    """``Remembers``, for many mazes at once."""

    def __init__(self, steps: float) -> None:
        self.steps = steps

    def step(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        seen = inputs[:, 5:].argmax(dim=1)
        goal, age = (seen, 0) if state is None else (state[0], state[1] + 1)
        down = (goal == rl.Seen.GOAL_DOWN) & torch.full_like(goal, age <= self.steps).bool()
        turn = torch.where(down, int(rl.Move.DOWN), int(rl.Move.UP))
        action = torch.where(seen == rl.Seen.JUNCTION, turn, int(rl.Move.RIGHT))
        return torch.eye(4)[action], (goal, age)


@pytest.mark.usefixtures("seeded")
def test_of_a_network_it_acts_as_the_network_does() -> None:
    model = rd.SequenceModel(nn.GRU(9, 8), 4)
    machine = rl.learned_automaton(model, depth=12)
    assert machine.agrees
    policy = rl.RecurrentPolicy(model)
    for goal in range(2):
        state, place, inputs = None, 0, torch.zeros(1, 9)
        for step in range(12):
            seen = goal if step == 0 else int(rl.Seen.CORRIDOR)
            inputs[0, 5:] = torch.eye(4)[seen]
            values, state = policy.step(inputs, state)
            place = int(machine.transitions[place, seen])
            action = int(values.argmax())
            assert machine.outputs[place] == rl.Move(action).name.lower()
            inputs = torch.zeros(1, 9)
            inputs[0, action] = 1.0


def test_the_depth_is_a_whole_number() -> None:
    with pytest.raises(ValueError, match="depth"):
        rl.learned_automaton(Remembers(), depth=0)


@pytest.mark.usefixtures("seeded")
def test_values_that_are_not_finite_and_models_of_other_tasks_are_refused() -> None:
    broken = rd.SequenceModel(nn.GRU(9, 4), 4)
    with torch.no_grad():
        broken.readout.weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="policy must give finite values"):
        rl.learned_automaton(broken)
    with pytest.raises(ValueError, match="model must give finite values"):
        rl.maze_memory(broken, 3, depth=5)
    with pytest.raises(ValueError, match="models must have finite weights"):
        rl.train_agent(broken, rl.TMaze(3))
    with pytest.raises(ValueError, match="policy must have 9 inputs and 4 outputs, got 7 and 2"):
        rl.learned_automaton(rd.SequenceModel(nn.GRU(7, 4), 2))
