"""What plays: from what is seen at a step, and a memory, to the values of actions."""

import copy
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from ..checks import ArgumentError, checked
from ..systems import as_map
from ..training import SequenceModel
from .maze_rules import Move, Seen

INPUTS = len(Move) + 1 + len(Seen)
"""What an agent sees of a T-Maze: its action, the reward and an observation."""


@runtime_checkable
class Policy(Protocol):
    """Plays many episodes side by side, and takes the action of the greatest value, the first of several."""

    def step(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The values of actions [B, A] and the next memory, for inputs [B, m] (``World.input_size``).

        ``state`` is what the step before returned, and None at the first.
        """
        ...


@checked
class RecurrentPolicy:
    """A recurrent module whose readout are the values of actions, as it is now: a copy, in evaluation mode."""

    def __init__(self, model: SequenceModel) -> None:
        """Copy a model whose inputs are a world's and whose outputs are one value an action."""
        self._model = copy.deepcopy(model).eval().requires_grad_(False)
        self._time = 1 if getattr(model.recurrent, "batch_first", False) else 0

    def step(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step of the module from its own state, zero at first."""
        weight = self._model.readout.weight
        output, state = self._model.recurrent(inputs.to(weight).unsqueeze(self._time), state)
        return self._model.readout(output.squeeze(self._time)), state


def greedy(values: Tensor, argument: str) -> Tensor:
    """The action of the greatest value in each row, the first of several, [B].

    Raises:
        ValueError: for values that are not finite, of which none is the greatest.
    """
    if not bool(values.isfinite().all()):
        raise ArgumentError(argument, "must give finite values of actions, got NaN or infinite ones")
    return values.argmax(dim=1)


def require_maze_agent(model: SequenceModel, argument: str) -> None:
    """Refuse a model that is no agent of the T-Maze.

    Raises:
        ValueError: naming its sizes and those of one.
    """
    sizes, wanted = (as_map(model.recurrent).input_size, model.readout.out_features), (INPUTS, len(Move))
    if sizes != wanted:
        raise ArgumentError(argument, "must have {} inputs and {} outputs, got {} and {}".format(*wanted, *sizes))
