"""Modules, cells and functions as maps: equal to what they were made of, and leaving it alone."""

import copy

import pytest
import torch
from torch import nn
from torch.func import jacfwd, vmap

import rnn_dynamics as rd

pytestmark = pytest.mark.usefixtures("seeded")
DOUBLE = torch.float64

CELLS = [
    pytest.param(nn.RNNCell, {}, id="tanh"),
    pytest.param(nn.RNNCell, {"nonlinearity": "relu"}, id="relu"),
    pytest.param(nn.GRUCell, {}, id="gru"),
    pytest.param(nn.LSTMCell, {}, id="lstm"),
]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kind", "options"), CELLS)
def test_steps_as_the_cell_does(kind, options, bias) -> None:
    cell = kind(3, 6, bias=bias, dtype=DOUBLE, **options)
    network = rd.as_map(cell)
    state, input = torch.randn(4, network.state_size, dtype=DOUBLE), torch.randn(4, 3, dtype=DOUBLE)
    expected = torch.cat(cell(input, state.chunk(2, dim=-1)), dim=-1) if kind is nn.LSTMCell else cell(input, state)
    assert (network.step(state, input) - expected).abs().max() < 1e-12


def test_the_module_is_untouched() -> None:
    module = nn.GRU(3, 8, num_layers=2, dropout=0.5)
    module.train()
    next(module.parameters()).requires_grad_(False)
    calls = []
    module.register_forward_hook(lambda *_: calls.append(1))
    before = copy.deepcopy(module.state_dict())
    flags = [p.requires_grad for p in module.parameters()]
    random_state = torch.random.get_rng_state()

    network = rd.as_map(module)
    starts = rd.sample_states(network, torch.randn(4, 10, 3, generator=torch.Generator().manual_seed(0)), 32, noise=0.3)
    rd.find_fixed_points(network.hold(), starts, extra_starts=64)

    assert module.training
    assert [p.requires_grad for p in module.parameters()] == flags
    assert all(torch.equal(a, b) for a, b in zip(before.values(), module.state_dict().values(), strict=True))
    assert all(p.grad is None for p in module.parameters())
    assert calls == []
    assert torch.equal(torch.random.get_rng_state(), random_state)


def test_the_map_follows_the_module_and_the_held_map_does_not() -> None:
    module = nn.GRU(3, 4)
    network, state, input = rd.as_map(module), torch.randn(4), torch.randn(3)
    held, before = network.hold(input), network.step(state, input)
    frozen = held(state.double())
    with torch.no_grad():
        module.weight_hh_l0.add_(1.0)
    assert not torch.allclose(network.step(state, input), before)
    assert torch.equal(held(state.double()), frozen)
    assert held.dtype is DOUBLE
    network.step(state, input).sum().backward()
    assert module.weight_hh_l0.grad is not None


@pytest.mark.parametrize("one_state", [False, True])
def test_functions_written_for_one_state_or_for_batches(one_state) -> None:
    weight = torch.randn(4, 4, dtype=DOUBLE) / 4

    def single(state, input):
        return torch.tanh(weight @ state + input.sum())

    def batched(state, input):
        return torch.tanh(state @ weight.T + input.sum(dim=-1, keepdim=True))

    network = rd.as_map(single if one_state else batched, state_size=4, input_size=2)
    system = network.hold([0.5, -0.25])
    states = torch.randn(7, 4, dtype=DOUBLE)
    assert (system(states) - torch.tanh(states @ weight.T + 0.25)).abs().max() < 1e-15
    assert (system.jacobian(states) - vmap(jacfwd(system))(states)).abs().max() < 1e-12
    assert system.input_jacobian(states).shape == (7, 4, 2)
    assert network.run(torch.randn(3, 5, 2, dtype=DOUBLE)).shape == (3, 5, 4)


def test_a_custom_cell_module_is_copied() -> None:
    class Cell(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(5, 3)
            self.dropout = nn.Dropout(0.5)

        def forward(self, state, input):
            return torch.tanh(self.dropout(self.linear(torch.cat([state, input], dim=-1))))

    cell = Cell().train()
    system = rd.as_map(cell.eval(), state_size=3, input_size=2).hold()
    cell.train()
    state = torch.randn(3, dtype=DOUBLE)
    before = system(state)
    with torch.no_grad():
        cell.linear.weight.zero_()
    assert torch.equal(system(state), before)
    assert cell.linear.weight.dtype is torch.float32
    assert cell.training


def test_sampled_states_lie_on_trajectories() -> None:
    module = nn.GRU(2, 5, dtype=DOUBLE)
    network = rd.as_map(module)
    sequences = torch.randn(6, 12, 2, dtype=DOUBLE)
    states = rd.sample_states(network, sequences, 300, seed=3)
    everything = network.run(sequences).flatten(0, 1)
    distance = torch.cdist(states, everything, compute_mode="donot_use_mm_for_euclid_dist")
    assert distance.min(dim=-1).values.max() < 1e-14
    assert distance.argmin(dim=-1).unique().numel() > 60  # 72 states, each drawn with probability .985
    assert torch.equal(states, rd.sample_states(network, sequences, 300, seed=3))
    assert not torch.equal(states, rd.sample_states(network, sequences, 300, seed=4))
    noisy = rd.sample_states(network, sequences, 300, noise=0.5, seed=3)
    assert 0.45 < (noisy - states).std() < 0.55

    ragged = [sequences[0, :3], sequences[1, :12]]
    runs = torch.cat([network.run(sequence[None])[0] for sequence in ragged])
    drawn = rd.sample_states(network, ragged, 200)
    assert torch.cdist(drawn, runs, compute_mode="donot_use_mm_for_euclid_dist").min(dim=-1).values.max() < 1e-14
