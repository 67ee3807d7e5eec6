"""The rules of the T-Maze: a corridor, a sign at its start, and two arms at its end.

Positions x = 0..L along the corridor; at the junction x = L an arm leads up and one down, and one of them holds the
goal. The sign at x = 0 says which, and is seen from nowhere else. After Bakker (2001), with the numbers of Lambrechts
et al. (arXiv 2106.01001 and 2208.03520).
"""

from enum import IntEnum
from typing import Final


class Move(IntEnum):
    """Actions, by number."""

    RIGHT = 0
    UP = 1
    LEFT = 2
    DOWN = 3


class Seen(IntEnum):
    """What is observed, by number."""

    GOAL_UP = 0
    GOAL_DOWN = 1
    CORRIDOR = 2
    JUNCTION = 3


GOALS: Final = ("up", "down")
"""Where the goal is, by number: ``Seen`` at the start."""

REACHED: Final = 4.0
"""The reward for the arm with the goal."""

BUMP: Final = -0.1
"""The reward for a wall, and for the other arm."""

GAMMA: Final = 0.98
"""The discount factor that the published results are for."""

EXPLORATION: Final = (1 / 2, 1 / 6, 1 / 6, 1 / 6)
"""Probabilities of right, up, left and down while exploring: half of all steps go right, or ends would be rare."""

LONGEST: Final = 10**6
"""Of corridors: an episode has three times as many steps."""


def horizon(length: int) -> int:
    """Steps after which an episode is truncated: 3 L - 1."""
    return 3 * length - 1


def moved(position: int, move: int, goal: int, length: int) -> tuple[int, int | None, float]:
    """What one move does.

    Args:
        position: x, from 0 to ``length``.
        move: a ``Move``.
        goal: 0 for up, 1 for down.
        length: L.

    Returns:
        The next position; the arm that was entered (0 up, 1 down), which ends the episode, or None; the reward.
    """
    if move in (Move.UP, Move.DOWN):
        if position < length:
            return position, None, BUMP
        arm = 0 if move == Move.UP else 1
        return position, arm, REACHED if arm == goal else BUMP
    there = position + (1 if move == Move.RIGHT else -1)
    return (there, None, 0.0) if 0 <= there <= length else (position, None, BUMP)


def seen(position: int, goal: int, length: int) -> int:
    """What is observed at a position, and in the arms what is at the junction."""
    if position == 0:
        return Seen.GOAL_UP + goal
    return Seen.JUNCTION if position == length else Seen.CORRIDOR
