"""The automaton that an agent has learned in the T-Maze, and the maze's own."""

from typing import Any

import torch

from ..automata import MooreMachine, learn_moore_machine
from ..checks import Count, checked
from ..training import SequenceModel
from .maze_rules import GOALS, Move, Seen
from .policies import Policy, RecurrentPolicy, greedy, require_maze_agent
from .worlds import after, no_previous

LETTERS = (*GOALS, "corridor", "junction")
"""What is observed, in the order of ``Seen``."""

START = "start"
"""What is put out before anything was seen."""


@checked
def learned_automaton(policy: SequenceModel | Policy, *, depth: Count = 100, most: Count = 64) -> MooreMachine:
    """The smallest Moore machine that acts as an agent does while it walks mazes of up to ``depth`` observations.

    It reads what is observed, one of "up" and "down" and then "corridor" any number of times until "junction", and
    puts out the greedy action. The agent is shown these whatever it does, with its own action before and a reward of 0:
    what it meets in a maze as long as it goes right. States are merged if no history to come tells them apart by an
    action; all histories are tried, so that the machine is exact for corridors that end within ``depth``.

    Args:
        policy: an object with ``step(inputs [B, 9], state) -> (values [B, 4], state)``, or a ``SequenceModel``.
        depth: observations at most: a memory that fades after more is not told from one that lasts. 100 by default.
        most: states at most; an agent that forgets after k steps counts, and has about k.

    Returns:
        The machine: ``difference(maze_automaton())`` is the shortest history after which the agent does wrong.

    Raises:
        ValueError: for a model of another task, and values that are not finite.
    """
    if isinstance(policy, SequenceModel):
        require_maze_agent(policy, "policy")
        policy = RecurrentPolicy(policy)
    return learn_moore_machine(_Asked(policy), LETTERS, _walks, depth=depth, most=most)


@checked
def maze_automaton(*, depth: Count = 100) -> MooreMachine:
    """The smallest machine that is optimal in every T-Maze: two memories, told apart by the sign, each with its turn.

    Args:
        depth: observations at most, as in ``learned_automaton``; its five states are the same for every depth from 3.
    """
    return learn_moore_machine(_Optimal(), LETTERS, _walks, depth=depth, most=5)


def _walks(history: tuple[str, ...]) -> tuple[str, ...]:
    """What can be seen next on a walk along the corridor."""
    if not history:
        return GOALS
    return () if history[-1] == "junction" else ("corridor", "junction")


class _Asked:
    """A policy, shown one observation after the other; what it did last is shown with them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def begin(self) -> tuple[Any, str]:
        return (None, None), START

    @torch.no_grad()
    def follow(self, memory: Any, letter: str) -> tuple[Any, str]:
        state, action = memory
        seen = torch.eye(len(Seen))[LETTERS.index(letter)].unsqueeze(0)
        if action is None:
            inputs = no_previous(seen, len(Move))
        else:
            inputs = after(torch.tensor([action]), torch.zeros(1), seen, len(Move))
        values, state = self._policy.step(inputs, state)
        action = int(greedy(values, "policy"))
        return (state, action), Move(action).name.lower()


class _Optimal:
    """Right, and at the junction where the sign pointed."""

    def begin(self) -> tuple[Any, str]:
        return "", START

    def follow(self, memory: Any, letter: str) -> tuple[Any, str]:
        if letter in GOALS:
            return letter, "right"
        return memory, memory if letter == "junction" else "right"
