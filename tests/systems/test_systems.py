"""Torch modules as maps: equal to the module itself, differentiated right, and leaving it alone."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.func import jacfwd, jacrev, vmap

import rnn_dynamics as rd
from rnn_dynamics.cells import BRC, MGU, NBRC, DaleRNN, LeakyRNN, LowRankRNN, MinGRU, MinLSTM
from rnn_dynamics.systems import Box, NoBox

DOUBLE = torch.float64

SEQUENCES = [
    pytest.param(
        kind,
        {**extra, "num_layers": layers, "bias": bias, "batch_first": batch_first},
        id=f"{name}-{layers}-{bias}-{batch_first}",
    )
    for (name, kind, extra), layers, bias, batch_first in itertools.product(
        [
            ("tanh", nn.RNN, {}),
            ("relu", nn.RNN, {"nonlinearity": "relu"}),
            ("gru", nn.GRU, {}),
            ("lstm", nn.LSTM, {}),
            ("lstm-proj", nn.LSTM, {"proj_size": 4}),
            ("mgu", MGU, {}),
            ("brc", BRC, {}),
            ("nbrc", NBRC, {}),
            ("leaky", LeakyRNN, {"alpha": 0.3}),
            ("leaky-relu", LeakyRNN, {"nonlinearity": "relu", "leak": "inside"}),
            ("leaky-each", LeakyRNN, {"dt": 1.0, "tau": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "nonlinearity": "softsign"}),
            ("leaky-inside", LeakyRNN, {"leak": "inside", "nonlinearity": "sigmoid"}),
            ("current", LeakyRNN, {"leak": "current"}),
            ("dale", DaleRNN, {"nonlinearity": "sigmoid"}),
            ("low-rank", LowRankRNN, {"rank": 2}),
            ("low-rank-rates", LowRankRNN, {"rank": 3, "leak": "outside", "alpha": 0.5}),
            ("min-gru", MinGRU, {}),
            ("min-lstm", MinLSTM, {"positive": True}),
        ],
        [1, 2, 3],
        [True, False],
        [True, False],
    )
]
CELLS = [
    pytest.param(nn.RNNCell, {}, id="tanh"),
    pytest.param(nn.RNNCell, {"nonlinearity": "relu"}, id="relu"),
    pytest.param(nn.GRUCell, {}, id="gru"),
    pytest.param(nn.LSTMCell, {}, id="lstm"),
]


def _make(kind, **options):
    torch.manual_seed(0)
    return kind(3, 6, dtype=DOUBLE, **options)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        yield


@pytest.mark.parametrize(("kind", "options"), SEQUENCES)
def test_runs_as_the_module_does(kind, options) -> None:
    module = _make(kind, **options)
    inputs = torch.randn(5, 9, 3, dtype=DOUBLE)
    network = rd.as_map(module)
    states = network.run(inputs)

    outputs, last = module(inputs if module.batch_first else inputs.transpose(0, 1))
    outputs = outputs if module.batch_first else outputs.transpose(0, 1)
    finals = last if isinstance(last, tuple) else (last,)
    # State layout: layers in order, [h, c] within an LSTM layer.
    expected = torch.cat(
        [torch.cat([part[layer] for part in finals], dim=-1) for layer in range(module.num_layers)], dim=-1
    )
    assert (states[:, -1] - expected).abs().max() < 1e-12
    top = network.state_size - network.layers[-1].state_size
    width = outputs.shape[-1]
    assert (states[..., top : top + width] - outputs).abs().max() < 1e-12

    # From a given state, one step of the map is one step of the module.
    start = torch.randn(5, network.state_size, dtype=DOUBLE) * 0.3
    parts = list(start.split([layer.state_size for layer in network.layers], dim=-1))
    if isinstance(last, tuple):
        first = tuple(
            torch.stack(x).contiguous()
            for x in zip(*[(p[:, : last[0].shape[-1]], p[:, last[0].shape[-1] :]) for p in parts], strict=True)
        )
    else:
        first = torch.stack(parts)
    one = inputs[:, :1] if module.batch_first else inputs[:, :1].transpose(0, 1)
    _, after = module(one, first)
    finals = after if isinstance(after, tuple) else (after,)
    expected = torch.cat(
        [torch.cat([part[layer] for part in finals], dim=-1) for layer in range(module.num_layers)], dim=-1
    )
    assert (network.step(start, inputs[:, 0]) - expected).abs().max() < 1e-12


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kind", "options"), CELLS)
def test_steps_as_the_cell_does(kind, options, bias) -> None:
    cell = _make(kind, bias=bias, **options)
    network = rd.as_map(cell)
    state, input = torch.randn(4, network.state_size, dtype=DOUBLE), torch.randn(4, 3, dtype=DOUBLE)
    expected = torch.cat(cell(input, state.chunk(2, dim=-1)), dim=-1) if kind is nn.LSTMCell else cell(input, state)
    assert (network.step(state, input) - expected).abs().max() < 1e-12


@pytest.mark.parametrize(("kind", "options"), [p for p in SEQUENCES if not p.values[1]["batch_first"]])
@pytest.mark.parametrize("ungated", [False, True])
def test_closed_form_derivatives_are_those_of_autograd(kind, options, ungated) -> None:
    system = rd.as_map(_make(kind, **options)).hold(torch.randn(3))
    system = system.ungated() if ungated else system
    states = torch.randn(4, system.state_size, dtype=DOUBLE)
    jacobian = system.jacobian(states)
    assert (jacobian - vmap(jacrev(system))(states)).abs().max() < 1e-12
    assert (jacobian - vmap(jacfwd(system))(states)).abs().max() < 1e-12
    by_input = vmap(jacrev(system.network.step, argnums=1))(states, system.input.expand(4, -1))
    assert (system.input_jacobian(states) - by_input).abs().max() < 1e-12
    assert torch.equal(system.jacobian(states[0]), system.jacobian(states[:1])[0])
    assert torch.allclose(system.jacobian(states, memory_budget=1), jacobian, rtol=0, atol=1e-14)

    value, linearization = system.linearize(states)
    assert (value - system(states)).abs().max() < 1e-14
    rhs = torch.randn_like(states)
    full = torch.linalg.solve(jacobian - torch.eye(system.state_size, dtype=DOUBLE), rhs)
    assert (linearization.solve(rhs) - full).abs().max() < 1e-10
    assert torch.allclose(
        linearization.eigenvalues().abs().sum(-1), torch.linalg.eigvals(jacobian).abs().sum(-1), atol=1e-6
    )


@pytest.mark.parametrize(
    ("kind", "options"), [p for p in SEQUENCES if p.values[1]["bias"] and not p.values[1]["batch_first"]]
)
def test_ungated_maps_have_the_same_fixed_points(kind, options) -> None:
    module = _make(kind, **options)
    if kind is LeakyRNN:  # drawn to be active of themselves: with ReLUs they would run away
        with torch.no_grad():
            for weight in module.parameters():
                weight.mul_(0.5)
    system = rd.as_map(module).hold(torch.randn(3))
    states = torch.zeros(1, system.state_size, dtype=DOUBLE)
    for _ in range(3000):
        states = system(states)
    assert (system(states) - states).abs().max() < 1e-13
    assert (system.ungated()(states) - states).abs().max() < 1e-12


@pytest.mark.parametrize(("kind", "options"), [p for p in SEQUENCES if not p.values[1]["batch_first"]])
def test_the_box_is_mapped_into_itself(kind, options) -> None:
    module = _make(kind, **options)
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(3.0)
    system = rd.as_map(module).hold(torch.randn(3))
    box = system.box
    if options.get("nonlinearity") == "relu":
        assert isinstance(box, NoBox)
        assert "ReLU" in box.reason
        return
    assert isinstance(box, Box)
    corners = torch.where(torch.rand(20_000, system.state_size) < 0.5, box.lower, box.upper)
    inside = box.sample(20_000, torch.Generator().manual_seed(0))
    images = system(torch.cat([corners, inside]))
    slack = 1e-12 * box.upper.abs()
    assert ((images >= box.lower - slack) & (images <= box.upper + slack)).all()
    assert box.holds_all


@pytest.mark.parametrize(("kind", "options"), [p for p in SEQUENCES if not p.values[1]["batch_first"]])
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_torchs_kernels_lead_where_the_steps_do(kind, options, dtype) -> None:
    network = rd.as_map(_make(kind, **options).to(dtype))
    inputs, state = torch.randn(9, 5, 3, dtype=dtype), torch.randn(5, network.state_size, dtype=dtype) / 3
    weights = [weight for layer in network.layers for weight in layer.weights().values() if weight.requires_grad]
    ends = [network.scan(inputs, state)[-1], network.last_states(inputs, state)]
    slopes = [torch.autograd.grad(end.square().sum(), weights) for end in ends]
    tolerance = 1e-12 if dtype is DOUBLE else 1e-5
    assert (ends[0] - ends[1]).abs().max() < tolerance
    assert max((one - other).abs().max() for one, other in zip(*slopes, strict=True)) < 100 * tolerance

    # A held input goes into the bias: the same states as under that input at every step, and the same gradients.
    for layer in network.layers:
        own, held = torch.randn(5, layer.state_size, dtype=dtype) / 3, torch.randn(layer.input_size, dtype=dtype)
        stepped = own
        for _ in range(7):
            stepped = layer.step(stepped, held.expand(5, -1))
        outputs, last = layer.held(held).run(own.new_zeros(7, 5, 1), own)
        assert (last - stepped).abs().max() < tolerance
        assert (outputs[-1] - stepped[:, : layer.output_size]).abs().max() < tolerance
        weights = [weight for weight in layer.weights().values() if weight.requires_grad]
        slopes = [torch.autograd.grad(end.square().sum(), weights) for end in (stepped, last)]
        assert max((one - other).abs().max() for one, other in zip(*slopes, strict=True)) < 100 * tolerance


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


def test_a_function_that_closes_over_parameters() -> None:
    weight = nn.Parameter(2 * torch.eye(2, dtype=DOUBLE))
    ones = torch.ones(2)
    network = rd.as_map(lambda h, _: torch.tanh(h @ weight.T), state_size=2, input_size=0, box=(-ones, ones))
    for solver in (rd.Newton(), rd.SpeedMinimizer(), rd.NewtonKrylov(), rd.ScipyRoot()):
        points = rd.find_fixed_points(network.hold(), torch.randn(100, 2), solver, extra_starts=200)
        assert len(points) == 9
        assert not points.states.requires_grad
    assert weight.grad is None


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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    "kind", [nn.RNN, nn.GRU, nn.LSTM, MGU, BRC, NBRC, LeakyRNN, DaleRNN, LowRankRNN, MinGRU, MinLSTM]
)
def test_cuda_agrees_with_the_host(kind) -> None:
    module = _make(kind, num_layers=2)
    host = rd.as_map(module).hold(torch.ones(3))
    device = rd.as_map(copy.deepcopy(module).cuda()).hold(torch.ones(3))
    states = torch.randn(64, host.state_size, dtype=DOUBLE)
    assert (device(states.cuda()).cpu() - host(states)).abs().max() < 1e-12
    assert (device.jacobian(states.cuda()).cpu() - host.jacobian(states)).abs().max() < 1e-12
    assert (vmap(jacrev(device))(states.cuda()).cpu() - host.jacobian(states)).abs().max() < 1e-12
    there, here = (rd.find_fixed_points(s, states.to(s.device), extra_starts=256) for s in (device, host))
    assert len(there) == len(here)
    assert (there.states.cpu() - here.states).abs().max() < 1e-9
