"""What a layer must be: equal to its module, with the derivatives of autograd, a box that holds, its fixed points."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacfwd, jacrev, vmap

import rnn_dynamics as rd
from rnn_dynamics.enclosures import ball, enclose, overlaps, radii
from rnn_dynamics.systems import Box, Layer, NoBox
from rnn_dynamics.systems.pushforward import LayeredPushforward

DOUBLE = torch.float64

depths = pytest.mark.parametrize("num_layers", [1, 2, 3])
biases = pytest.mark.parametrize("bias", [True, False])


@pytest.mark.usefixtures("seeded")
class LayerContract:
    """Every check of a layer, by a module that is called as ``nn.GRU`` is.

    Name the ``module`` and, if it needs more than sizes, its ``options``; ``unbounded`` is what a layer without a box
    says of it.
    """

    module: ClassVar[Callable[..., nn.Module]]
    options: ClassVar[dict[str, Any]] = {}
    unbounded: ClassVar[str | None] = None

    @classmethod
    def make(cls, **options: Any) -> Any:
        torch.manual_seed(0)
        return cls.module(3, 6, dtype=DOUBLE, **cls.options, **options)

    @classmethod
    def layer_types(cls) -> set[type[Layer]]:
        """The classes that these checks are of."""
        with torch.random.fork_rng():
            (layer,) = rd.as_map(cls.make()).layers
        return {type(layer), type(layer.ungated())}

    @depths
    @biases
    @pytest.mark.parametrize("batch_first", [True, False])
    def test_runs_as_the_module_does(self, num_layers: int, bias: bool, batch_first: bool) -> None:
        module = self.make(num_layers=num_layers, bias=bias, batch_first=batch_first)
        inputs = torch.randn(5, 9, 3, dtype=DOUBLE)
        network = rd.as_map(module)
        states = network.run(inputs)

        outputs, last = module(inputs if batch_first else inputs.transpose(0, 1))
        outputs = outputs if batch_first else outputs.transpose(0, 1)
        assert (states[:, -1] - _by_layer(last)).abs().max() < 1e-12
        top = network.state_size - network.layers[-1].state_size
        width = outputs.shape[-1]
        assert (states[..., top : top + width] - outputs).abs().max() < 1e-12

        # From a given state, one step of the map is one step of the module.
        start = torch.randn(5, network.state_size, dtype=DOUBLE) * 0.3
        parts = list(start.split([layer.state_size for layer in network.layers], dim=-1))
        if isinstance(last, tuple):
            shown = last[0].shape[-1]
            halves = zip(*[(part[:, :shown], part[:, shown:]) for part in parts], strict=True)
            first = tuple(torch.stack(half).contiguous() for half in halves)
        else:
            first = torch.stack(parts)
        one = inputs[:, :1] if batch_first else inputs[:, :1].transpose(0, 1)
        _, after = module(one, first)
        assert (network.step(start, inputs[:, 0]) - _by_layer(after)).abs().max() < 1e-12

    @depths
    @biases
    @pytest.mark.parametrize("ungated", [False, True])
    def test_closed_form_derivatives_are_those_of_autograd(self, num_layers: int, bias: bool, ungated: bool) -> None:
        system = rd.as_map(self.make(num_layers=num_layers, bias=bias)).hold(torch.randn(3))
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

    @pytest.mark.parametrize("num_layers", [1, 3])
    @pytest.mark.parametrize("ungated", [False, True])
    def test_derivatives_carry_vectors_as_autograds_do(self, num_layers: int, ungated: bool) -> None:
        network = rd.as_map(self.make(num_layers=num_layers)).frozen(DOUBLE)
        network = network.ungated() if ungated else network
        states, inputs = torch.randn(5, network.state_size, dtype=DOUBLE), torch.randn(5, 3, dtype=DOUBLE)
        vectors = torch.randn(5, network.state_size, 2, dtype=DOUBLE)
        wanted = vmap(jacrev(network.step))(states, inputs) @ vectors
        parts = states.split(list(network.layer_sizes), dim=-1)
        pushforward = LayeredPushforward.at(network.layers, parts, inputs)
        assert torch.allclose(pushforward.apply(vectors), wanted, atol=1e-13)
        assert torch.allclose(pushforward.rows(slice(1, 3)).apply(vectors[1:3]), wanted[1:3], atol=1e-13)

    @pytest.mark.parametrize("num_layers", [1, 2])
    @pytest.mark.parametrize("ungated", [False, True])
    def test_balls_enclose_it_with_its_derivative(self, num_layers: int, ungated: bool) -> None:
        system = rd.as_map(self.make(num_layers=num_layers)).hold(torch.randn(3))
        system = system.ungated() if ungated else system
        enclosure = enclose(system)
        state = torch.randn(system.state_size, dtype=DOUBLE)
        for reach, width in ((0.0, 1e-13), (1e-3, torch.inf)):
            value, jacobian, kinked = enclosure.linearize(ball(state, reach))
            assert reach or not kinked
            assert max(radii(value).max(), radii(jacobian).max()) < width
            for inside in (state, state + reach * torch.randn(system.state_size, dtype=DOUBLE).sign()):
                for number, balls in ((system(inside), value), (system.jacobian(inside), jacobian)):
                    assert overlaps(balls, ball(number, 1e-13))

    @depths
    def test_ungated_maps_have_the_same_fixed_points(self, num_layers: int) -> None:
        system = rd.as_map(self.make(num_layers=num_layers)).hold(torch.randn(3))
        states = torch.zeros(1, system.state_size, dtype=DOUBLE)
        for _ in range(3000):
            states = system(states)
        assert (system(states) - states).abs().max() < 1e-13
        assert (system.ungated()(states) - states).abs().max() < 1e-12

    @depths
    @biases
    def test_the_box_is_mapped_into_itself(self, num_layers: int, bias: bool) -> None:
        module = self.make(num_layers=num_layers, bias=bias)
        with torch.no_grad():
            for weight in module.parameters():
                weight.mul_(3.0)
        system = rd.as_map(module).hold(torch.randn(3))
        box = system.box
        if self.unbounded is not None:
            assert isinstance(box, NoBox)
            assert self.unbounded in box.reason
            return
        assert isinstance(box, Box)
        corners = torch.where(torch.rand(20_000, system.state_size) < 0.5, box.lower, box.upper)
        inside = box.sample(20_000, torch.Generator().manual_seed(0))
        images = system(torch.cat([corners, inside]))
        slack = 1e-12 * box.upper.abs()
        assert ((images >= box.lower - slack) & (images <= box.upper + slack)).all()
        assert box.holds_all

    @depths
    @biases
    @pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
    def test_runs_and_held_inputs_lead_where_the_steps_do(
        self, num_layers: int, bias: bool, dtype: torch.dtype
    ) -> None:
        network = rd.as_map(self.make(num_layers=num_layers, bias=bias).to(dtype))
        inputs, state = torch.randn(9, 5, 3, dtype=dtype), torch.randn(5, network.state_size, dtype=dtype) / 3
        weights = [weight for layer in network.layers for weight in layer.weights().values() if weight.requires_grad]
        ends = [network.scan(inputs, state)[-1], network.last_states(inputs, state)]
        tolerance = 1e-12 if dtype is DOUBLE else 1e-5
        assert (ends[0] - ends[1]).abs().max() < tolerance
        assert _gradients_agree(ends, weights, 100 * tolerance)

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
            assert _gradients_agree([stepped, last], weights, 100 * tolerance)

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    def test_cuda_agrees_with_the_host(self) -> None:
        module = self.make(num_layers=2)
        host = rd.as_map(module).hold(torch.ones(3))
        device = rd.as_map(copy.deepcopy(module).cuda()).hold(torch.ones(3))
        states = torch.randn(64, host.state_size, dtype=DOUBLE)
        assert (device(states.cuda()).cpu() - host(states)).abs().max() < 1e-12
        assert (device.jacobian(states.cuda()).cpu() - host.jacobian(states)).abs().max() < 1e-12
        assert (vmap(jacrev(device))(states.cuda()).cpu() - host.jacobian(states)).abs().max() < 1e-12
        there, here = (rd.find_fixed_points(s, states.to(s.device), extra_starts=256) for s in (device, host))
        assert len(there) == len(here)
        assert (there.states.cpu() - here.states).abs().max() < 1e-9


def _by_layer(last: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The module's last states [layers, b, n] as a map's: layers in order, [h, c] within an LSTM layer."""
    finals = last if isinstance(last, tuple) else (last,)
    return torch.cat([part for parts in zip(*finals, strict=True) for part in parts], dim=-1)


def _gradients_agree(ends: list[Tensor], weights: list[Tensor], tolerance: float) -> bool:
    slopes = [torch.autograd.grad(end.square().sum(), weights) for end in ends]
    return max((one - other).abs().max() for one, other in zip(*slopes, strict=True)) < tolerance
