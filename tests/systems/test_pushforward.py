"""What a derivative does to tangent vectors, by whatever way is cheapest, against automatic differentiation."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

import rnn_dynamics as rd
from rnn_dynamics.attractors.tangents import carry_tangents, random_tangents
from rnn_dynamics.cells import BRC, MGU, NBRC, DaleRNN, LeakyRNN, LowRankRNN, MinGRU, MinLSTM
from rnn_dynamics.families import iterated
from rnn_dynamics.systems import AutonomousMap, GRULayer, IteratedMap, Linearization, ParallelLayer, WrappedMap
from rnn_dynamics.systems.pushforward import LayeredPushforward, TapedPushforward

DOUBLE = torch.float64

KINDS = {
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "gru": (nn.GRU, {}),
    "lstm": (nn.LSTM, {}),
    "lstm-proj": (nn.LSTM, {"proj_size": 4}),
    "mgu": (MGU, {}),
    "brc": (BRC, {}),
    "nbrc": (NBRC, {}),
    "leaky": (LeakyRNN, {}),
    "leaky-inside": (LeakyRNN, {"leak": "inside", "nonlinearity": "softplus"}),
    "current": (LeakyRNN, {"leak": "current", "nonlinearity": "sigmoid"}),
    "dale": (DaleRNN, {}),
    "low-rank": (LowRankRNN, {"rank": 2}),
    "min-gru": (MinGRU, {}),
    "min-lstm": (MinLSTM, {"positive": True}),
    "min-gru-positive": (MinGRU, {"positive": True}),
}


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def make(name: str, n: int = 6, **options) -> rd.DrivenMap:
    kind, extra = KINDS[name]
    return rd.as_map(kind(3, n, dtype=DOUBLE, **extra, **options)).frozen(DOUBLE)


def by_layers(network, states: Tensor, inputs: Tensor) -> LayeredPushforward:
    return LayeredPushforward.at(network.layers, states.split(list(network.layer_sizes), dim=-1), inputs)


@pytest.mark.parametrize("ungated", [False, True], ids=["gated", "ungated"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", KINDS)
def test_of_every_cell(name: str, layers: int, ungated: bool) -> None:
    network = make(name, num_layers=layers)
    network = network.ungated() if ungated else network
    states, inputs = torch.randn(5, network.state_size, dtype=DOUBLE), torch.randn(5, 3, dtype=DOUBLE)
    vectors = torch.randn(5, network.state_size, 2, dtype=DOUBLE)
    wanted = vmap(jacrev(network.step))(states, inputs) @ vectors
    pushforward = by_layers(network, states, inputs)
    assert torch.allclose(pushforward.apply(vectors), wanted, atol=1e-13)
    assert torch.allclose(pushforward.rows(slice(1, 3)).apply(vectors[1:3]), wanted[1:3], atol=1e-13)


def test_of_cells_side_by_side() -> None:
    cells = tuple(make(name).layers[0] for name in ("gru", "lstm", "mgu"))
    below = make("lstm").layers[0]
    network = type(make("gru"))([below, ParallelLayer(tuple(_reading(cell, 6) for cell in cells))])
    states, inputs = torch.randn(4, network.state_size, dtype=DOUBLE), torch.randn(4, 3, dtype=DOUBLE)
    vectors = torch.randn(4, network.state_size, 3, dtype=DOUBLE)
    wanted = vmap(jacrev(network.step))(states, inputs) @ vectors
    assert torch.allclose(by_layers(network, states, inputs).apply(vectors), wanted, atol=1e-13)


def _reading(cell, m: int):
    """The cell with m inputs."""
    return type(cell)(torch.randn(len(cell.weight_ih), m, dtype=DOUBLE), cell.weight_hh, cell.bias_ih)


def test_a_cell_with_another_derivative_does_not_inherit_the_old_one() -> None:
    class Doubled(GRULayer):
        def advance(self, state, drive):
            return 2 * super().advance(state, drive)

        def jacobians(self, state, input, wrt_input):
            return tuple(None if part is None else 2 * part for part in super().jacobians(state, input, wrt_input))

    plain = make("gru").layers[0]
    network = type(make("gru"))([Doubled(plain.weight_ih, plain.weight_hh, plain.bias_ih, plain.bias_hh)])
    states, inputs = torch.randn(4, 6, dtype=DOUBLE), torch.randn(4, 3, dtype=DOUBLE)
    vectors = torch.randn(4, 6, 2, dtype=DOUBLE)
    wanted = vmap(jacrev(network.step))(states, inputs) @ vectors
    assert torch.allclose(by_layers(network, states, inputs).apply(vectors), wanted, atol=1e-13)


class OnceOnly(torch.autograd.Function):
    """tanh with a gradient that has none of its own."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.tanh()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (output,) = ctx.saved_tensors
        return grad * (1 - output**2)


