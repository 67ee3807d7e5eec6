"""The parts of an agent's training: replay, temporal differences, target networks, and how it plays."""

import copy

import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.rl.differences import TemporalDifferences
from rnn_dynamics.rl.members import AgentMembers
from rnn_dynamics.rl.playing import EXPLORING, by_values, draws, exploring, played, straying
from rnn_dynamics.rl.replay import Replay, together

SPECS = ["RNN-5", "GRU-6x2", "LSTM-5x2", "MGU-5", "BRC-5", "nBRC-5", "GRU+GRU-6x2", "LSTM+GRU-6"]


def models(spec: str, count: int, m: int = 9, actions: int = 4) -> list[rd.SequenceModel]:
    return [rd.SequenceModel(module_from_spec(spec, m, s).double(), actions, seed=s).double() for s in range(count)]


def replay(length: int = 4, transitions: int = 60, seed: int = 0) -> Replay:
    """Histories of a maze, those that ended by themselves and those that were cut off."""
    kept = Replay(transitions, 9, torch.empty(0, dtype=torch.float64))
    world = rd.rl.as_world(rd.rl.TMaze(length))
    chance = [draws(seed, EXPLORING, number) for number in range(30)]
    for history in played(world, world.reset(range(30)), exploring(world, chance), 100):
        kept.add(history.inputs, history.terminated)
    assert 0 < int(kept.terminated.sum()) < len(kept)
    return kept


def test_the_oldest_histories_make_room() -> None:
    kept = Replay(10, 3, torch.empty(0))
    whole = [torch.full((n + 1, 3), float(n)) for n in (4, 5, 3, 2)]
    sizes = []
    for inputs in whole:
        kept.add(inputs, len(inputs) == 4)
        sizes.append((len(kept), kept.transitions))
    assert sizes == [(1, 4), (2, 9), (2, 8), (3, 10)]
    assert all(torch.equal(own, expected) for own, expected in zip(kept.sequences, whole[1:], strict=True))
    assert kept.terminated.tolist() == [False, True, False]
    inputs, lengths, terminated = kept.batch(torch.tensor([2, 0, 2]))
    assert lengths.tolist() == [3, 6, 3]
    assert terminated.tolist() == [False, False, False]
    assert torch.equal(inputs[0], torch.cat([whole[3], torch.zeros(3, 3)]))
    assert torch.equal(inputs[1], whole[1])
    kept.add(torch.ones(13, 3), True)  # longer than all that fits: cut off, so that its end is not one
    assert (len(kept), kept.transitions, kept.terminated.tolist()) == (1, 10, [False])


def test_a_replay_comes_back_from_what_it_packs() -> None:
    kept, again = replay(), Replay(60, 9, torch.empty(0, dtype=torch.float64))
    again.load(kept.packed())
    rows = torch.tensor([0, 2, 1])
    assert all(torch.equal(one, other) for one, other in zip(kept.batch(rows), again.batch(rows), strict=True))


def by_hand(
    model: nn.Module, target: nn.Module, histories: list[tuple[Tensor, bool]], gamma: float, double: bool
) -> Tensor:
    """The loss one history and one step at a time, in plain torch."""
    squares = []
    for inputs, terminated in histories:
        values, later = model(inputs.unsqueeze(0))[0], target(inputs.unsqueeze(0))[0].detach()
        for t in range(len(inputs) - 1):
            action, reward = int(inputs[t + 1, :4].argmax()), inputs[t + 1, 4]
            best = int((values if double else later)[t + 1].argmax())
            over = terminated and t == len(inputs) - 2
            goal = reward if over else reward + gamma * later[t + 1, best]
            squares.append((values[t, action] - goal) ** 2)
    return torch.stack(squares).mean()


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("spec", SPECS)
def test_a_padded_batch_is_one_by_one(spec: str, double: bool) -> None:
    gamma, kept = 0.9, replay()
    learning = models(spec, 3)
    members = AgentMembers(models(spec, 6)[3:], 1e-3, 10**9)
    for row, model in enumerate(learning):  # another network learns than the one that is the target
        members.load(row, model.state_dict(), {})
    rows = [torch.tensor([0, 3, 1, 3]), torch.tensor([2, 4, 0, 1]), torch.tensor([4, 4, 2, 3])]
    inputs, lengths, terminated = together([kept.batch(own) for own in rows])
    values = members.target_values(inputs)
    lesson = TemporalDifferences(inputs, lengths, terminated, values, gamma, double)
    losses = members.differentiate(lesson, range(3), 0)
    norms = members.gradient_norms()
    sequences = kept.sequences
    for row in range(3):
        own = [(sequences[i], bool(kept.terminated[i])) for i in rows[row].tolist()]
        loss = by_hand(learning[row], models(spec, 6)[3 + row], own, gamma, double)
        assert torch.allclose(losses[row], loss.detach(), rtol=1e-10)
        gradients = torch.autograd.grad(loss, list(learning[row].parameters()))
        assert torch.allclose(norms[row], torch.cat([g.flatten() for g in gradients]).norm(), rtol=1e-8)


