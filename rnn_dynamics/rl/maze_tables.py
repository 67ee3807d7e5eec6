"""The T-Maze as tables, for programs that step many mazes at once.

The states of one maze are 2 (L + 3): for each goal the positions 0..L, then the arms up and down, where episodes end.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .maze_rules import BUMP, REACHED, Move, Seen
from .tabular import TabularProblem


@dataclass(frozen=True, eq=False)
class MazeTables:
    """What every action does in every state, of mazes of one length or of several, one after the other."""

    next_states: Tensor
    """[S, 4]."""

    rewards: Tensor
    """[S, 4], float64."""

    ends: Tensor
    """[S]: the arms."""

    seen: Tensor
    """What is observed, [S]."""

    places: Tensor
    """The observation of who sees everything: g (L + 1) + x, the junction's in the arms, [S]."""

    firsts: Tensor
    """The states at x = 0 of each maze for goal up and goal down, [mazes, 2]."""

    def problem(self, slip: float) -> TabularProblem:
        """The same as a decision problem."""
        return TabularProblem(self.next_states, self.rewards, self.ends, slip)

    def to(self, device: torch.device) -> "MazeTables":
        """The same on another device."""
        return MazeTables(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def maze_tables(*lengths: int) -> MazeTables:
    """The tables of mazes of these lengths."""
    parts, firsts, offset = [], [], 0
    for length in lengths:
        for goal in range(2):
            firsts.append(offset)
            parts.append(_one_goal(length, goal, offset))
            offset += length + 3
    next_states, rewards, ends, seen, places = (torch.cat(column) for column in zip(*parts, strict=True))
    return MazeTables(next_states, rewards, ends, seen, places, torch.tensor(firsts).view(-1, 2))


def _one_goal(length: int, goal: int, offset: int) -> tuple[Tensor, ...]:
    """Next states, rewards, ends, observations and places of a maze whose goal is known."""
    there = torch.arange(length + 3)
    corridor, junction, arms = there < length, there == length, there > length
    up = torch.where(junction, length + 1, there)
    down = torch.where(junction, length + 2, there)
    right, left = torch.where(corridor, there + 1, there), (there - 1).clamp(min=0)
    next_states = torch.empty(length + 3, 4, dtype=torch.long)
    for move, after in ((Move.RIGHT, right), (Move.UP, up), (Move.LEFT, left), (Move.DOWN, down)):
        next_states[:, move] = torch.where(arms, there, after)
    rewards = torch.zeros(length + 3, 4, dtype=torch.float64).masked_fill(next_states == there.unsqueeze(1), BUMP)
    rewards[length, Move.UP], rewards[length, Move.DOWN] = (REACHED, BUMP) if goal == 0 else (BUMP, REACHED)
    rewards[arms] = 0.0
    seen = torch.full((length + 3,), int(Seen.CORRIDOR))
    seen[0], seen[length:] = int(Seen.GOAL_UP) + goal, int(Seen.JUNCTION)
    places = goal * (length + 1) + there.clamp(max=length)
    return next_states + offset, rewards, arms, seen, places
