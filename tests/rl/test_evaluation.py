"""How well an agent plays: both goals, many lengths, one run, beside the known optimum."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import MGU, Parallel
from rnn_dynamics.rl import Move, RecurrentPolicy, Seen, TMaze, evaluate_agent


class Remembers:
    """Goes right, and at the junction where the sign meant; ``forgets`` after so many steps, and goes up then."""

    def __init__(self, forgets: int = 10**6, first: int | None = None) -> None:
        self.forgets, self.first, self.rows = forgets, first, []

    def step(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        self.rows.append(len(inputs))
        seen, (sign, time) = inputs[:, 5:], (inputs[:, 5:7], 0) if state is None else state
        up = sign[:, 0] if time < self.forgets else torch.ones(len(inputs))
        at = seen[:, Seen.JUNCTION]
        values = torch.stack([1 - at, at * up, torch.zeros_like(at), at * (1 - up)], dim=1)
        if time == 0 and self.first is not None:
            values = torch.eye(4)[self.first].expand(len(inputs), 4)
        return values, (sign, time + 1)


class Always:
    def __init__(self, values: Callable[[int], Tensor]) -> None:
        self.values = values

    def step(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.values(len(inputs)), None


def test_a_policy_that_remembers_is_optimal_at_every_length_in_one_run() -> None:
    lengths = (10, 20, 50, 100, 1, 200)
    policy = Remembers()
    played = evaluate_agent(policy, lengths)
    assert policy.rows == [2 * len(lengths)] * 201  # one run, which ends with the last maze
    assert played.optimal.all()
    assert played.returns.eq(4).all()
    assert torch.equal(played.steps, (played.lengths + 1.0).unsqueeze(1).expand(-1, 2).double())
    known = 4 * 0.98 ** torch.tensor(lengths, dtype=torch.float64)
    assert torch.allclose(played.discounted_returns, known, rtol=1e-12, atol=0)
    assert torch.allclose(played.optimum, known, rtol=1e-12, atol=0)
    assert not played.errors.any()
    assert [round(value, 3) for value in played.optimum[:4].tolist()] == [3.268, 2.670, 1.457, 0.530]


def test_memory_of_so_many_steps_does_for_so_many() -> None:
    played = evaluate_agent(Remembers(forgets=20), (5, 10, 19, 20, 40))
    assert played.optimal.tolist() == [True, True, True, False, False]
    # What is left is a guess: up, which is right for one goal of two.
    assert played.reached[3:].tolist() == [[1.0, 0.0]] * 2
    assert played.returns[3:].tolist() == [[4.0, -0.1]] * 2
    assert played.discounted[3].tolist() == pytest.approx([4 * 0.98**20, -0.1 * 0.98**20])


def test_a_bump_on_the_way_is_not_optimal_though_the_goal_is_reached() -> None:
    played = evaluate_agent(Remembers(first=Move.LEFT), (10,), gamma=1.0)
    assert played.reached.tolist() == [[1.0, 1.0]]
    assert played.returns[0].tolist() == pytest.approx([3.9, 3.9])
    assert played.steps.tolist() == [[12.0, 12.0]]
    assert not played.optimal.any()


def test_who_bumps_until_the_horizon() -> None:
    played = evaluate_agent(Always(lambda n: torch.eye(4)[Move.UP].expand(n, 4)), (2, 4), gamma=0.5)
    assert played.steps.tolist() == [[5.0, 5.0], [11.0, 11.0]]
    assert played.returns[:, 0].tolist() == pytest.approx([-0.5, -1.1])
    assert played.discounted[0, 0] == pytest.approx(-0.1 * sum(0.5**t for t in range(5)))
    assert not played.reached.any()


def test_where_actions_slip_the_best_policy_gets_the_optimum_within_its_error() -> None:
    played = evaluate_agent(Remembers(), (3, 8), stochasticity=0.2, rollouts=2000, seed=5)
    assert played.optimal is None
    assert ((played.discounted_returns - played.optimum).abs() < 4 * played.errors).all()
    assert (played.errors < 0.02).all()
    again = evaluate_agent(Remembers(), (3, 8), stochasticity=0.2, rollouts=2000, seed=5)
    assert torch.equal(again.discounted, played.discounted)
    assert not torch.equal(evaluate_agent(Remembers(), (3,), stochasticity=0.2, seed=6).steps, played.steps[:1])
    assert evaluate_agent(Remembers(), (3,), stochasticity=0.2).errors.isnan().all()  # one rollout tells no spread


# --- Networks


def network(module: nn.Module) -> rd.SequenceModel:
    return rd.SequenceModel(module, 4, seed=1)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "GRU": lambda: nn.GRU(9, 6, batch_first=True),
    "LSTM": lambda: nn.LSTM(9, 6, num_layers=2),
    "MGU": lambda: MGU(9, 6, num_layers=2),
    "Parallel": lambda: Parallel(9, 6, (nn.LSTM, nn.GRU), batch_first=True),
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.usefixtures("seeded")
def test_a_network_steps_as_it_runs_over_sequences(name: str) -> None:
    model = network(MODULES[name]())
    inputs = torch.randn(3, 12, 9)
    policy, state = RecurrentPolicy(model), None
    values = []
    for time in range(12):
        value, state = policy.step(inputs[:, time], state)
        values.append(value)
    assert torch.allclose(torch.stack(values, dim=1), model(inputs), atol=1e-6)


@pytest.mark.usefixtures("seeded")
def test_a_network_that_latches_the_sign_solves_every_length() -> None:
    """Two tanh units with weight 2: one keeps the sign by its two attractors, one tells the junction."""
    module = nn.RNN(9, 2)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.weight_hh_l0[0, 0] = 2.0
        module.weight_ih_l0[0, 5], module.weight_ih_l0[0, 6] = 3.0, -3.0
        module.weight_ih_l0[1, 5 + Seen.JUNCTION] = 3.0
        model = network(module)
        model.readout.weight.zero_()
        model.readout.bias.copy_(torch.tensor([1.5, 0.0, -9.0, 0.0]))
        model.readout.weight[Move.UP, 0], model.readout.weight[Move.DOWN, 0] = 1.0, -1.0
        model.readout.weight[Move.RIGHT, 1] = -3.0
    played = evaluate_agent(model, [10 * k for k in (1, 2, 5, 20)])
    assert played.optimal.all()
    # The same without memory keeps nothing but what is seen.
    with torch.no_grad():
        module.weight_hh_l0.zero_()
    assert not evaluate_agent(model, [10]).optimal.any()


@pytest.mark.usefixtures("seeded")
def test_the_network_is_left_as_it_was() -> None:
    model = network(nn.GRU(9, 6, num_layers=2, dropout=0.5)).train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    first, second = evaluate_agent(model, (3,)), evaluate_agent(model, (3,))
    assert torch.equal(first.returns, second.returns)  # no dropout
    assert model.training
    assert model.recurrent.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.usefixtures("seeded")
def test_on_a_gpu_as_on_the_cpu() -> None:
    model = network(nn.GRU(9, 16)).double()
    here = evaluate_agent(model, (3, 10, 40))
    there = evaluate_agent(model.cuda(), (3, 10, 40))
    assert torch.equal(here.steps, there.steps)
    assert torch.allclose(here.discounted, there.discounted, rtol=1e-12, atol=0)


# --- The result


def test_the_table_and_the_line() -> None:
    played = evaluate_agent(Remembers(forgets=5), (3, 9))
    assert played.summary() == "agent in T-Mazes of 2 lengths: optimal at 3"
    assert evaluate_agent(Remembers(forgets=0), (3,)).summary() == "agent in T-Mazes of 1 length: optimal at none"
    table = played.to_pandas()
    assert table["length"].tolist() == [3, 9]
    assert table["optimal"].tolist() == [True, False]
    assert table["return, goal down"].tolist() == [4.0, -0.1]
    slipping = evaluate_agent(Remembers(), (3,), stochasticity=0.5, rollouts=3)
    assert "actions slip with probability 0.5" in slipping.summary()
    assert "standard error" in slipping.to_pandas()


# --- Bad input


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (lambda: evaluate_agent(Remembers(), ()), "lengths is empty"),
        (lambda: evaluate_agent(Remembers(), (3, 0)), "lengths must"),
        (lambda: evaluate_agent(Remembers(), (3,), rollouts=50), "rollouts must be 1 where nothing is drawn.*got 50"),
        (lambda: evaluate_agent(3, (3,)), "policy must be"),
        (lambda: evaluate_agent(Always(lambda n: torch.zeros(n, 3)), (3,)), r"values \[2, 4\], got \[2, 3\]"),
        (lambda: evaluate_agent(Always(lambda n: torch.full((n, 4), torch.nan)), (3,)), "must give finite values"),
        (lambda: evaluate_agent(Always(lambda n: None), (3,)), r"must give values \[2, 4\], got NoneType"),
        (lambda: evaluate_agent(Remembers(), (3,), gamma=2.0), "gamma must"),
        (
            lambda: evaluate_agent(rd.SequenceModel(nn.GRU(8, 2), 4), (3,)),
            "9 inputs and 4 outputs, got 8 and 4",
        ),
        (lambda: evaluate_agent(rd.SequenceModel(nn.GRU(9, 2), 3), (3,)), "9 inputs and 4 outputs, got 9 and 3"),
    ],
)
@pytest.mark.usefixtures("seeded")
def test_what_is_refused(play, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        play()


def test_every_rollout_of_a_maze_that_draws_nothing_is_the_same() -> None:
    """Why two are enough: whatever the seed, each goal's episode is the same."""
    moves = [Move.RIGHT, Move.LEFT, Move.RIGHT, Move.RIGHT, Move.UP]
    for goal in ("up", "down"):
        told = []
        for seed in range(5):
            maze = TMaze(2)
            told.append([maze.reset(seed=seed, options={"goal": goal})[0], *(maze.step(move)[:4] for move in moves)])
        assert all(one == told[0] for one in told)