def test_only_what_the_environment_ended_has_no_future() -> None:
    """One step of a history that was cut off, and of one that was terminated, with values that are told."""
    inputs = torch.zeros(1, 2, 2, 4)  # one agent, two histories of one step; two actions, a reward, one number seen
    inputs[0, :, 1, 1], inputs[0, :, 1, 2] = 1.0, 0.5  # action 1, reward .5
    values = torch.tensor([[[[0.0, 0.0], [2.0, 3.0]]] * 2])
    lesson = TemporalDifferences(inputs, torch.tensor([[2, 2]]), torch.tensor([[False, True]]), values, 0.9, False)
    _, transitions, lengths = lesson.batch(0)
    outputs = torch.tensor([[[7.0, 1.0], [5.0, 4.0]]] * 2)
    cut, ended = 1.0 - (0.5 + 0.9 * 3.0), 1.0 - 0.5
    assert torch.allclose(lesson.loss(outputs, transitions, lengths), torch.tensor((cut**2 + ended**2) / 2))
    double = TemporalDifferences(inputs, torch.tensor([[2, 2]]), torch.tensor([[False, True]]), values, 0.9, True)
    cut = 1.0 - (0.5 + 0.9 * 2.0)  # the network that learns prefers action 0, whose value the target network says
    assert torch.allclose(double.loss(outputs, transitions, lengths), torch.tensor((cut**2 + ended**2) / 2))


@pytest.mark.parametrize("spec", SPECS)
def test_a_step_at_a_time_is_the_whole_history(spec: str) -> None:
    members = AgentMembers(models(spec, 2), 1e-3, 10**9)
    inputs = torch.randn(2, 3, 6, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = members.target_values(inputs)
    states = torch.zeros(2, 3, members.state_size, dtype=torch.float64)
    for t in range(6):
        values, states = members.advance(inputs[:, :, t], states)
        assert torch.allclose(values, whole[:, :, t], atol=1e-12)
    for row in range(2):
        assert torch.allclose(members.module(row)(inputs[row]), whole[row], atol=1e-12)


def test_targets_stay_until_they_are_refreshed_and_go_with_their_agent() -> None:
    members = AgentMembers(models("GRU-4", 3), 1e-1, 10**9)
    inputs = torch.ones(3, 2, 4, 9, dtype=torch.float64)
    before = members.target_values(inputs)
    lesson = TemporalDifferences(inputs, torch.full((3, 2), 4), torch.zeros(3, 2, dtype=torch.bool), before, 0.9, False)
    members.differentiate(lesson, range(3), 0)
    members.update(None)
    assert torch.equal(members.target_values(inputs), before)
    members.keep([2, 0])
    assert torch.equal(members.target_values(inputs[:2]), before[[2, 0]])
    members.refresh_targets()
    assert not torch.allclose(members.target_values(inputs[:2]), before[[2, 0]], atol=1e-3)


def test_groups_that_fit_a_budget_give_the_same() -> None:
    inputs = torch.randn(5, 2, 6, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole, grouped = (AgentMembers(models("GRU-4x2", 5), 1e-3, budget).target_values(inputs) for budget in (10**9, 1))
    assert torch.allclose(whole, grouped, atol=1e-13)


def test_rows_play_as_they_would_alone() -> None:
    world = rd.rl.as_world(rd.rl.TMaze(3, stochasticity=0.3))
    members = AgentMembers(models("GRU-6", 3), 1e-3, 10**9)
    chance = [draws(seed, 1, 0) for seed in range(3)]
    side_by_side = played(world, world.reset([5, 6, 7]), by_values(members, 1, straying(world, 0.5, chance)), 100)
    for row in range(3):
        alone = AgentMembers([copy.deepcopy(models("GRU-6", 3)[row])], 1e-3, 10**9)
        again = straying(world, 0.5, [draws(row, 1, 0)])
        (own,) = played(world, world.reset([5 + row]), by_values(alone, 1, again), 100)
        assert torch.equal(own.inputs, side_by_side[row].inputs)
        assert torch.equal(own.rewards, side_by_side[row].rewards)
        assert own.terminated == side_by_side[row].terminated


def test_the_exploration_policy_is_kept_to() -> None:
    world = rd.rl.as_world(rd.rl.TMaze(2))
    chance = [draws(0, EXPLORING, number) for number in range(4000)]
    actions = exploring(world, chance)(torch.zeros(4000, 9))
    shares = actions.bincount(minlength=4) / 4000
    assert torch.allclose(shares, torch.tensor([1 / 2, 1 / 6, 1 / 6, 1 / 6]), atol=0.03)


def test_an_input_is_action_reward_and_observation() -> None:
    world = rd.rl.as_world(rd.rl.TMaze(2))
    moves = iter([1, 0, 0, 1])  # a bump, along the corridor, and into the upper arm
    (history,) = played(world, _up(world), _told(moves), 100)
    assert history.inputs.tolist() == [
        pytest.approx(row)
        for row in (
            [0, 0, 0, 0, 0.0, 1, 0, 0, 0],
            [0, 1, 0, 0, -0.1, 1, 0, 0, 0],
            [1, 0, 0, 0, 0.0, 0, 0, 1, 0],
            [1, 0, 0, 0, 0.0, 0, 0, 0, 1],
            [0, 1, 0, 0, 4.0, 0, 0, 0, 1],
        )
    ]
    assert history.terminated
    assert history.steps == 4
    assert history.discounted(0.5) == pytest.approx(-0.1 + 4 * 0.5**3)


def _up(world: rd.rl.World) -> Tensor:
    return world.reset_goals(torch.tensor([0]), [0])


def _told(moves):
    return lambda inputs: torch.tensor([next(moves)])
