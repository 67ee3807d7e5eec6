"""Environments whose values of actions are known."""

from typing import Any

import gymnasium as gym
import numpy as np
import torch

from rnn_dynamics.rl import TabularProblem


class TwoSteps(gym.Env[np.int64, np.int64]):
    """A cue, 0 or 1, is seen first; the second observation is 2 whatever the cue was, and the second action must be it.

    The first action is paid 0.1 if it is 1; the second 1 if it is the cue, else -1. Cues are drawn evenly: a policy
    with memory gets 0.1 + gamma, one without at most 0.1. Q of the first step is 0.1 a + gamma, of the second 1 or -1.
    """

    def __init__(self) -> None:
        self.action_space, self.observation_space = gym.spaces.Discrete(2), gym.spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.int64, dict[str, Any]]:
        super().reset(seed=seed)
        self.cue, self.time = int(self.np_random.integers(2)), 0
        return np.int64(self.cue), {}

    def step(self, action: Any) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        self.time += 1
        if self.time == 1:
            return np.int64(2), 0.1 * int(action), False, False, {}
        return np.int64(2), 1.0 if int(action) == self.cue else -1.0, True, False, {}


def two_steps() -> TabularProblem:
    """The same by states: cue seen (0, 1), cue remembered (2, 3), the end (4)."""
    next_states = torch.tensor([[2, 2], [3, 3], [4, 4], [4, 4], [4, 4]])
    rewards = torch.tensor([[0.0, 0.1], [0.0, 0.1], [1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    return TabularProblem(next_states, rewards, torch.arange(5) == 4)


def two_steps_values(gamma: float) -> torch.Tensor:
    """Q, [5, 2]."""
    first = [gamma, 0.1 + gamma]
    return torch.tensor([first, first, [1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)


def maze_values(length: int, gamma: float) -> torch.Tensor:
    """Q of the fully observed T-Maze in closed form, [2, L + 1, 4]: V(x) = 4 gamma^(L - x), and a bump stays."""
    V = 4 * gamma ** (length - torch.arange(length + 1, dtype=torch.float64))
    Q = (-0.1 + gamma * V).view(1, -1, 1).repeat(2, 1, 4)
    Q[:, :length, 0] = gamma * V[1:]  # right
    Q[:, 1:, 2] = gamma * V[:-1]  # left
    for goal, arm in enumerate((1, 3)):
        Q[goal, length, [1, 3]] = -0.1
        Q[goal, length, arm] = 4.0
    return Q
