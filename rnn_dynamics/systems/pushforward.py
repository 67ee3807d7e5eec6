"""Tangent vectors carried by a map's derivative, without the Jacobians that a few vectors do not pay for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from .layers import Layer, Slopes, changed
from .linearization import Linearization

_FEW = 4
"""A vector for every four units and no more: of more, Jacobians are as cheap (seven cells of 16 to 256 units)."""

_LARGE = 2**20
"""Jacobians of so many numbers in all no longer stay in the caches; smaller ones cost less than the further calls."""

_TAPED = 128
"""Units from which the calls of a tape for each step cost less than a block of Jacobians, which pull back n vectors."""


class Pushforward(Protocol):
    """The derivative of a map at k states, known by what it does to vectors; a ``Linearization`` is one."""

    def rows(self, part: slice, /) -> "Pushforward":
        """Some of the k states."""
        ...

    def apply(self, vectors: Tensor, /) -> Tensor:
        """DF v for the columns v of ``vectors`` [k, n, q]."""
        ...


@dataclass(frozen=True, eq=False)
class LayeredPushforward:
    """That of stacked layers: each needs one product of its shared weights with all vectors of all states.

    Jacobians hold n^2 numbers a state, which to write and read takes longer than 2 n^2 q operations for q << n.
    """

    layers: Sequence[Layer]
    slopes: Sequence[Slopes]

    @staticmethod
    def pays(layers: Sequence[Layer], states: int, vectors: int) -> bool:
        """Whether it is cheaper than Jacobians: measured on an x86 core, within a third at the border."""
        n = max(layer.state_size for layer in layers)
        return _FEW * vectors <= n and states * n**2 > _LARGE

    @classmethod
    def at(cls, layers: Sequence[Layer], parts: Sequence[Tensor], inputs: Tensor) -> Self:
        """At the states [k, n_l] of each layer under inputs [k, m]."""
        slopes: list[Slopes] = []
        for layer, part in zip(layers, parts, strict=True):
            value, slope = layer.slopes(part, inputs)
            slopes.append(slope)
            inputs = value[:, : layer.output_size]
        return cls(layers, slopes)

    def rows(self, part: slice | Tensor) -> "LayeredPushforward":
        return LayeredPushforward(self.layers, [changed(slope, lambda one: one[part]) for slope in self.slopes])

    def to(self, dtype: torch.dtype) -> "LayeredPushforward":
        """In another precision."""

        def cast(weight: Tensor) -> Tensor:
            return weight.to(dtype)

        return LayeredPushforward(
            [layer.apply(cast) for layer in self.layers], [changed(slope, cast) for slope in self.slopes]
        )

    def apply(self, vectors: Tensor) -> Tensor:
        parts = vectors.mT.split([layer.state_size for layer in self.layers], dim=-1)
        images: list[Tensor] = []
        feed = None
        for layer, slope, part in zip(self.layers, self.slopes, parts, strict=True):
            images.append(layer.push(slope, part, feed))
            feed = images[-1][..., : layer.output_size]
        return (torch.cat(images, dim=-1) if len(images) > 1 else images[0]).mT


class Differentiated(Protocol):
    """What ``TapedPushforward`` needs of a driven map."""

    def step(self, state: Tensor, input: Tensor, /) -> Tensor: ...

    def linearize(self, states: Tensor, inputs: Tensor, /) -> tuple[Tensor, Linearization, Tensor | None]: ...


@dataclass(frozen=True, eq=False)
class TapedPushforward:
    """That of a function known only by its gradients: u -> DF^T u is linear, and its own gradient along v is DF v.

    Twice backwards rather than forwards: the derivative is then the very one that ``jacobian`` holds, also where the
    step says itself what its gradient is.
    """

    network: Differentiated
    states: Tensor  # [k, n]
    inputs: Tensor  # [k, m]

    @staticmethod
    def pays(n: int, vectors: int) -> bool:
        """Whether it is cheaper than Jacobians, where steps come one after the other."""
        return _FEW * vectors <= n and n >= _TAPED

    def rows(self, part: slice) -> "TapedPushforward":
        return TapedPushforward(self.network, self.states[part], self.inputs[part])

    def apply(self, vectors: Tensor) -> Tensor:
        try:
            return self._twice_backwards(vectors)
        except RuntimeError:  # an operation that has one derivative only
            return self.network.linearize(self.states, self.inputs)[1].apply(vectors)

    def _twice_backwards(self, vectors: Tensor) -> Tensor:
        with torch.enable_grad():
            states = self.states.detach().clone().requires_grad_()
            value = self.network.step(states.clone(), self.inputs)
            if not value.requires_grad:
                return torch.zeros_like(vectors)
            covector = torch.zeros_like(value).requires_grad_()
            pulled = torch.autograd.grad(value, states, covector, create_graph=True, materialize_grads=True)[0]
            if not pulled.requires_grad:
                return torch.zeros_like(vectors)
            columns = vectors.permute(2, 0, 1)
            images = torch.autograd.grad(pulled, covector, columns, is_grads_batched=True, materialize_grads=True)[0]
        return images.detach().permute(1, 2, 0)
