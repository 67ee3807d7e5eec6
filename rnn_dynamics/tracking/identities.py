"""Who is who among the sets of a training: identities, and the events in their lives."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class Event:
    """A birth, a death, or a change of stability or kind, in the life of one identity."""

    kind: str
    """"birth", "death", "stable", "unstable" (from now on), "kind" (of attractor changed) or "found late"."""

    how: str
    """The bifurcation: "fold", "pitchfork", "flip", "Neimark-Sacker", "branch point"; or "unresolved"."""

    identity: int
    partner: int
    """The identity born or dead together with it, or -1."""

    before: int
    """The last step, of those whose weights are known, at which it had not happened."""

    step: int
    """The first one at which it had: ``before`` and ``step`` are its bracket."""

    at: float
    """Where between, by the straight line between the weights of the two; NaN if unresolved."""

    state: Tensor
    """The state at which a birth or death took place, [n]; NaN if it is not known."""

    @property
    def width(self) -> int:
        """Steps in its bracket: 1 is an event that is located to the update."""
        return self.step - self.before


@storable
@dataclass(frozen=True, eq=False)
class Identities(Table, whole=("labels", "events", "steps", "way"), in_order=True):
    """Who is who: for every observation the identity of each set, and what happened to each; ``len`` counts them.

    ``identities[3]`` and the like are choices of identities (see ``tables.Table``), numbered anew: -1 is one that was
    not chosen.
    """

    labels: tuple[Tensor, ...]
    """For each observation the identity of each of its sets, [s] each."""

    events: tuple[Event, ...]
    """In the order of steps."""

    steps: Tensor
    """Of the observations, [o]."""

    way: tuple[tuple[Tensor, ...], ...] = ()
    """The same for the waypoints on the way to each observation: some identities live between two looks only."""

    def __len__(self) -> int:
        return 1 + max((int(labels.max()) for labels in self.stages if len(labels)), default=-1)

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        place = torch.full((len(self) + 1,), -1)  # one more, which -1 points at
        place[rows] = torch.arange(len(rows))
        number = place.tolist()
        return {
            "labels": tuple(place[labels] for labels in self.labels),
            "way": tuple(tuple(place[labels] for labels in between) for between in self.way),
            "events": tuple(
                replace(event, identity=number[event.identity], partner=number[event.partner])
                for event in self.events
                if number[event.identity] >= 0
            ),
        }

    @property
    def stages(self) -> tuple[Tensor, ...]:
        """The labels of all waypoints and observations in the order of steps, like ``TrackingHistory.stages``."""
        way = self.way or ((),) * len(self.labels)
        return tuple(labels for between, own in zip(way, self.labels, strict=True) for labels in (*between, own))

    def rows(self, identity: int) -> list[tuple[int, int]]:
        """The (observation, row) pairs of one identity."""
        found = [(labels == identity).nonzero().flatten().tolist() for labels in self.labels]
        return [(index, rows[0]) for index, rows in enumerate(found) if rows]

    def life(self, identity: int) -> list[tuple[int, int]]:
        """The (stage, row) pairs of one identity, the waypoints among them."""
        found = [(labels == identity).nonzero().flatten().tolist() for labels in self.stages]
        return [(index, rows[0]) for index, rows in enumerate(found) if rows]

    def to_pandas(self) -> "pd.DataFrame":
        """One row per event; ``before`` and ``step`` are its bracket, ``width`` the steps in it."""
        import pandas as pd

        columns = ("kind", "how", "identity", "partner", "before", "step", "at", "width")
        return pd.DataFrame([[getattr(event, name) for name in columns] for event in self.events], columns=columns)

    def summary(self) -> str:
        """One line."""
        kinds = [event.kind for event in self.events]
        parts = [f"{kinds.count(kind)} {text}" for kind, text in _WORDS.items() if kind in kinds]
        counts = f"{self._counted('identity', 'identities')} over {number_of(len(self.labels), 'observation')}"
        return f"{counts}: {', '.join(parts) or 'no event'}"


_WORDS = {
    "birth": "born",
    "death": "died",
    "stable": "became stable",
    "unstable": "became unstable",
    "kind": "changed kind",
    "found late": "found late",
}


def number_of(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