N = 130
WEIGHT = torch.randn(N, N, generator=torch.Generator().manual_seed(3), dtype=DOUBLE) / N**0.5


@pytest.mark.parametrize(
    "step",
    [
        lambda h, x: torch.tanh(h @ WEIGHT.T + x.sum(-1, keepdim=True)),
        lambda h, x: torch.tanh(WEIGHT @ h + x.sum()),  # one state at a time
        lambda h, x: torch.zeros_like(h) + x.sum(-1, keepdim=True),  # of the input alone
        lambda h, x: 0.5 * h + x.sum(-1, keepdim=True),
    ],
    ids=["batched", "single", "constant", "linear"],
)
def test_of_functions(step) -> None:
    network = rd.as_map(step, N, 2).frozen(DOUBLE)
    states, inputs = torch.randn(3, N, dtype=DOUBLE), torch.randn(3, 2, dtype=DOUBLE)
    vectors = torch.randn(3, N, 4, dtype=DOUBLE)
    pushforward = network.pushforward(states, inputs, 4)
    assert isinstance(pushforward, TapedPushforward)
    wanted = vmap(jacrev(step))(states, inputs) @ vectors
    with torch.no_grad():
        assert torch.allclose(pushforward.apply(vectors), wanted, atol=1e-13)
        assert torch.allclose(pushforward.rows(slice(1, 2)).apply(vectors[1:2]), wanted[1:2], atol=1e-13)


def test_of_a_function_that_can_be_differentiated_once() -> None:
    class Network:
        def step(self, state, input):
            return OnceOnly.apply(state @ WEIGHT.T)

        def linearize(self, states, inputs):
            jacobian = (1 - self.step(states, inputs) ** 2).unsqueeze(-1) * WEIGHT
            return self.step(states, inputs), Linearization([jacobian], []), None

    states, vectors = torch.randn(3, N, dtype=DOUBLE), torch.randn(3, N, 2, dtype=DOUBLE)
    wanted = (1 - (states @ WEIGHT.T).tanh() ** 2).unsqueeze(-1) * (WEIGHT @ vectors)
    assert torch.allclose(TapedPushforward(Network(), states, states[:, :0]).apply(vectors), wanted, atol=1e-13)


@pytest.mark.parametrize("single", [False, True], ids=["batched", "single"])
def test_functions_are_linearized_as_autograd_does(single: bool) -> None:
    weight = WEIGHT[:4, :4]

    def step(h, x):
        return torch.sin(weight @ h + x[0] * x[1]) if single else torch.sin(h @ weight.T + x[..., :1] * x[..., 1:])

    network = rd.as_map(step, 4, 2).frozen(DOUBLE)
    states, inputs = torch.randn(7, 4, dtype=DOUBLE), torch.randn(7, 2, dtype=DOUBLE)
    kept = states.clone(), inputs.clone()
    with torch.no_grad():
        value, linearization, by_input = network.linearize(states, inputs, wrt_input=True)
    assert torch.equal(value, network.step(states, inputs))
    assert torch.allclose(linearization.dense(), vmap(jacrev(step))(states, inputs), atol=1e-14)
    assert torch.allclose(by_input, vmap(jacrev(step, argnums=1))(states, inputs), atol=1e-14)
    assert not value.requires_grad
    assert torch.equal(states, kept[0])
    assert torch.equal(inputs, kept[1])
    assert not states.requires_grad


class Counted(WrappedMap):
    """Counts how often it is linearized, and at how many states."""

    def __init__(self, system: AutonomousMap) -> None:
        super().__init__(system)
        self.calls: list[int] = []

    def __call__(self, states):
        return self.system(states)

    def linearize(self, states):
        self.calls.append(len(states))
        return self.system.linearize(states)


