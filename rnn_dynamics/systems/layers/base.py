"""What a recurrent layer must provide."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..boxes import Box, NoBox
from ..rectifiers import Rectifiers

Slopes: TypeAlias = tuple[Any, ...]
"""What a layer's derivative at k states is made of: tensors of k rows each, in tuples as the layer likes."""


@dataclass(frozen=True, eq=False)
class Layer(ABC):
    """One recurrent layer s' = f(s, x), written in torch ops that vmap and autograd understand on any device.

    The fields of a subclass are its weights. They are used as given, so a layer made from a module's parameters
    follows them through training; ``apply`` makes an independent copy.
    """

    gates: ClassVar[str] = ""
    """A letter for each block of rows of the weights, in order; empty for a cell without gates."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "jacobians" in vars(cls) and "push" not in vars(cls):
            # Another derivative than the parent's: what pushes that one forward would be wrong here.
            cls.slopes, cls.push = Layer.slopes, Layer.push

    @property
    def name(self) -> str:
        """What the cell is called: "GRU"."""
        return type(self).__name__.removesuffix("Layer").removeprefix("Ungated")

    @property
    @abstractmethod
    def state_size(self) -> int: ...

    @property
    @abstractmethod
    def input_size(self) -> int: ...

    @property
    @abstractmethod
    def drive_size(self) -> int:
        """How many numbers ``project`` makes of an input."""

    @property
    def output_size(self) -> int:
        """How many leading coordinates of the state the next layer sees; all, unless the cell hides some."""
        return self.state_size

    @property
    def acting_size(self) -> int:
        """How many leading coordinates of the state the next state depends on; all, unless the cell ignores some."""
        return self.state_size

    @abstractmethod
    def project(self, input: Tensor) -> Tensor:
        """What the input [..., m] drives the gates with, [..., d]: no state in it, so one product serves a sequence."""

    @abstractmethod
    def advance(self, state: Tensor, drive: Tensor) -> Tensor:
        """The next state [..., n] from state [..., n] and drive [..., d]."""

    def step(self, state: Tensor, input: Tensor) -> Tensor:
        """The next state [..., n] from state [..., n] and input [..., m]."""
        return self.advance(state, self.project(input))

    def scan(self, drives: Tensor, state: Tensor) -> Tensor:
        """The states [time, ..., n] that drives [time, ..., d] lead through from state [..., n]."""
        states = []
        for drive in drives:
            state = self.advance(state, drive)
            states.append(state)
        return torch.stack(states)

    def run(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs [time, batch, p] that inputs [time, batch, m] lead to from state [batch, n], and the last state.

        By torch's own kernel where it has one for the cell: it is faster than ``scan``, above all on a GPU, but shows
        no states in between and cannot be used under vmap.
        """
        states = self.scan(self.project(inputs), state)
        return states[..., : self.output_size], states[-1]

    @abstractmethod
    def held(self, input: Tensor) -> "Layer":
        """The layer under a held input [m]: one whose single input has no weight, since the drive is in its bias."""

    @abstractmethod
    def jacobians(self, state: Tensor, input: Tensor, wrt_input: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """The next state [k, n], its derivative by the state [k, n, a] and, if asked for, by the input [k, n, m].

        a is ``acting_size``.
        """

    def slopes(self, state: Tensor, input: Tensor) -> tuple[Tensor, Slopes]:
        """The next state [k, n], and what ``push`` needs to know of the derivative at states [k, n], inputs [k, m]."""
        value, by_state, by_input = self.jacobians(state, input, True)
        assert by_input is not None
        return value, (by_state, by_input)

    def push(self, slopes: Slopes, vectors: Tensor, feed: Tensor | None) -> Tensor:
        """The derivative along ``vectors`` [k, q, n] of the state and ``feed`` [k, q, m] of the input: [k, q, n].

        Faster for q << n in a cell that does it by its weights, which all states share, instead of by Jacobians.
        """
        by_state, by_input = slopes
        images = vectors[..., : by_state.shape[-1]] @ by_state.mT
        return images if feed is None else images + feed @ by_input.mT

    @abstractmethod
    def box(self, lower: Tensor, upper: Tensor) -> Box | NoBox:
        """A box that the layer takes into itself for every input between ``lower`` and ``upper`` [m]."""

    def ungated(self) -> "Layer":
        """A layer G with the same fixed points as F, under any held input, but without the inertia of gates.

        A gated cell's h' = (1 - z) n(h) + z h moves slowly wherever z is near 1, fixed point or not: F(h) - h is
        small there and its Jacobian nearly singular. n(h) = h has the same roots and neither fault, so root search
        runs on it. Only the fixed points agree: stability is always read from F.
        """
        return self

    def rectifiers(self, drive: Tensor) -> Rectifiers | None:  # noqa: ARG002
        """The equation of the fixed points under a held drive [d], if ReLUs are all that bends it."""
        return None

    def apply(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The same layer with every weight replaced by ``change(weight)``."""
        tensors = {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **{name: change(value) for name, value in tensors.items()})

    def weights(self) -> dict[str, Tensor]:
        return {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}

    def form(self) -> dict[str, object]:
        """All that makes a layer but the values of its weights: its class, their shapes, and its settings."""
        told: dict[str, object] = {"class": type(self).__name__}
        for f in fields(self):
            value = getattr(self, f.name)
            told[f.name] = list(value.shape) if isinstance(value, Tensor) else value
        return told


class AffineLayer(Layer):
    """A layer that an input drives by U x + b; a subclass has both as fields, under torch's names."""

    weight_ih: Tensor  # U [d, m]
    bias_ih: Tensor | None  # b [d]

    @property
    def input_size(self) -> int:
        return self.weight_ih.shape[1]

    @property
    def drive_size(self) -> int:
        return self.weight_ih.shape[0]

    def project(self, input: Tensor) -> Tensor:
        return linear(input, self.weight_ih, self.bias_ih)

    def held(self, input: Tensor) -> Self:
        return replace(self, weight_ih=self.weight_ih.new_zeros(self.drive_size, 1), bias_ih=self.project(input))


@dataclass(frozen=True, eq=False)
class CellLayer(AffineLayer):
    """A layer of one cell, whose weights bear torch's names."""

    weight_ih: Tensor  # [d, m]
    weight_hh: Tensor  # [gates n, n]
    bias_ih: Tensor | None = None  # [d]

    @property
    def state_size(self) -> int:
        return self.weight_hh.shape[1]


def run_kernel(
    kernel: Callable[..., tuple[Tensor, ...]], layer: CellLayer, inputs: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """``Layer.run`` by one of ``torch.rnn_tanh``, ``rnn_relu``, ``gru`` and ``lstm``."""
    weights = [layer.weight_ih, layer.weight_hh]
    if layer.bias_ih is not None:
        second = layer.weights().get("bias_hh")  # none of its own if only an input is held
        weights += [layer.bias_ih, torch.zeros_like(layer.bias_ih) if second is None else second]
    parts = state.split([layer.output_size, layer.state_size - layer.output_size], dim=-1)
    first = [part.unsqueeze(0).contiguous() for part in parts if part.shape[-1]]
    with warnings.catch_warnings():
        # On CUDA: weights that do not lie side by side in memory, as one layer's of several do not, are copied.
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
        one_layer = (layer.bias_ih is not None, 1, 0.0, torch.is_grad_enabled(), False, False)
        outputs, *last = kernel(inputs, first if len(first) > 1 else first[0], weights, *one_layer)
    return outputs, torch.cat([part.squeeze(0) for part in last], dim=-1)


def scaled_rows(terms: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The sum over (d, W) of diag(d) W, for coefficients d [k, n] and weights W [n, m]: [k, n, m].

    Every gated cell's Jacobian has this form, and it costs no matrix product.
    """
    (coefficient, weight), *others = terms
    total = coefficient.unsqueeze(-1) * weight
    for coefficient, weight in others:
        total.addcmul_(coefficient.unsqueeze(-1), weight.expand_as(total))
    return total


def changed(slopes: Slopes, change: Callable[[Tensor], Tensor]) -> Slopes:
    """The slopes with each of their tensors replaced by ``change(tensor)``."""
    return tuple(change(one) if isinstance(one, Tensor) else changed(one, change) for one in slopes)


def weighted(coefficients: Tensor, products: Tensor, blocks: int) -> Tensor:
    """The sum over blocks of coefficients [k, 1, blocks n] times products [k, q, blocks n]: [k, q, n]."""
    return (coefficients * products).unflatten(-1, (blocks, -1)).sum(dim=-2)


def unit_box(like: Tensor, n: int, reason: str) -> Box:
    one = torch.ones(n, dtype=like.dtype, device=like.device)
    return Box(-one, one, reason)
