"""Temporal differences: what the values of an agent are drawn to."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Transitions(NamedTuple):
    """What happened at each step of a batch of histories, and what the target network thinks of it."""

    actions: Tensor
    """int64 [b, T]."""

    rewards: Tensor
    """[b, T]."""

    discounts: Tensor
    """[b, T], 0 where the environment ended the episode."""

    values: Tensor
    """Of the target network for all T + 1 inputs, [b, T + 1, d]."""


class TemporalDifferences:
    """Batches of E agents, as a lesson of ``Members``: the mean over all transitions of the squared difference

        Q(x_0..x_t, a_t) - (r_t + gamma Q'(x_0..x_t+1, a*)),    a* = argmax of Q' or, if ``double``, of Q

    where Q' is the target network, run over the same whole histories in one pass. An episode that the environment
    terminated has no future; one that was cut off after its longest time has.
    """

    def __init__(
        self, inputs: Tensor, lengths: Tensor, terminated: Tensor, values: Tensor, gamma: float, double: bool
    ) -> None:
        """Set up for inputs [E, b, T + 1, m], lengths in inputs and ends [E, b], target values [E, b, T + 1, d]."""
        self.input_size = inputs.shape[-1]
        self._inputs, self._lengths, self._terminated, self._values = inputs, lengths, terminated, values
        self._gamma, self._double = gamma, double

    def batch(self, rows: Any) -> tuple[Tensor, Transitions, Tensor]:
        """Those of agent number ``rows``."""
        inputs, lengths, values = self._inputs[rows], self._lengths[rows], self._values[rows]
        actions = values.shape[-1]
        after = inputs[:, 1:]
        last = torch.arange(after.shape[1]) == (lengths - 2).unsqueeze(1)
        over = last & self._terminated[rows].unsqueeze(1)
        discounts = self._gamma * (~over).to(inputs)
        taken = after[..., :actions].argmax(dim=-1)
        return inputs, Transitions(taken, after[..., actions], discounts, values), lengths

    def loss(self, outputs: Tensor, targets: Transitions, lengths: Tensor) -> Tensor:
        """The mean over all transitions of a batch, for the values [b, T + 1, d] of the network that learns."""
        chosen = outputs[:, :-1].gather(-1, targets.actions.unsqueeze(-1)).squeeze(-1)
        judge = outputs.detach() if self._double else targets.values
        best = judge[:, 1:].argmax(dim=-1, keepdim=True)
        future = targets.values[:, 1:].gather(-1, best).squeeze(-1)
        differences = chosen - (targets.rewards + targets.discounts * future)
        own = (torch.arange(chosen.shape[1]) < (lengths - 1).unsqueeze(1)).to(chosen.device)
        return torch.where(own, differences, 0.0).square().sum() / own.sum()
