"""Episodes that agents play: by their values, by chance, or both."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from .members import AgentMembers

EXPLORING, PLAYING, EVALUATING, REPLAYING = range(1, 5)
"""What a draw is for: the last word of its seed, so that no two uses draw the same."""


class World(Protocol):
    """Environments side by side, as agents play in them; row i follows from its own seed alone."""

    actions: int
    observation_size: int
    exploration: Tensor

    def reset(self, seeds: Sequence[int]) -> Tensor:
        """Begin an episode for each seed: observations [B, k]."""
        ...

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Observations [B, k], rewards [B], and who terminated and who was truncated [B]; ended rows do not matter."""
        ...


class History(NamedTuple):
    """One episode of T steps."""

    inputs: Tensor
    """What the network saw, [T + 1, m]: previous action as one-hot, previous reward, observation."""

    terminated: bool
    """Whether the environment ended it; else it was cut off after its longest time."""

    rewards: Tensor
    """[T]."""

    @property
    def steps(self) -> int:
        return len(self.rewards)

    def discounted(self, gamma: float) -> float:
        """The return: the sum over t of gamma^t r_t."""
        powers = gamma ** torch.arange(self.steps, dtype=torch.float64)
        return float((powers * self.rewards.cpu().double()).sum())


Chooser = Callable[[Tensor], Tensor]
"""From the inputs [B, m] of a step to the actions [B]."""


def draws(seed: int, use: int, number: int) -> np.random.Generator:
    """What chance gives to the episode of that number, for one use of it."""
    return np.random.default_rng(np.random.SeedSequence([seed, number, use]))


def episode_seed(seed: int, use: int, number: int) -> int:
    """The seed of the environment in an episode."""
    return int(np.random.SeedSequence([seed, number, use, 1]).generate_state(1)[0] >> 1)


def played(world: World, seeds: Sequence[int], choose: Chooser) -> list[History]:
    """Play an episode for each seed, all side by side until the last has ended."""
    observations = world.reset(seeds)
    B, actions = len(seeds), world.actions
    inputs = [torch.cat([observations.new_zeros(B, actions + 1), observations], dim=1)]
    steps, over = torch.zeros(B, dtype=torch.int64), torch.zeros(B, dtype=torch.bool)
    terminated = over.clone()
    while not bool(over.all()):
        chosen = choose(inputs[-1])
        observations, rewards, ended, cut = world.step(chosen)
        taken = one_hot(chosen, actions).to(observations)
        inputs.append(torch.cat([taken, rewards.to(observations).unsqueeze(1), observations], dim=1))
        terminated |= ended.cpu() & ~over
        steps += ~over
        over |= (ended | cut).cpu()
    whole = torch.stack(inputs, dim=1)
    return [
        History(own[: n + 1], end, own[1 : n + 1, actions])
        for own, n, end in zip(whole, steps.tolist(), terminated.tolist(), strict=True)
    ]


def exploring(world: World, generators: Sequence[np.random.Generator]) -> Chooser:
    """Actions from the exploration policy, each row with draws of its own."""

    def choose(inputs: Tensor) -> Tensor:
        return _explored(world, [generator.random() for generator in generators], inputs.device)

    return choose


Strays = Callable[[torch.device], tuple[Tensor, Tensor]]
"""At each step: which rows take another action than the best, and which, both [B]."""


def straying(world: World, epsilon: float, generators: Sequence[np.random.Generator]) -> Strays:
    """With probability epsilon an action from the exploration policy, each row with draws of its own."""

    def strays(device: torch.device) -> tuple[Tensor, Tensor]:
        pairs = np.array([generator.random(2) for generator in generators])
        return torch.from_numpy(pairs[:, 0] < epsilon).to(device), _explored(world, pairs[:, 1], device)

    return strays


def by_values(members: AgentMembers, each: int, strays: Strays | None = None) -> Chooser:
    """The actions that agents value most; of B rows the first ``each`` are of the first agent, and so on."""
    states = torch.zeros(len(members), each, members.state_size, device=members.device, dtype=members.dtype)

    def choose(inputs: Tensor) -> Tensor:
        nonlocal states
        values, states = members.advance(inputs.to(states).view(len(members), each, -1), states)
        best = values.argmax(dim=-1).flatten().to(inputs.device)
        if strays is None:
            return best
        which, others = strays(inputs.device)
        return torch.where(which, others, best)

    return choose


def _explored(world: World, numbers: Sequence[float] | np.ndarray, device: torch.device) -> Tensor:
    """Actions of the exploration policy, from uniform numbers [B]."""
    bounds = world.exploration.double().cumsum(0)[:-1]
    return torch.searchsorted(bounds, torch.tensor(np.ascontiguousarray(numbers)), right=True).to(device)
