"""Which set of one observation is which of the next: the identities, and the events in their lives."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..checks import require_positive
from ..store import storable
from .invariant_sets import InvariantSets
from .observation import Observation, Passage, unfollowed


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
    """The last step at which it had not happened."""

    step: int
    """The first step at which it had."""

    at: float
    """Where between, by the straight line between the weights; NaN if unresolved."""

    state: Tensor
    """The state at which a birth or death took place, [n]; NaN if it is not known."""


@storable
@dataclass(frozen=True, eq=False)
class Identities:
    """Who is who: for every observation the identity of each set, and what happened to each."""

    labels: tuple[Tensor, ...]
    """For each observation the identity of each of its sets, [s] each."""

    events: tuple[Event, ...]
    """In the order of steps."""

    steps: Tensor
    """Of the observations, [o]."""

    def __len__(self) -> int:
        return 1 + max((int(labels.max()) for labels in self.labels if len(labels)), default=-1)

    def rows(self, identity: int) -> list[tuple[int, int]]:
        """The (observation, row) pairs of one identity."""
        found = [(labels == identity).nonzero().flatten().tolist() for labels in self.labels]
        return [(index, rows[0]) for index, rows in enumerate(found) if rows]

    def to_pandas(self) -> pd.DataFrame:
        """One row per event."""
        columns = ("kind", "how", "identity", "partner", "before", "step", "at")
        return pd.DataFrame([[getattr(event, name) for name in columns] for event in self.events], columns=columns)

    def summary(self) -> str:
        """One line."""
        kinds = [event.kind for event in self.events]
        parts = [f"{kinds.count(kind)} {text}" for kind, text in _WORDS.items() if kind in kinds]
        counts = f"{counted(len(self), 'identity', 'identities')} over {counted(len(self.labels), 'observation')}"
        return f"{counts}: {', '.join(parts) or 'no event'}"

    def __repr__(self) -> str:
        table = self.to_pandas().to_string(index=False, max_rows=60) if self.events else ""
        return "\n".join(filter(None, [self.summary(), table]))

    def _repr_html_(self) -> str:
        return f"<p><b>{self.summary()}</b></p>{self.to_pandas().to_html(index=False, max_rows=60)}"


_WORDS = {
    "birth": "born",
    "death": "died",
    "stable": "became stable",
    "unstable": "became unstable",
    "kind": "changed kind",
    "found late": "found late",
}


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def match(
    observations: tuple[Observation, ...],
    *,
    max_distance: float = 0.25,
    stability_weight: float = 0.5,
    followed: bool = True,
) -> Identities:
    """Carry identities from each observation to the next.

    What was followed along the line between the weights is certain and taken as it is. The rest is matched so that the
    sum of the costs is least (Hungarian algorithm),

        cost(a, b) = d(a, b) / scale + stability_weight [a stable, b not, or the reverse],

    d the mean distance from each state of one set to the nearest of the other, both ways, and scale the root mean
    square distance of all states seen from their mean. Pairs that cost more than max_distance (plus, where stability
    differs, its weight) are not matched: one has died, the other is born.

    Args:
        observations: in the order of steps.
        max_distance: how far a set may move between two observations, in units of the scale.
        stability_weight: what a change of stability costs.
        followed: False matches by distance and stability alone.

    Raises:
        ValueError: for settings out of range.

    Source: Kuhn 1955, doi:10.1002/nav.3800020109; matching as a pass of its own: Datseris, Luiz Rossi and Wagemakers
    2023, doi:10.1063/5.0159675.
    """
    require_positive(max_distance=max_distance)
    if not stability_weight >= 0:
        raise ValueError(f"stability_weight must be 0 or more, got {stability_weight}")
    scale = _scale(observations)
    labels: list[Tensor] = []
    events: list[Event] = []
    fresh = 0
    for earlier, later in zip((None, *observations), observations, strict=False):
        if earlier is None:
            labels.append(torch.arange(len(later.sets)))
            fresh = len(later.sets)
            continue
        before, own = labels[-1], torch.full((len(later.sets),), -1)
        passage = (later.passage if followed else None) or unfollowed(earlier.sets, later.sets)
        predecessors = _predecessors(earlier.sets, later.sets, passage, scale, max_distance, stability_weight)
        own[predecessors >= 0] = before[predecessors[predecessors >= 0]]
        new = own < 0
        own[new] = torch.arange(fresh, fresh + int(new.sum()))
        fresh += int(new.sum())
        events += _events(earlier, later, before, own, new, predecessors, passage)
        labels.append(own)
    return Identities(tuple(labels), tuple(events), torch.tensor([o.step for o in observations], dtype=torch.int64))


def _scale(observations: tuple[Observation, ...]) -> float:
    states = [orbit for o in observations for orbit in o.sets.orbits]
    if not states:
        return 1.0
    every = torch.cat(states)
    spread = float((every - every.mean(dim=0)).norm(dim=-1).square().mean().sqrt())
    return spread if spread > 0 else max(1.0, float(every[0].norm()))


def _predecessors(
    before: InvariantSets, after: InvariantSets, passage: Passage, scale: float, reach: float, weight: float
) -> Tensor:
    """For each set after the row before that it goes on from, or -1."""
    result = torch.full((len(after),), -1)
    for row, successor in enumerate(passage.successors.tolist()):
        if successor >= 0:
            result[successor] = row
    open_before = [
        row for row, end in enumerate(passage.ends) if end == "unresolved" and int(passage.successors[row]) < 0
    ]
    open_after = [
        row
        for row, origin in enumerate(passage.origins)
        if origin in ("unresolved", "Neimark-Sacker") and int(result[row]) < 0
    ]
    if open_before and open_after:
        costs = np.array([[_cost(before, a, after, b, scale, weight) for b in open_after] for a in open_before])
        limits = np.array(
            [[reach + weight * bool(before.stable[a] != after.stable[b]) for b in open_after] for a in open_before]
        )
        # What is out of reach must not push aside what is within.
        far = costs > limits
        for a, b in zip(*linear_sum_assignment(np.where(far, 1e6, costs)), strict=True):
            if not far[a, b]:
                result[open_after[b]] = open_before[a]
    return result


def _cost(before: InvariantSets, a: int, after: InvariantSets, b: int, scale: float, weight: float) -> float:
    kinds = before.kinds[a], after.kinds[b]
    if (kinds[0] == "fixed point") != (kinds[1] == "fixed point"):
        return float("inf")
    apart = torch.cdist(before.orbits[a], after.orbits[b])
    distance = 0.5 * float(apart.amin(dim=0).mean() + apart.amin(dim=1).mean())
    return distance / scale + weight * bool(before.stable[a] != after.stable[b])


def _events(
    earlier: Observation,
    later: Observation,
    before: Tensor,
    own: Tensor,
    new: Tensor,
    predecessors: Tensor,
    passage: Passage,
) -> list[Event]:
    span = later.step - earlier.step

    def event(kind: str, how: str, identity: int, partner: int, t: float, state: Tensor | None = None) -> Event:
        place = torch.full((1,), torch.nan, dtype=torch.float64) if state is None else state
        return Event(kind, how, identity, partner, earlier.step, later.step, earlier.step + t * span, place)

    events: list[Event] = []
    alive = set(own.tolist())
    for row, identity in enumerate(before.tolist()):
        if identity not in alive:
            together = int(passage.end_partners[row])
            partner = int(before[together]) if together >= 0 else -1
            t, state = float(passage.end_times[row]), passage.end_states[row]
            events.append(event("death", passage.ends[row], identity, partner, t, state))
    for row in new.nonzero().flatten().tolist():
        together, missed = int(passage.origin_partners[row]), passage.origins[row] == "missed"
        partner = int(own[together]) if together >= 0 else -1
        kind, how = ("found late", "") if missed else ("birth", passage.origins[row])
        t, state = float(passage.origin_times[row]), passage.origin_states[row]
        events.append(event(kind, how, int(own[row]), partner, t, state))
    for row, predecessor in enumerate(predecessors.tolist()):
        if predecessor < 0:
            continue
        identity = int(own[row])
        was, now = bool(earlier.sets.stable[predecessor]), bool(later.sets.stable[row])
        if was != now:
            crossing = next((c for c in passage.crossings if c.row == row), None)
            how, t = ("unresolved", float("nan")) if crossing is None else (crossing.kind, crossing.t)
            events.append(event("stable" if now else "unstable", how, identity, -1, t))
        if earlier.sets.kinds[predecessor] != later.sets.kinds[row]:
            change = f"{earlier.sets.kinds[predecessor]} to {later.sets.kinds[row]}"
            events.append(event("kind", change, identity, -1, float("nan")))
    return events


def steps_rise(observations: tuple[Observation, ...]) -> bool:
    """Whether each observation is of a later step than the one before."""
    return all(a.step < b.step for a, b in pairwise(observations))
