"""The GRU whose reset gate acts before the recurrent product, against its equations and automatic differentiation."""

import pytest
import torch
from torch import Tensor
from torch.func import jacrev, vmap

from rnn_dynamics.systems import LayeredMap
from rnn_dynamics.systems.layers import ResetBeforeGRULayer
from rnn_dynamics.systems.pushforward import LayeredPushforward

DOUBLE = torch.float64


def _drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def _network(layers: int, bias: bool) -> LayeredMap:
    return LayeredMap(
        [
            ResetBeforeGRULayer(
                _drawn(18, 6 if k else 3, seed=k),
                _drawn(18, 6, seed=10 + k),
                _drawn(18, seed=20 + k) if bias else None,
            )
            for k in range(layers)
        ]
    )


def test_a_step_is_what_the_equations_say() -> None:
    network = _network(1, True)
    layer = network.layers[0]
    assert isinstance(layer, ResetBeforeGRULayer)
    assert layer.bias_ih is not None
    state, input = _drawn(5, 6, seed=30), _drawn(5, 3, seed=31)
    (w_r, w_z, w_n), (u_r, u_z, u_n), (b_r, b_z, b_n) = (
        weight.chunk(3) for weight in (layer.weight_ih, layer.weight_hh, layer.bias_ih)
    )
    reset = torch.sigmoid(input @ w_r.T + state @ u_r.T + b_r)
    update = torch.sigmoid(input @ w_z.T + state @ u_z.T + b_z)
    candidate = torch.tanh(input @ w_n.T + (reset * state) @ u_n.T + b_n)
    assert torch.allclose(network.step(state, input), (1 - update) * candidate + update * state, atol=1e-14)
    assert torch.allclose(network.ungated().step(state, input), candidate, atol=1e-14)
    assert str(layer.name) == "GRU-reset-before"


@pytest.mark.parametrize("ungated", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_derivatives_are_those_of_autograd(layers, bias, ungated) -> None:
    network = _network(layers, bias)
    network = network.ungated() if ungated else network
    states, inputs = _drawn(5, network.state_size, seed=30), _drawn(5, 3, seed=31)
    wanted = vmap(jacrev(network.step))(states, inputs)
    _, by_state, by_input = network.layers[0].jacobians(states[:, :6], inputs, True)
    assert torch.allclose(by_state, wanted[:, :6, :6], atol=1e-13)
    assert by_input is not None
    assert torch.allclose(by_input, vmap(jacrev(network.step, 1))(states, inputs)[:, :6], atol=1e-13)
    assert torch.allclose(network.hold(inputs[0]).jacobian(states[:1]), wanted[:1], atol=1e-13)
    vectors = _drawn(5, network.state_size, 2, seed=32)
    parts = states.split(list(network.layer_sizes), dim=-1)
    assert torch.allclose(
        LayeredPushforward.at(network.layers, parts, inputs).apply(vectors), wanted @ vectors, atol=1e-13
    )
