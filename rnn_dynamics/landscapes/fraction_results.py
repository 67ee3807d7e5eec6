"""Shares of the basins over a parameter, each attractor with its identity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..attractors import wilson_intervals
from ..checks import checked
from ..results import Interruptible, evenly
from ..store import storable
from ..tables import Table
from ..tracking import InvariantSets

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class LifeEvent:
    """An attractor that appeared, vanished, or gained, lost or changed its stability or kind."""

    kind: str
    """"birth", "death", "stable", "unstable" (from now on), "kind" (it changed) or "found late" (it was there before,
    but no start led to it)."""

    how: str
    """The bifurcation: "fold", "pitchfork", "flip", "Neimark-Sacker", "branch point"; or "unresolved"."""

    identity: int
    partner: int
    """The identity born or dead together with it, or -1."""

    before: float
    """The last value of the parameter, of those computed, at which it had not happened."""

    after: float
    """The first one at which it had."""

    at: float
    """Where between, as it was followed; NaN if unresolved."""


@storable
@dataclass(frozen=True, eq=False)
class BasinFractions(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Table, whole=("n_starts", "count", "events", "interrupted"), in_order=True
):
    """The shares of the starts that settle on each attractor, a row for each value of the parameter."""

    _dimensions: ClassVar = {"labels": ("row", "set")}
    _formats: ClassVar = dict.fromkeys(("share", "share_low", "share_high"), "{:.1%}".format)

    parameters: Tensor
    """[p]."""

    sets: tuple[InvariantSets, ...]
    """What each value has: its attractors, and what attractors of others became where they lost their stability."""

    labels: tuple[Tensor, ...]
    """For each value the identity of each of its sets, [s] each."""

    diverged: Tensor
    """Starts that ran away, [p]."""

    undecided: Tensor
    """Starts that were slow or unfinished, [p]."""

    n_starts: int
    """The same at every value."""

    count: int
    """Identities, numbered from 0 in the order in which they appear."""

    events: tuple[LifeEvent, ...]
    """In the order of the parameter's values."""

    @property
    def hits(self) -> Tensor:
        """Starts that settled on each identity at each value, [p, q]."""
        return self._scattered([one.hits for one in self.sets])

    @property
    def alive(self) -> Tensor:
        """Whether each identity is an attractor at each value, [p, q]."""
        return self._scattered([one.stable.long() for one in self.sets]).bool()

    @property
    def fractions(self) -> Tensor:
        """The share of the starts that settled on each, [p, q]; 1 with those that ran away and those undecided."""
        return self.hits.double() / self.n_starts

    @checked
    def fraction_intervals(self, confidence: float = 0.95) -> Tensor:
        """Wilson's confidence intervals of ``fractions``, [p, q, 2] (doi:10.1080/01621459.1927.10502953)."""
        return wilson_intervals(self.hits.flatten(), self.n_starts, confidence).view(len(self), self.count, 2)

    @checked
    def path(self, identity: int) -> Tensor:
        """A state of one identity at each value, [p, n]; NaN where it is not there."""
        n = max((one.states.shape[-1] for one in self.sets), default=0)
        states = torch.full((len(self), n), torch.nan, dtype=torch.float64)
        for row, (one, labels) in enumerate(zip(self.sets, self.labels, strict=True)):
            for place in (labels == identity).nonzero().flatten().tolist():
                states[row] = one.states[place].double()
        return states

    def _scattered(self, columns: list[Tensor]) -> Tensor:
        result = torch.zeros(len(self), self.count, dtype=torch.long)
        for row, (column, labels) in enumerate(zip(columns, self.labels, strict=True)):
            result[row, labels] = column
        return result

    def to_pandas(self) -> "pd.DataFrame":
        """One row per value and attractor there, and for starts that ran away or are undecided: identity -1."""
        import pandas as pd

        intervals, rows = self.fraction_intervals(), []
        for row, (parameter, one) in enumerate(zip(self.parameters.tolist(), self.sets, strict=True)):
            for place, identity in enumerate(self.labels[row].tolist()):
                if bool(one.stable[place]):
                    hits, ends = int(one.hits[place]), intervals[row, identity].tolist()
                    rows.append([parameter, identity, one.kinds[place], int(one.periods[place]), hits, *ends])
            for word, column in (("diverged", self.diverged), ("undecided", self.undecided)):
                if hits := int(column[row]):
                    ends = wilson_intervals(column[row : row + 1], self.n_starts)[0].tolist()
                    rows.append([parameter, -1, word, 0, hits, *ends])
        names = ["parameter", "identity", "kind", "period", "hits", "share_low", "share_high"]
        table = pd.DataFrame(rows, columns=names)
        table.insert(5, "share", table["hits"] / self.n_starts)
        return table

    def summary(self) -> str:
        """One line: how many attractors over which values, and what happened to them."""
        values = self._counted("value")
        if len(self):
            values += f", {float(self.parameters[0]):.6g} to {float(self.parameters[-1]):.6g}"
        alive = self.alive.sum(dim=1).tolist()
        most = f", {min(alive)} to {max(alive)} at a time" if alive else ""
        text = f"basins of {self.count} attractor{'s' * (self.count != 1)} over {values}{most}"
        return text + ("; interrupted" if self.interrupted else "")

    @property
    def advice(self) -> tuple[str, ...]:
        """Where starts stayed undecided."""
        open_rows = int((self.undecided > 0).sum())
        if not open_rows:
            return ()
        worst = int(self.undecided.max())
        return (
            f"up to {worst} of {self.n_starts} starts are undecided, at {open_rows} values: raise settle's budgets",
        )

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())

    def _notes(self) -> Sequence[str]:
        lines = []
        for event in self.events:
            where = (
                f"at {event.at:.6g}" if event.at == event.at else f"between {event.before:.6g} and {event.after:.6g}"
            )
            partner = f" with {event.partner}" if event.partner >= 0 else ""
            lines.append(f"attractor {event.identity}: {event.kind}{partner} {where} ({event.how or 'no bifurcation'})")
        more = len(lines) - _SHOWN
        return [*lines[:_SHOWN], *([f"and {more} more events"] if more > 0 else []), *self.advice]


_SHOWN = 24
"""Events that are told below the table."""