def test_all_phases_are_linearized_at_once_within_memory() -> None:
    network = rd.as_map(lambda h, _: torch.stack([1 - 0.5 * h[..., 0] ** 2 + h[..., 1], 0.3 * h[..., 0]], -1), 2, 0)
    small = Counted(network.hold())
    states = 0.1 * torch.rand(50, 2, dtype=DOUBLE)
    value, linearization = IteratedMap(small, 64).linearize(states)
    assert small.calls == [64 * 50]
    product, here = torch.eye(2, dtype=DOUBLE).expand(50, 2, 2), states
    for _ in range(64):  # the old formula: one phase after the other
        x = here[:, 0]
        one = torch.stack([-x, torch.ones_like(x), 0.3 * torch.ones_like(x), torch.zeros_like(x)], -1).view(50, 2, 2)
        product, here = one @ product, small(here)
    assert torch.allclose(value, here, rtol=1e-9)
    assert torch.allclose(linearization.dense(), product, rtol=1e-9, atol=1e-30)

    large = Counted(make("gru", 64).hold())
    states = torch.rand(256, 64, dtype=DOUBLE)
    iterate = IteratedMap(large, 3)
    value, linearization = iterate.linearize(states)
    assert large.calls == [256] * 3  # they fill the memory one after the other already
    assert torch.equal(value, iterate(states))
    autograd = vmap(jacrev(iterate))(states[:3])
    assert torch.allclose(linearization.dense()[:3], autograd, atol=1e-13)


@pytest.mark.parametrize(("name", "n", "layers"), [("gru", 130, 1), ("lstm", 80, 2), ("tanh", 6, 1)])
@pytest.mark.parametrize("memory_budget", [2**29, 2 * 2**20])
def test_tangents_are_carried_as_by_jacobians(name: str, n: int, layers: int, memory_budget: int) -> None:
    system = make(name, n, num_layers=layers).hold([0.3, -0.2, 0.5])
    states = torch.randn(9, system.state_size, dtype=DOUBLE)
    tangents = random_tangents(states, 4, seed=0)
    with torch.no_grad():
        path, last, growth = carry_tangents(system, states, tangents, 50, 3, memory_budget)
    logs, here = [], states
    for step in range(50):  # the old formula: whole Jacobians
        here, linearization = system.linearize(here)
        assert torch.allclose(path[step], here, atol=1e-12)
        tangents = linearization.dense() @ tangents
        if step % 3 == 2 or step == 49:
            tangents, r = torch.linalg.qr(tangents)
            logs.append(r.diagonal(dim1=1, dim2=2).abs().log() / (2 if step == 49 else 3))
    assert growth.shape == (17, 9, 4)
    assert torch.allclose(growth, torch.stack(logs), atol=1e-8)
    assert torch.allclose((last.mT @ tangents).abs(), torch.eye(4, dtype=DOUBLE).expand(9, 4, 4), atol=1e-6)


def test_finite_time_exponents_as_step_by_step() -> None:
    network = make("gru", 64)
    inputs = torch.randn(5, 100, 3, dtype=DOUBLE)
    result = rd.finite_time_exponents(network, inputs, k=6)
    state, total = torch.zeros(5, 64, dtype=DOUBLE), torch.zeros(5, 6, dtype=DOUBLE)
    tangents = random_tangents(state, 6, seed=0)
    for input in inputs.unbind(1):  # the old formula: one step at a time
        state, linearization, _ = network.linearize(state, input)
        tangents, r = torch.linalg.qr(linearization.dense() @ tangents)
        total += r.diagonal(dim1=1, dim2=2).abs().log()
    assert torch.allclose(result.exponents, (total / 100).sort(descending=True).values, atol=1e-9)


def test_finite_time_exponents_in_closed_form() -> None:
    """A ReLU network that stays positive is linear: exponents ln w_i, whatever the input."""
    module = nn.RNN(2, 40, nonlinearity="relu", dtype=DOUBLE)
    rates = torch.linspace(0.9, 0.2, 40, dtype=DOUBLE)
    with torch.no_grad():
        module.weight_hh_l0.copy_(rates.diag())
        module.weight_ih_l0.abs_()
        module.bias_ih_l0.fill_(1.0)
        module.bias_hh_l0.fill_(0.0)
    inputs = torch.rand(3, 1000, 2, dtype=DOUBLE)
    leading = rd.finite_time_exponents(rd.as_map(module), inputs, k=2)
    assert leading.exponents[:, 0].tolist() == pytest.approx([math.log(0.9)] * 3, abs=5e-3)
    whole = rd.finite_time_exponents(rd.as_map(module), inputs[:, :200])
    assert torch.allclose(whole.exponents.sum(1), rates.log().sum().expand(3), atol=1e-9)


def test_the_derivative_of_an_iterate_by_the_parameter() -> None:
    """Of F^k by the held input, against central differences of F^k itself."""
    family = make("gru", 5).input_family(1)
    cycle = iterated(family, 7)
    states = 0.5 * torch.randn(4, 5, dtype=DOUBLE)
    step = 1e-5
    with torch.no_grad():
        wanted = (cycle(0.3 + step)(states) - cycle(0.3 - step)(states)) / (2 * step)
        assert torch.allclose(cycle.derivative(states, 0.3), wanted, atol=1e-9)
