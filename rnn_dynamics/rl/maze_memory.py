"""How an agent keeps the two goals of the T-Maze apart while it walks the corridor: attractors, or a slow drift."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..attractors import Attractors, Settle, find_attractors
from ..checks import ArgumentError, Count, checked
from ..results import Result
from ..store import storable
from ..systems import as_map
from ..training import SequenceModel
from .held import held_input
from .maze import Length, TMaze
from .maze_rules import GOALS, Move, Seen
from .policies import RecurrentPolicy, greedy, require_maze_agent
from .worlds import after, no_previous

if TYPE_CHECKING:
    import pandas as pd

_APART = 1e-3
"""Of states that run on one cycle: phases differ by far more, and what is in phase by far less after many steps."""


@storable
@dataclass(frozen=True, eq=False)
class MazeMemory(Result):
    """Where the states after the sign "up" and after "down" go while the corridor is all that an agent sees."""

    _dimensions: ClassVar = {"separation": ("step",), "right": ("maze",)}

    attractors: Attractors
    """Of the corridor's input held; its ``labels`` are those of the two goals."""

    separation: Tensor
    """|h_up - h_down| after 0, 1, 2, ... steps of the corridor, [depth + 1]."""

    time_constants: Tensor
    """For each goal, [2]: -1 / (leading exponent), the steps in which what is left of the way to its attractor falls by
    a factor of e; NaN where it settles on no fixed point or cycle."""

    right: Tensor
    """Whether it does right, for both goals, in mazes of length 1, 2, ...: on the way and at the junction, [depth]."""

    length: int
    """Of the maze that it was trained in."""

    @property
    def depth(self) -> int:
        """The longest maze that was tried."""
        return len(self.right)

    @property
    def fails_at(self) -> int | None:
        """The shortest maze, from that of training on, in which it does wrong; None for none that was tried."""
        wrong = (~self.right[self.length - 1 :]).nonzero().flatten()
        return self.length + int(wrong[0]) if len(wrong) else None

    @property
    def kept(self) -> bool:
        """Whether the goals are kept apart for ever: their states settle on two attractors, or in two phases of one."""
        up, down = self.attractors.labels.tolist()
        return up >= 0 and down >= 0 and (up != down or self._out_of_phase)

    @property
    def _out_of_phase(self) -> bool:
        """Whether both run on one cycle whose states are never the same: they are still apart after ``depth`` steps."""
        up, down = self.attractors.labels.tolist()
        return up == down >= 0 and int(self.attractors.periods[up]) > 1 and float(self.separation[-1]) > _APART

    @property
    def verdict(self) -> str:
        """Attractors or drift, with its time constant, in a sentence."""
        lengths = f"mazes of length {self.length} to {self.depth}" if self.depth > self.length else "its maze"
        right = f"does right in {lengths}"
        if self.fails_at is not None:
            right = f"does wrong in a maze of length {self.fails_at}"
        labels, outcomes = self.attractors.labels.tolist(), self.attractors.outcomes
        if self._out_of_phase:
            return f"two goals are two phases of one {self.attractors.kinds[labels[0]]}: the agent {right}"
        if self.kept:
            kinds = " and a ".join(self.attractors.kinds[label] for label in labels)
            return f"two goals are two attractors, a {kinds}: the agent {right}"
        if min(labels) >= 0:
            slowest = float(self.time_constants.max())
            pace = "" if math.isnan(slowest) else f", with a time constant of {slowest:.3g} steps"
            return f"both goals drift to one {self.attractors.kinds[labels[0]]}{pace}: the agent {right}"
        ends = " and ".join(str(outcome) for outcome in outcomes)
        return f"what is kept of the goals is not known ({ends}): the agent {right}"

    def summary(self) -> str:
        """One line."""
        return self.verdict

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each goal."""
        import pandas as pd

        labels = self.attractors.labels.tolist()
        return pd.DataFrame(
            {
                "attractor": labels,
                "kind": [self.attractors.kinds[label] if label >= 0 else "" for label in labels],
                "outcome": [str(outcome) for outcome in self.attractors.outcomes],
                "time_constant": self.time_constants.tolist(),
            },
            index=pd.Index(GOALS, name="goal"),
        )


@checked
@torch.no_grad()
def maze_memory(
    model: SequenceModel, length: Length, *, depth: Count = 1000, settle: Settle | None = None, seed: int = 0
) -> MazeMemory:
    """Tell whether an agent keeps the goals of the T-Maze apart by two attractors, or by a drift that is slow enough.

    The corridor looks the same at every step, so that an agent that walks it iterates h -> F(h) under one held input,
    from the state h_up or h_down that the sign left. For corridors of every length the two must end on two
    attractors; if they end on one, they are told apart for a time that its leading multiplier sets.

    Args:
        model: an agent of the T-Maze, as ``q_network`` makes it.
        length: of the maze that it was trained in.
        depth: the longest maze that is tried for what it does, as long as that at least; attractors are for ever.
        settle: how the states settle, as in ``find_attractors``.
        seed: of ``find_attractors``.

    Raises:
        ValueError: for a model with other inputs or outputs than nine and four, or a depth below the length.
    """
    network = as_map(model.recurrent).frozen(torch.float64)
    require_maze_agent(model, "model")
    if depth < length:
        raise ArgumentError("depth", f"must be {length} or more, the length of training, got {depth}")
    corridor = held_input(TMaze(1), Move.RIGHT, Seen.CORRIDOR)
    signs = torch.eye(len(Seen), dtype=torch.float64)[:2]
    zero = torch.zeros(2, network.state_size, dtype=torch.float64)
    states = network.step(zero, no_previous(signs, len(Move)))
    system = network.hold(corridor)
    found = find_attractors(system, states, settle=settle, seed=seed)
    separation, walked = [], states
    for _ in range(depth + 1):
        separation.append((walked[0] - walked[1]).norm())
        walked = system(walked)
    return MazeMemory(
        attractors=found,
        separation=torch.stack(separation),
        time_constants=torch.tensor([_time_constant(found, label) for label in found.labels.tolist()]),
        right=_right(RecurrentPolicy(model), depth),
        length=length,
    )


def _right(policy: RecurrentPolicy, depth: int) -> Tensor:
    """Whether it walks on all the way in mazes of length 1, 2, ... ``depth``, and turns to the goal; of both goals."""
    goals = torch.tensor([Move.UP, Move.DOWN])
    seen = torch.eye(len(Seen))
    inputs, state = no_previous(seen[:2], len(Move)), None
    walking, right = torch.ones((), dtype=torch.bool), []
    for _ in range(depth):
        values, state = policy.step(inputs, state)
        actions = greedy(values, "model").cpu()
        walking = walking & (actions == Move.RIGHT).all()
        turns = policy.step(after(actions, torch.zeros(2), seen[[Seen.JUNCTION] * 2], len(Move)), state)[0]
        right.append(walking & (turns.argmax(dim=1).cpu() == goals).all())
        inputs = after(actions, torch.zeros(2), seen[[Seen.CORRIDOR] * 2], len(Move))
    return torch.stack(right)


def _time_constant(found: Attractors, label: int) -> float:
    """-1 / (leading exponent); NaN where there is no attractor, or one on which nothing falls off."""
    if label < 0 or not int(found.periods[label]):
        return math.nan
    return -1 / float(found.evidence[label].exponents[0])
