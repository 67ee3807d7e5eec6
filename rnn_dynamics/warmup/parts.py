"""What of a network warmup acts on: its layers, the chosen cells of parallel ones, or a whole function."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import ArgumentError
from ..multistability import unchecked_soft_vaa
from ..systems import DrivenMap, FunctionMap, Layer, LayeredMap, ParallelLayer, last_within


class WarmedPart(ABC):
    """A part of the state that has a VAA* of its own."""

    weights: list[Tensor]
    """What moves it, and may itself be moved."""

    @abstractmethod
    def own_states(self, states: Tensor) -> Tensor:
        """Its part of the network's states [n, state]."""

    @abstractmethod
    def moved(self, own: Tensor, steps: int, generator: torch.Generator, memory_budget: int) -> Tensor:
        """These after ``steps`` under one held input x ~ N(0, I), of this part only."""

    def soft_vaa(
        self, states: Tensor, steps: int, epsilon: float, generator: torch.Generator, memory_budget: int
    ) -> Tensor:
        """VAA* after ``steps``, of the network's states [n, state]; NaN once a state is not finite."""
        ends = self.moved(self.own_states(states), steps, generator, memory_budget)
        # Not by a branch, for which a GPU would be waited for; tanh of an infinite state is finite.
        return torch.where(ends.isfinite().all(), unchecked_soft_vaa(ends, epsilon), torch.nan)


class LayerPart(WarmedPart):
    """One layer, or the warmed cells of a parallel one, as if they stood alone."""

    def __init__(self, layer: Layer, place: slice, cells: Sequence[int]) -> None:
        self._place, self._whole, self._cells, self._layer = place, layer, cells, layer
        if isinstance(layer, ParallelLayer):
            chosen = [layer.cells[index] for index in cells]
            self._layer = chosen[0] if len(chosen) == 1 else ParallelLayer(tuple(chosen))
        self.weights = list(self._layer.weights().values())

    def own_states(self, states: Tensor) -> Tensor:
        own = states[:, self._place]
        if not isinstance(self._whole, ParallelLayer):
            return own
        parts = self._whole.cell_states(own)
        chosen = [parts[index] for index in self._cells]
        return self._layer.join(chosen) if isinstance(self._layer, ParallelLayer) else chosen[0]

    def moved(self, own: Tensor, steps: int, generator: torch.Generator, memory_budget: int) -> Tensor:
        held = _held(self._layer.input_size, own, generator)
        layer = self._layer.held(held)
        return last_within(
            lambda inputs, state: layer.run(inputs, state)[1], own.new_zeros(steps, len(own), 1), own, memory_budget
        )


class FunctionPart(WarmedPart):
    """A function step(state, input) as a whole."""

    def __init__(self, network: FunctionMap) -> None:
        self._network = network
        self.weights = network.weights
        if not self.weights:
            raise ValueError("a plain function shows no weights to warm up: give as_map the module that holds them")
        # A step is tried at its first call, which cannot be done while what it keeps is to be computed again.
        with torch.no_grad():
            kind = {"dtype": network.dtype, "device": network.device}
            network.step(torch.zeros(2, network.state_size, **kind), torch.zeros(2, network.input_size, **kind))

    def own_states(self, states: Tensor) -> Tensor:
        return states

    def moved(self, own: Tensor, steps: int, generator: torch.Generator, memory_budget: int) -> Tensor:
        held = _held(self._network.input_size, own, generator)
        return last_within(self._network.last_states, held.expand(steps, len(own), -1), own, memory_budget)


def _held(size: int, like: Tensor, generator: torch.Generator) -> Tensor:
    # Drawn in float32, so that a seed gives the same whatever the dtype of the weights and the default are.
    return torch.randn(size, generator=generator, dtype=torch.float32).to(like)


def warmed_parts(network: DrivenMap, cells: Sequence[int]) -> list[WarmedPart]:
    """The parts of a network, bottom first.

    Raises:
        ValueError: for cells that a parallel layer does not have, or a map of another kind.
    """
    if not isinstance(network, FunctionMap | LayeredMap):
        raise ValueError(f"warm_up takes a recurrent module or what as_map makes of one, got {type(network).__name__}")
    if not isinstance(cells, Sequence) or not all(type(index) is int for index in cells):
        raise ArgumentError("cells", f"must be whole numbers in a sequence, like (0,), got {cells!r}")
    layers = network.layers if isinstance(network, LayeredMap) else ()
    if tuple(cells) != (0,) and not any(isinstance(layer, ParallelLayer) for layer in layers):
        raise ArgumentError(
            "cells", f"are those of a Parallel, and this is a {network!r}: leave them out, got {cells!r}"
        )
    if isinstance(network, FunctionMap):
        return [FunctionPart(network)]
    parts: list[WarmedPart] = []
    begin = 0
    for layer in network.layers:
        if isinstance(layer, ParallelLayer):
            valid = len(set(cells)) == len(cells) and all(0 <= index < len(layer.cells) for index in cells)
            if not cells or not valid:
                raise ArgumentError(
                    "cells", f"must name some of the {len(layer.cells)} cells, each once, got {list(cells)}"
                )
        parts.append(LayerPart(layer, slice(begin, begin + layer.state_size), list(cells)))
        begin += layer.state_size
    return parts
