"""Decision problems small enough for a table: what the best policy that sees the whole state is worth."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from ..checks import ArgumentError, Count, Share, Within, checked

Discount = Annotated[float, Within(0.0, 1.0, ends=False)]


@checked
@dataclass(frozen=True, eq=False)
class TabularProblem:
    """A finite problem: action a in state s leads to ``next_states[s, a]`` and pays ``rewards[s, a]``.

    With probability ``slip`` the action that is taken is one of all, drawn evenly, in place of the one that was chosen.
    """

    next_states: Tensor
    """Numbers of states, [S, A]."""

    rewards: Tensor
    """[S, A], float64."""

    ends: Tensor
    """Whether an episode that comes to a state has ended there, [S] of bool."""

    slip: Share = 0.0

    def __post_init__(self) -> None:
        """Refuse tables that do not fit each other."""
        shape = self.next_states.shape
        if len(shape) != 2 or self.rewards.shape != shape or self.ends.shape != shape[:1]:
            got = f"{list(shape)}, {list(self.rewards.shape)} and {list(self.ends.shape)}"
            raise ArgumentError("next_states", f"and rewards must be [S, A], ends [S]; got {got}")
        if bool(((self.next_states < 0) | (self.next_states >= shape[0])).any()):
            raise ArgumentError("next_states", f"must be numbers of the {shape[0]} states, from 0")

    @checked
    def action_values(self, gamma: Discount, *, tolerance: Annotated[float, Within(0.0, 1.0)] = 1e-12) -> Tensor:
        """The optimal values of actions, by value iteration.

            Q(s, a) = E[r + gamma max_b Q(s', b)],  without the second term where s' ends the episode

        Episodes are never truncated, as in what a Q-network learns that goes on from truncated episodes.

        Args:
            gamma: the discount factor, below 1.
            tolerance: the largest error; sweeps end once (change) gamma / (1 - gamma) is below it, in units of the
                largest reward.

        Returns:
            Q [S, A], float64; 0 in states that end episodes.
        """
        values = torch.zeros_like(self.rewards, dtype=torch.float64)
        enough = max(tolerance, 4 * torch.finfo(torch.float64).eps) * max(float(self.rewards.abs().max()), 1e-300)
        while True:
            improved = self._swept(values, gamma)
            change = float((improved - values).abs().max())
            values = improved
            if change * gamma <= enough * (1 - gamma):
                return values

    @checked
    def values_within(self, gamma: Share, steps: Count) -> Tensor:
        """The most that can be had from each state within so many steps, discounted, by backward induction, [S]."""
        values = torch.zeros_like(self.rewards, dtype=torch.float64)
        for _ in range(steps):
            values = self._swept(values, gamma)
        return values.amax(dim=1)

    def _swept(self, values: Tensor, gamma: float) -> Tensor:
        """One sweep of the equation over all states."""
        after = values.amax(dim=1).masked_fill(self.ends, 0.0)
        taken = self.rewards + gamma * after[self.next_states]
        taken = (1 - self.slip) * taken + self.slip * taken.mean(dim=1, keepdim=True)
        return taken.masked_fill(self.ends.unsqueeze(1), 0.0)
