"""Environments as agents meet them: many episodes side by side, observations as vectors, each row of its own seed."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor


class World(ABC):
    """Episodes side by side, as many as seeds are given; row i follows from its seed and its actions alone."""

    actions: int
    """How many there are, A."""

    observation_size: int
    """Numbers in an observation, k: a Discrete one is one-hot, a Box flattened."""

    exploration: Tensor
    """Probabilities of actions while exploring, [A], float64: the environment's ``exploration_policy``, or even."""

    gamma: float | None
    """The environment's discount factor, None if it has none."""

    identity: str
    """Environment and settings in words, to tell whether another is the same."""

    cases: int | None = None
    """How many different episodes there are for an agent that draws nothing; None where the environment draws."""

    most: int | None = None
    """How many episodes can run side by side; None for any number."""

    @property
    def input_size(self) -> int:
        """What a network sees at a step: previous action as one-hot, previous reward, observation: m = A + 1 + k."""
        return self.actions + 1 + self.observation_size

    @abstractmethod
    def reset(self, seeds: Sequence[int]) -> Tensor:
        """Begin an episode for each seed: observations [B, k], float32."""

    def optimal_return(self, gamma: float) -> float:  # noqa: ARG002
        """The discounted return that the best policy can expect; NaN if nobody knows it."""
        return math.nan

    def reset_cases(self, copies: int = 1) -> Tensor:
        """Begin one episode of each of the ``cases``, copy after copy: observations [copies cases, k]."""
        raise NotImplementedError("only worlds that have cases begin one of each")

    @abstractmethod
    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One step of every row whose episode is not over.

        Args:
            actions: int64 [B], from 0 to A - 1.

        Returns:
            Observations [B, k]; rewards [B], float64; who was terminated and who truncated by this step, [B] of bool.
            Rows that are over rest, with rewards of 0.
        """


def no_previous(observations: Tensor, actions: int) -> Tensor:
    """What a network sees at the first step, [B, m]: no previous action, no reward, and the observation."""
    return torch.cat([observations.new_zeros(len(observations), actions + 1), observations], dim=1)


def after(actions: Tensor, rewards: Tensor, observations: Tensor, count: int) -> Tensor:
    """What a network sees after a step, [B, m]: the action of ``count`` as one-hot, the reward, the observation."""
    taken = torch.nn.functional.one_hot(actions, count).to(observations)
    return torch.cat([taken, rewards.to(observations).unsqueeze(1), observations], dim=1)
