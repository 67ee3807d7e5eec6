"""What warmup descends on: the published distance of VAA* from its target, or codes of planted blocks that differ."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from ..planting import Planting
from ..systems import DrivenMap, last_within
from .horizon import Horizon
from .parts import WarmedPart


class Objective(ABC):
    """A loss of sampled states, and the settings that go with it where the caller gives none."""

    lr: float
    horizon: Horizon

    @abstractmethod
    def loss(self, states: Tensor, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """VAA*, a number for each part [parts], and the loss [] of states [n, state] after ``steps`` held steps."""


class Published(Objective):
    """The mean over layers of (VAA* - target)^2, each layer moved alone."""

    lr, horizon = 1e-2, Horizon()

    def __init__(self, parts: Sequence[WarmedPart], target: float, epsilon: float, memory_budget: int) -> None:
        self._parts, self._target, self._epsilon = parts, target, epsilon
        self._budget = memory_budget // len(parts)

    def loss(self, states: Tensor, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        values = torch.stack(
            [part.soft_vaa(states, steps, self._epsilon, generator, self._budget) for part in self._parts]
        )
        return values, (values - self._target).square().mean()


class Codes(Objective):
    """Codes of planted blocks that differ between sequences, far from the ridges between their two states.

    y_b = x_b / rest_b is a block's state after the held steps and b = tanh(4 y) its soft bit; d_ij = |b_i - b_j|^2 / 4
    is by how many bits two states differ:

        loss = mean_{i != j} e^(-d_ij) + mean (0.7 - |y|)_+^2 / 5 + mean_b (mean_i b_ib)^2 / 16

    The first term is the chance that two states share a code, whose negative logarithm is the codes' collision entropy;
    the second keeps a margin; the third lets no bit be the same for all.
    """

    lr = 1e-3
    """At 1e-2 blocks melt into slow drift within a hundred updates."""

    horizon = Horizon(start=30, growth=0, longest=30)
    """Steps in which a block of the default time scales has decided."""

    def __init__(self, network: DrivenMap, planting: Planting, memory_budget: int) -> None:
        self._network, self._budget = network, memory_budget
        rests = planting.rests.nan_to_num(1.0)
        self._readouts = (planting.readouts / rests[:, None]).T.to(network.device, network.dtype)

    def loss(self, states: Tensor, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        n, inputs = len(states), self._network.input_size
        held = torch.randn(inputs, generator=generator, dtype=torch.float32).to(states)
        ends = last_within(self._network.last_states, held.expand(steps, n, inputs), states, self._budget)
        blocks = ends @ self._readouts
        bits = (4 * blocks).tanh()
        differing = (bits.unsqueeze(0) - bits.unsqueeze(1)).square().sum(dim=-1) / 4
        same = (-differing).exp()
        shared = (same.sum() - n) / (n * (n - 1))
        margin = (0.7 - blocks.abs()).clamp(min=0).square().mean()
        told_apart = same.sum(dim=1).reciprocal().mean()  # as VAA counts, of codes
        return told_apart.reshape(1), shared + margin / 5 + bits.mean(dim=0).square().mean() / 16
