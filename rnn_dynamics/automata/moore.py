"""Moore machines: automata whose states each give an output, as agents with memory are seen from outside."""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checks import ArgumentError, checked
from ..results import Result
from ..store import storable

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False, repr=False)
class MooreMachine(Result):
    """A minimal Moore machine: states told apart by nothing but what they and their successors put out.

    State 0 is the initial one, before the first letter; the others are in the order in which a breadth-first walk
    meets them, so that two machines behave alike if and only if they are equal (Moore 1956, doi
    10.1515/9781400882618-006).
    """

    letters: tuple[str, ...]
    """What it reads."""

    outputs: tuple[str, ...]
    """Of each state."""

    transitions: Tensor
    """[states, letters]: the next state; -1 where the letter cannot come."""

    depth: int
    """It was compared with what it was learned from on every word of at most so many letters."""

    words: int
    """How many words that were."""

    agrees: bool
    """Whether it put out the same on all of them; False where it would have had more states than were allowed."""

    def __len__(self) -> int:
        return len(self.outputs)

    def summary(self) -> str:
        states = "1 state" if len(self) == 1 else f"{len(self)} states"
        if not self.agrees:
            return f"Moore machine of {states}, not the whole: what it was learned from tells apart more histories"
        return f"minimal Moore machine of {states}, exact for all {self.words} histories of up to {self.depth} letters"

    @property
    def advice(self) -> tuple[str, ...]:
        if self.agrees:
            return ()
        return (
            "no machine of so few states does what the agent does: it counts steps (a drift, not a memory), or knows"
            " more histories than it needs; allow more states, or a smaller depth",
        )

    def to_pandas(self) -> "pd.DataFrame":
        """A row a state: its output, and the next state for each letter, empty where the letter cannot come."""
        import pandas as pd

        following = [["" if to < 0 else str(to) for to in row] for row in self.transitions.tolist()]
        table = pd.DataFrame(following, columns=list(self.letters))
        table.insert(0, "output", list(self.outputs))
        table.index.name = "state"
        return table

    def to_networkx(self) -> "nx.MultiDiGraph":
        """The states as nodes with ``output``, the transitions as edges with ``label``: their letter."""
        import networkx as nx

        graph = nx.MultiDiGraph()
        for state, output in enumerate(self.outputs):
            graph.add_node(state, output=output)
        for state, row in enumerate(self.transitions.tolist()):
            for letter, to in zip(self.letters, row, strict=True):
                if to >= 0:
                    graph.add_edge(state, to, key=letter, label=letter)
        return graph

    @checked
    def difference(self, other: "MooreMachine") -> tuple[str, ...] | None:
        """A shortest word after which two machines put out different things; None if there is none.

        A letter that can come for one of them alone makes a difference too.

        Raises:
            ValueError: for a machine with other letters.
        """
        if self.letters != other.letters:
            raise ArgumentError("other", f"must read the letters {self.letters}, reads {other.letters}")
        seen = {(0, 0)}
        waiting: deque[tuple[int, int, tuple[str, ...]]] = deque([(0, 0, ())])
        while waiting:
            mine, its, word = waiting.popleft()
            if self.outputs[mine] != other.outputs[its]:
                return word
            for letter, here, there in zip(
                self.letters, self.transitions[mine].tolist(), other.transitions[its].tolist(), strict=True
            ):
                if (here < 0) != (there < 0):
                    return (*word, letter)
                if here >= 0 and (here, there) not in seen:
                    seen.add((here, there))
                    waiting.append((here, there, (*word, letter)))
        return None


def in_walking_order(outputs: list[str], table: list[list[int]]) -> tuple[tuple[str, ...], Tensor]:
    """Outputs and transitions of a machine, its states numbered as a breadth-first walk from state 0 meets them."""
    order, waiting = {0: 0}, deque([0])
    while waiting:
        for to in table[waiting.popleft()]:
            if to >= 0 and to not in order:
                order[to] = len(order)
                waiting.append(to)
    transitions = torch.full((len(order), len(table[0])), -1)
    for state, row in order.items():
        transitions[row] = torch.tensor([order[to] if to >= 0 else -1 for to in table[state]])
    return tuple(outputs[state] for state in order), transitions
