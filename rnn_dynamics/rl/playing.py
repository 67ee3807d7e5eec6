"""Episodes that agents play: by their values, by chance, or both."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .members import AgentMembers
from .worlds import World, after, no_previous

EXPLORING, PLAYING, EVALUATING, REPLAYING = range(1, 5)
"""What a draw is for: the last word of its seed, so that no two uses draw the same."""


class History(NamedTuple):
    """One episode of T steps."""

    inputs: Tensor
    """What the network saw, [T + 1, m]: previous action as one-hot, previous reward, observation."""

    terminated: bool
    """Whether the environment ended it; else it was cut off after its longest time."""

    rewards: Tensor
    """float64 [T]."""

    @property
    def steps(self) -> int:
        return len(self.rewards)

    def discounted(self, gamma: float) -> float:
        """The return: the sum over t of gamma^t r_t."""
        powers = gamma ** torch.arange(self.steps, dtype=torch.float64)
        return float((powers * self.rewards.cpu()).sum())


Chooser = Callable[[Tensor], Tensor]
"""From the inputs [B, m] of a step to the actions [B]."""


def draws(seed: int, use: int, number: int) -> np.random.Generator:
    """What chance gives to the episode of that number, for one use of it."""
    return np.random.default_rng(np.random.SeedSequence([seed, number, use]))


def episode_seed(seed: int, use: int, number: int) -> int:
    """The seed of the environment in an episode."""
    return int(np.random.SeedSequence([seed, number, use, 1]).generate_state(1)[0] >> 1)


def played(world: World, observations: Tensor, choose: Chooser, longest: int) -> list[History]:
    """Play on from the first observations [B, k] of a world, until all episodes end or have ``longest`` steps."""
    inputs, rewards = [no_previous(observations, world.actions)], []
    steps = torch.zeros(len(observations), dtype=torch.int64)
    over = torch.zeros(len(observations), dtype=torch.bool)
    terminated = over.clone()
    while len(rewards) < longest and not bool(over.all()):
        actions = choose(inputs[-1])
        observations, paid, ended, cut = world.step(actions)
        inputs.append(after(actions, paid, observations, world.actions))
        rewards.append(paid)
        terminated |= ended.cpu()
        steps += ~over
        over |= (ended | cut).cpu()
    seen, gained = torch.stack(inputs, dim=1), torch.stack(rewards, dim=1).double()
    return [
        History(own[: n + 1], end, paid[:n])
        for own, paid, n, end in zip(seen, gained, steps.tolist(), terminated.tolist(), strict=True)
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
