"""The straight line between the weights of two networks as a family of maps."""

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from ..checks import ArgumentError, ArrayLike, CannotFollow, NoWeights, as_vector, checked
from ..forward_mode import jvp
from ..systems import AutonomousMap, DrivenMap, FunctionMap, HeldMap, LayeredMap, as_map

NetworkOf = Callable[[list[Tensor]], DrivenMap]
"""From a list of weights to the network that has them."""


class Interpolation:
    """F(h, t) of the network with weights (1 - t) W_before + t W_after under a held input.

    Made by ``between``, ``scaled`` and ``shifted``; t is not bound to [0, 1].
    """

    def __init__(self, before: list[Tensor], after: list[Tensor], network: NetworkOf, input: Tensor, name: str) -> None:
        self._before, self._after = before, after
        self._network = network
        self._input = input
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def _weights(self, t: float) -> list[Tensor]:
        # torch.lerp gives exactly the ends at 0 and 1.
        return [torch.lerp(first, last, t) for first, last in zip(self._before, self._after, strict=True)]

    def __call__(self, t: float, /) -> AutonomousMap:
        return HeldMap(self.network(t), self._input)

    def network(self, t: float) -> DrivenMap:
        """The network at t, whose input is free: for families in which an input moves too."""
        return self._network(self._weights(t))

    @property
    def length(self) -> float:
        """|W_after - W_before| as a share of |W_before|, over all weights; of the former alone where that is 0."""
        apart = math.hypot(*(float((b - a).norm()) for a, b in zip(self._before, self._after, strict=True)))
        whole = math.hypot(*(float(a.norm()) for a in self._before))
        return apart / whole if whole > 0 else apart

    def derivative(self, states: Tensor, t: float, /) -> Tensor:
        """dF/dt at states [k, n], by one forward-mode derivative along W_after - W_before."""
        inputs = self._input.expand(len(states), -1)

        def image(*weights: Tensor) -> Tensor:
            return self._network(list(weights)).step(states, inputs)

        along = [last - first for first, last in zip(self._before, self._after, strict=True)]
        return jvp(image, tuple(self._weights(t)), tuple(along))[1]


@checked
def between(
    before: nn.Module | DrivenMap, after: nn.Module | DrivenMap, input: ArrayLike | None = None
) -> Interpolation:
    """The family F(h, t) of networks with weights (1 - t) W_before + t W_after, under one held input.

    At t = 0 and 1 the maps are exactly those of ``before`` and ``after``, in float64; later training of either leaves
    the family as it is. Two checkpoints of one training are meant: the line between independent networks, whose units
    are in different orders, has no meaning of its own.

    Args:
        before, after: modules that ``as_map`` takes alone, or driven maps, of one architecture. A ``FunctionMap`` needs
            a step that is a module: its parameters and floating-point buffers are interpolated.
        input: [m], held; zeros by default.

    Raises:
        ValueError: for networks that differ in more than the values of their weights, naming what differs; for a map
            made of a plain function, whose weights cannot be seen.
    """
    first, last = frozen_network(before, "before"), frozen_network(after, "after")
    weights, network = named_weights(first, "before")
    others, _ = named_weights(last, "after")
    if isinstance(first, LayeredMap) and isinstance(last, LayeredMap):
        _require_same_layers(first, last)
    elif isinstance(first, FunctionMap) and isinstance(last, FunctionMap):
        _require_same_modules(first, last)
    else:
        raise CannotFollow(f"before and after must be networks of one kind, got {first!r} and {last!r}")
    held = held_input(first, input)
    others = [weight.to(first.device) for weight in others.values()]
    family = Interpolation(list(weights.values()), others, network, held, f"between two checkpoints of a {first!r}")
    if isinstance(first, FunctionMap):
        _require_same_end(family, HeldMap(last, held))
    return family


def held_input(network: DrivenMap, input: ArrayLike | None) -> Tensor:
    """The held input [m], zeros by default."""
    if input is None:
        input = torch.zeros(network.input_size)
    return as_vector(input, "input", network.input_size, dtype=torch.float64, device=network.device).clone()


def frozen_network(network: nn.Module | DrivenMap, name: str) -> DrivenMap:
    """A module or map as a frozen map in float64."""
    if isinstance(network, DrivenMap):
        return network.frozen(torch.float64)
    if isinstance(network, nn.Module):
        return as_map(network).frozen(torch.float64)
    raise ArgumentError(
        name, f"must be a torch module or a map, as as_map(module) gives it; got {type(network).__name__}"
    )


def named_weights(network: DrivenMap, name: str) -> tuple[dict[str, Tensor], NetworkOf]:
    """The weights of a network by name, and the way back from a list of them."""
    if isinstance(network, LayeredMap):
        return dict(zip(network.weight_names, network.weights, strict=True)), network.with_weights
    if not isinstance(network, FunctionMap):
        raise NoWeights(f"{name} must be a network of layers or a module, got {network!r}")
    module = network._step
    if not isinstance(module, nn.Module):
        raise NoWeights(
            f"{name} is a map of a plain function, whose weights cannot be seen: following needs a step that is a"
            " torch.nn.Module (or a family t -> map of your own)"
        )
    named = _interpolated(module)
    batched_already = network._batched is module

    def with_weights(given: list[Tensor]) -> DrivenMap:
        values = dict(zip(named, given, strict=True))

        def step(state: Tensor, input: Tensor) -> Tensor:
            return functional_call(module, values, (state, input))

        # How the step treats batches was probed once, when ``network`` was frozen.
        other = copy.copy(network)
        other._step, other._batched = step, step if batched_already else vmap(step)
        return other

    return named, with_weights


def _interpolated(module: nn.Module) -> dict[str, Tensor]:
    buffers = {name: buffer for name, buffer in module.named_buffers() if buffer.is_floating_point()}
    return {**dict(module.named_parameters()), **buffers}


def _require_same_layers(before: LayeredMap, after: LayeredMap) -> None:
    if len(before.layers) != len(after.layers):
        raise CannotFollow(f"before has {len(before.layers)} layers, after {len(after.layers)}: they must be alike")
    for index, (first, last) in enumerate(zip(before.layers, after.layers, strict=True)):
        _require_same(f"layer {index}", first.form(), last.form())


def _require_same_modules(before: FunctionMap, after: FunctionMap) -> None:
    shapes: list[dict[str, object]] = []
    for network in (before, after):
        module = network._step
        assert isinstance(module, nn.Module)  # as named_weights found
        parts: dict[str, object] = {name: list(tensor.shape) for name, tensor in _interpolated(module).items()}
        sizes = {"state_size": network.state_size, "input_size": network.input_size}
        shapes.append({"class": type(module).__name__, **sizes, **parts})
    _require_same("the step", *shapes)


def _require_same_end(family: Interpolation, after: AutonomousMap) -> None:
    """A module may also differ in attributes that are neither parameters nor buffers: its maps then tell."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(3, after.state_size, generator=generator, dtype=torch.float64).to(after.device)
    if not torch.allclose(family(1.0)(states), after(states.to(after.device)), rtol=1e-9, atol=1e-12, equal_nan=True):
        raise NoWeights(
            "before and after must be of one architecture, but the step of before with the weights of after is not that"
            " of after: an attribute that is neither a parameter nor a floating-point buffer differs"
        )


def _require_same(where: str, before: dict[str, object], after: dict[str, object]) -> None:
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after or before[name] != after[name]:
            raise CannotFollow(
                f"before and after must be of one architecture, but {name} of {where} is"
                f" {before.get(name, 'missing')} before and {after.get(name, 'missing')} after"
            )
