"""Stacked recurrent layers as one driven map."""

from collections.abc import Callable, Iterable, Sequence
from typing import Self

import torch
from torch import Tensor

from .autonomous import Reduction
from .boxes import Box, NoBox
from .driven import DrivenMap
from .layers import Layer, LowRankLayer
from .linearization import Linearization
from .low_rank import LowRankReduction
from .pushforward import LayeredPushforward, Pushforward
from .rectifiers import Rectifiers


class LayeredMap(DrivenMap):
    """Layers in order, each fed by the new output of the one below; the state is their states side by side."""

    def __init__(self, layers: Sequence[Layer], anew: Callable[[], Sequence[Layer]] | None = None) -> None:
        """Stack layers, bottom first.

        Args:
            layers: that fit onto one another.
            anew: makes them again, where their weights are computed from others that may move; asked at every use.
        """
        self._layers, self._anew = tuple(layers), anew
        self._sizes = [layer.state_size for layer in layers]
        for below, layer in zip(self._layers, self._layers[1:], strict=False):
            if layer.input_size != below.output_size:
                raise ValueError(
                    f"a layer expects inputs of {layer.input_size}, the one below gives {below.output_size}"
                )

    def __repr__(self) -> str:
        kind = self._layers[0].name
        sizes = " + ".join(map(str, self._sizes))
        told = f" ({'; '.join(self.notes)})" if self.notes else ""
        return f"{kind} map, {sizes} state units, {self.input_size} inputs{told}"

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Bottom first, with their present weights."""
        return self._layers if self._anew is None else tuple(self._anew())

    @property
    def state_size(self) -> int:
        return sum(self._sizes)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return tuple(self._sizes)

    @property
    def input_size(self) -> int:
        return self._layers[0].input_size

    @property
    def dtype(self) -> torch.dtype:
        return next(iter(self._layers[0].weights().values())).dtype

    @property
    def device(self) -> torch.device:
        return next(iter(self._layers[0].weights().values())).device

    @property
    def weights(self) -> list[Tensor]:
        """Of all layers, bottom first."""
        return [weight for layer in self.layers for weight in layer.weights().values()]

    @property
    def weight_names(self) -> list[str]:
        """Of ``weights``, in torch's manner: "weight_hh_l0" is the recurrent weight of the bottom layer."""
        return [f"{name}_l{index}" for index, layer in enumerate(self._layers) for name in layer.weights()]

    def with_weights(self, weights: Iterable[Tensor]) -> Self:
        """The same layers on other weights, given in the order of ``weights``."""
        in_turn = iter(weights)
        return type(self)([layer.apply(lambda _: next(in_turn)) for layer in self.layers])

    def frozen(self, dtype: torch.dtype) -> Self:
        return type(self)([layer.apply(lambda w: w.detach().to(dtype, copy=True)) for layer in self.layers])

    @property
    def acting(self) -> Tensor | None:
        if all(layer.acting_size == layer.state_size for layer in self._layers):
            return None
        parts = [torch.arange(layer.state_size, device=self.device) < layer.acting_size for layer in self._layers]
        return torch.cat(parts)

    def ungated(self) -> "LayeredMap":
        return LayeredMap(
            [layer.ungated() for layer in self._layers],
            None if self._anew is None else lambda: [layer.ungated() for layer in self.layers],
        )

    def reduced(self, input: Tensor) -> Reduction | None:
        (layer, *above) = self.layers
        if above or not isinstance(layer, LowRankLayer) or not LowRankReduction.applies(layer):
            return None
        return LowRankReduction(layer, layer.project(input))

    def rectifiers(self, input: Tensor) -> Rectifiers | None:
        (layer, *above) = self.layers
        found = layer.rectifiers(layer.project(input))
        for layer in above:
            if found is None:
                break
            own = layer.rectifiers(layer.project(input.new_zeros(layer.input_size)))
            found = None if own is None else found.below(own, layer.weights()["weight_ih"])
        return found

    def step(self, state: Tensor, input: Tensor) -> Tensor:
        parts = []
        for layer, part in zip(self.layers, state.split(self._sizes, dim=-1), strict=True):
            parts.append(layer.step(part, input))
            input = parts[-1][..., : layer.output_size]
        return torch.cat(parts, dim=-1)

    def scan(self, inputs: Tensor, state: Tensor) -> Tensor:
        # Layer by layer, so that each projects its whole input sequence in one product.
        parts = []
        for layer, part in zip(self.layers, state.split(self._sizes, dim=-1), strict=True):
            parts.append(layer.scan(layer.project(inputs), part))
            inputs = parts[-1][..., : layer.output_size]
        return torch.cat(parts, dim=-1)

    def last_states(self, inputs: Tensor, state: Tensor) -> Tensor:
        parts = []
        for layer, part in zip(self.layers, state.split(self._sizes, dim=-1), strict=True):
            inputs, last = layer.run(inputs, part)
            parts.append(last)
        return torch.cat(parts, dim=-1)

    def linearize(
        self, states: Tensor, inputs: Tensor, wrt_input: bool = False
    ) -> tuple[Tensor, Linearization, Tensor | None]:
        values, own, feed = [], [], []
        chain: list[Tensor] = []  # d(state of layer l) / d(network's input)
        for index, (layer, part) in enumerate(zip(self.layers, states.split(self._sizes, dim=-1), strict=True)):
            value, by_state, by_feed = layer.jacobians(part, inputs, wrt_input=wrt_input or index > 0)
            values.append(value)
            own.append(by_state)
            if index and by_feed is not None:
                feed.append(by_feed)
            if wrt_input and by_feed is not None:
                chain.append(by_feed if not index else by_feed @ chain[-1][:, : layer.input_size])
            inputs = value[:, : layer.output_size]
        return torch.cat(values, dim=-1), Linearization(own, feed), torch.cat(chain, dim=-2) if wrt_input else None

    def pushforward(self, states: Tensor, inputs: Tensor, vectors: int) -> Pushforward:
        if LayeredPushforward.pays(self.layers, len(states), vectors):
            return LayeredPushforward.at(self.layers, states.split(self._sizes, dim=-1), inputs)
        return super().pushforward(states, inputs, vectors)

    def shared_products(self, states: Tensor, inputs: Tensor) -> LayeredPushforward | None:
        if any(type(layer).push is Layer.push for layer in self.layers):
            return None  # one of them makes Jacobians
        return LayeredPushforward.at(self.layers, states.split(self._sizes, dim=-1), inputs)

    def bytes_per_linearization(self, itemsize: int) -> int:
        own = sum(size**2 for size in self._sizes)
        feed = sum(layer.state_size * layer.input_size for layer in self._layers[1:])
        full = 0 if len(self._layers) == 1 else self.state_size**2  # where the blocks are put together
        # Jacobian, its shifted copy, LAPACK's column-major copy, and one temporary of the assembly.
        return itemsize * (4 * own + 2 * feed + 3 * full)

    def box(self, input: Tensor) -> Box | NoBox:
        lower = upper = input
        lows, highs, reasons = [], [], []
        for layer in self.layers:
            box = layer.box(lower, upper)
            if isinstance(box, NoBox):
                return box
            lows.append(box.lower)
            highs.append(box.upper)
            if box.reason not in reasons:
                reasons.append(box.reason)
            lower, upper = box.lower[: layer.output_size], box.upper[: layer.output_size]
        return Box(torch.cat(lows), torch.cat(highs), "; ".join(reasons))
