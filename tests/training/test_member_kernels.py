"""Kernels of many members against the layers that ``as_map`` analyses, and their gradients against differences."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from rnn_dynamics.systems import Layer, recurrent_layers
from rnn_dynamics.training.member_kernels import MemberKernel, kernels_of

KINDS = ["GRU", "LSTM"]


@pytest.fixture(autouse=True)
def _own_random_state() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def stacked(kind: str, members: int, inputs: int = 2, units: int = 3, bias: bool = True) -> Layer:
    """A layer with the weights of so many modules."""
    layers = [recurrent_layers(getattr(nn, kind)(inputs, units, bias=bias).double())[0] for _ in range(members)]
    weights = zip(*(layer.weights().values() for layer in layers), strict=True)
    return layers[0].apply(lambda _: torch.stack(next(weights)).detach())


def kernel_of(layer: Layer) -> MemberKernel:
    """What runs it."""
    kernels = kernels_of([layer])
    assert kernels is not None
    return kernels[0]


def scanned(layer: Layer, inputs: Tensor) -> Tensor:
    """The outputs of each member by the steps of its own layer."""
    rows = []
    for member, own in enumerate(inputs):
        alone = layer.apply(lambda weight, member=member: weight[member])
        states = alone.scan(alone.project(own), own.new_zeros(own.shape[1], alone.state_size))
        rows.append(states[..., : alone.output_size])
    return torch.stack(rows)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("members", "time", "batch"), [(1, 1, 1), (4, 7, 5), (2, 1, 3)])
def test_outputs_and_gradients_are_those_of_the_steps(
    kind: str, bias: bool, members: int, time: int, batch: int
) -> None:
    layer = stacked(kind, members, bias=bias)
    inputs = torch.randn(members, time, batch, 2, dtype=torch.float64, requires_grad=True)
    weights = [weight.requires_grad_() for weight in layer.weights().values()]
    kernel = kernel_of(layer)
    toward = torch.randn(members, time, batch, 3, dtype=torch.float64)
    found = {}
    for name, outputs in (("steps", scanned(layer, inputs)), ("kernel", kernel.run(layer, inputs))):
        found[name] = [outputs, *torch.autograd.grad((outputs * toward).sum(), [inputs, *weights])]
    for one, other in zip(found["steps"], found["kernel"], strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() < 1e-13


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_differences(kind: str) -> None:
    layer = stacked(kind, 2)
    inputs = torch.randn(2, 4, 3, 2, dtype=torch.float64, requires_grad=True)

    def outputs(inputs: Tensor, *weights: Tensor) -> Tensor:
        values = iter(weights)
        return kernel_of(layer).run(layer.apply(lambda _: next(values)), inputs)  # buffers of its own

    weights = [weight.requires_grad_() for weight in layer.weights().values()]
    assert torch.autograd.gradcheck(outputs, (inputs, *weights))


@pytest.mark.parametrize("kind", KINDS)
def test_two_layers_of_other_sizes(kind: str) -> None:
    first, second = stacked(kind, 3), stacked(kind, 3, inputs=3, units=4)
    kernels = kernels_of([first, second]) or []
    inputs = torch.randn(3, 6, 2, 2, dtype=torch.float64)
    ours = kernels[1].run(second, kernels[0].run(first, inputs))
    assert (ours - scanned(second, scanned(first, inputs))).abs().max() < 1e-13


def test_a_pass_back_after_another_run_is_refused() -> None:
    layer = stacked("GRU", 2)
    weight = layer.weights()["weight_hh"].requires_grad_()
    kernel = kernel_of(layer)
    inputs = torch.randn(2, 4, 3, 2, dtype=torch.float64)
    total = kernel.run(layer, inputs).sum()
    kernel.run(layer, inputs)
    with pytest.raises(RuntimeError, match="overwritten by a later run"):
        total.backward()
    assert weight.grad is None


def test_other_layers_have_none() -> None:
    modules = (nn.RNN(2, 3), nn.LSTM(2, 3, proj_size=2))
    for module in modules:
        assert kernels_of(recurrent_layers(module)) is None
    assert kernels_of([*recurrent_layers(nn.GRU(2, 3)), *recurrent_layers(nn.RNN(3, 3))]) is None
