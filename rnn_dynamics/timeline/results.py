"""The timeline of a training: its bifurcations, the lives of its fixed points, and its loss beside them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ..checks import ArgumentError, checked
from ..results import Interruptible
from ..store import storable
from ..systems import apart
from ..tables import Table
from ..tracking import Event, Identities, Observation, TrackingHistory, match, number_of
from .coincidence import Coincidence, coincidence_of

if TYPE_CHECKING:
    import pandas as pd

NEAR = 1e-3
"""Two events this near in t, and by its square root near in states, are one: at a pitchfork the branches part as the
square root of t."""


@storable
@dataclass(frozen=True, eq=False)
class Bifurcation:
    """One bifurcation, with all identities that take part."""

    how: str
    """"fold", "pitchfork", "transcritical", "branch point", "flip" or "Neimark-Sacker"."""

    at: float
    """The step, with its fraction: before + t (step - before), t on the line between the weights."""

    before: int
    """The last checkpoint before it."""

    step: int
    """The first checkpoint after it."""

    identities: tuple[int, ...]

    state: Tensor
    """[n]."""

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.identities))
        return f"{self.how} at step {self.at:.7g} (fixed point{'s' * (len(self.identities) > 1)} {names})"


@storable
@dataclass(frozen=True, eq=False)
class TrainingBifurcations(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible,
    Table,
    whole=("events", "loss_steps", "loss_curve", "loss_name", "units", "interrupted"),
    in_order=True,
):
    """All fixed points along a training, with identity, and what happened to them; ``len`` counts checkpoints.

    ``timeline[4:]`` and the like are choices of checkpoints (see ``tables.Table``), with the events between those that
    follow each other; identities are numbered anew. The whole curve of losses stays.
    """

    _dimensions: ClassVar = {"units": ("unit",), **dict.fromkeys(("loss_steps", "loss_curve"), ("loss_step",))}

    observations: tuple[Observation, ...]
    """One for each checkpoint, of fixed points alone (its ``vaa`` is NaN); passages along the straight lines between
    the weights lead from each to the next."""

    events: tuple[Event, ...]
    """In the order of steps. ``kind`` is "birth", "death", "stable" or "unstable" (from now on), "crossing" (a
    multiplier of what stays a saddle crossed the unit circle) or "found late"; ``how`` is the bifurcation."""

    losses: Tensor
    """At each checkpoint, [o]; NaN where it is not known."""

    loss_steps: Tensor
    """Steps of the whole curve of losses, [l]."""

    loss_curve: Tensor
    """The whole curve, [l]."""

    loss_name: str = ""
    """What the loss is: "training loss", "validation loss", "loss"; "" if there is none."""

    units: Tensor = field(default_factory=lambda: torch.ones(1))
    """What is small in each coordinate of a state, [n] (``systems.walk_units``); 1 in older files."""

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        observations = TrackingHistory(self.observations)[rows].observations
        now, before = match(observations), self.identities
        events: list[Event] = []
        for place, (earlier, row) in enumerate(pairwise(rows)):
            if row != earlier + 1:
                continue
            olds = torch.cat([before.labels[earlier], *before.way[row], before.labels[row]])
            news = torch.cat([now.labels[place], *now.way[place + 1], now.labels[place + 1]])
            number = dict(zip(olds.tolist(), news.tolist(), strict=True))
            events += [
                replace(event, identity=number[event.identity], partner=number.get(event.partner, -1))
                for event in self.events
                if before.steps[earlier] <= event.before and event.step <= before.steps[row]
            ]
        return {"observations": observations, "events": tuple(events)}

    @property
    def steps(self) -> Tensor:
        """Of the checkpoints, [o]."""
        return torch.tensor([o.step for o in self.observations], dtype=torch.int64)

    @property
    def counts(self) -> Tensor:
        """How many fixed points there are at each checkpoint, [o]."""
        return torch.tensor([len(o.sets) for o in self.observations], dtype=torch.int64)

    @property
    def stable_counts(self) -> Tensor:
        """How many of them are stable, [o]."""
        return torch.tensor([int(o.sets.stable.sum()) for o in self.observations], dtype=torch.int64)

    @property
    def index_sums(self) -> tuple[int | None, ...]:
        """The sum of indices sign det(I - DF) at each checkpoint: anything but 1 or None proves that some are missing.

        None where no box is known that the map takes into itself, or a point has an eigenvalue 1.
        """
        return tuple(o.index_sum for o in self.observations)

    @cached_property
    def identities(self) -> Identities:
        """Who is who: ``labels`` holds the identity of each fixed point at each checkpoint."""
        return match(self.observations)

    @cached_property
    def bifurcations(self) -> tuple[Bifurcation, ...]:
        """The located ones, in the order of steps, each once: the events of all who take part are taken together."""
        groups: list[list[Event]] = []
        for event in self.events:
            if event.how in ("", "unresolved") or not math.isfinite(event.at):
                continue
            group = next((group for group in groups[::-1] if _together(group[0], event, self.units)), None)
            if group is None:
                groups.append([event])
            else:
                group.append(event)
        return tuple(
            Bifurcation(
                how=group[0].how,
                at=group[0].at,
                before=group[0].before,
                step=group[0].step,
                identities=tuple(sorted({event.identity for event in group})),
                state=group[0].state,
            )
            for group in groups
        )

    @checked
    def stretches(self, identity: int) -> list[tuple[float, float, bool]]:
        """From which step to which an identity was stable or not: (from, to, stable), in order.

        A birth, death or change that could not be located is put at the checkpoint beside it: what is not known to be
        is not drawn.

        Raises:
            ValueError: for an identity that there is not.
        """
        rows = self._rows(identity)
        own = [event for event in self.events if event.identity == identity]
        begin = _end_of(own, "birth", self.observations[rows[0][0]].step)
        end = _end_of(own, "death", self.observations[rows[-1][0]].step)
        turns = sorted(
            (_placed(event), event.kind == "stable") for event in own if event.kind in ("stable", "unstable")
        )
        first, row = rows[0]
        stable = not turns[0][1] if turns else bool(self.observations[first].sets.stable[row])
        result: list[tuple[float, float, bool]] = []
        for at, now in turns:
            if at > begin:
                result.append((begin, at, stable))
            begin, stable = at, now
        if end > begin or not result:
            result.append((begin, end, stable))
        return result

    def coincidence(self) -> Coincidence:
        """Whether the loss moves where bifurcations are, from one checkpoint to the next.

        For each interval between checkpoints there are the number of bifurcations, n_i, and the change of the loss,
        d_i = ln loss_(i+1) - ln loss_i. Spearman's correlation of n with |d| is compared with that of n shifted
        round the circle by every number of intervals: the p-value is the share of shifts, the unshifted one among
        them, whose correlation is at least as large. Shifts, unlike shuffles, keep how each of the two series is
        related to its own past.

        It means little where intervals are few (the p-value cannot be below 1 over their number: with 20 it is 0.05
        at best), where nearly all have the same number of bifurcations, where the loss is interpolated between
        records that are farther apart than the checkpoints, and where intervals differ in length (longer ones have
        more of both). Both series fall as a training settles: a common trend is a coincidence, not a cause.

        Returns:
            ``Coincidence``; correlation and p-value are NaN where there are fewer than three intervals with a loss, or
            one of the series is constant.

        Raises:
            ValueError: for a result without losses.

        Source: the question is that of Eisenmann, Monfared, Goering and Durstewitz (2023), Bifurcations and loss jumps
        in RNN training, arXiv 2310.17561.
        """
        if not bool(self.losses.isfinite().any()):
            raise ValueError("coincidence needs losses: pass losses= to training_bifurcations")
        numbers = torch.zeros(max(len(self) - 1, 0), dtype=torch.int64)
        place = {step: index for index, step in enumerate(self.steps.tolist())}
        for bifurcation in self.bifurcations:
            numbers[place[bifurcation.before]] += 1
        return coincidence_of(self.steps, numbers, self.losses)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per event."""
        import pandas as pd

        columns = ("kind", "how", "identity", "partner", "before", "step", "at")
        return pd.DataFrame([[getattr(event, name) for name in columns] for event in self.events], columns=columns)

    def checkpoints_table(self) -> "pd.DataFrame":
        """One row per checkpoint: loss, number of fixed points, stable ones, index sum."""
        import pandas as pd

        return pd.DataFrame(
            {
                "step": self.steps.numpy(),
                "loss": self.losses.numpy(),
                "fixed_points": self.counts.numpy(),
                "stable": self.stable_counts.numpy(),
                "index_sum": pd.array(list(self.index_sums), dtype="Int64"),
            }
        )

    def lives_table(self) -> "pd.DataFrame":
        """One row per identity and checkpoint: spectral radius, unstable directions, stability, residual."""
        import pandas as pd

        rows = []
        for identity in range(len(self.identities)):
            for index, row in self.identities.rows(identity):
                sets = self.observations[index].sets
                rows.append(
                    {
                        "identity": identity,
                        "step": self.observations[index].step,
                        "row": row,
                        "spectral_radius": float(sets.spectral_radii[row]),
                        "n_unstable": int(sets.n_unstable[row]),
                        "stable": bool(sets.stable[row]),
                        "residual": float(sets.residuals[row]),
                    }
                )
        columns = ["identity", "step", "row", "spectral_radius", "n_unstable", "stable", "residual"]
        return pd.DataFrame(rows, columns=columns)

    @checked
    def positions(self, identity: int) -> Tensor:
        """Where an identity is at each of its checkpoints, [k, n]; ``lives_table`` has their steps.

        Raises:
            ValueError: for an identity that there is not.
        """
        return torch.stack([self.observations[index].sets.orbits[row][0] for index, row in self._rows(identity)])

    def _rows(self, identity: int) -> list[tuple[int, int]]:
        rows = self.identities.rows(identity)
        if not rows:
            raise ArgumentError("identity", f"must be from 0 to {len(self.identities) - 1}, got {identity}")
        return rows

    @property
    def verdict(self) -> str:
        """Whether fixed points are missing, in one sentence."""
        if not len(self):
            return "Interrupted before the first checkpoint was done."
        cut = f"Interrupted after {number_of(len(self), 'checkpoint')}. " if self.interrupted else ""
        wrong = [o.step for o in self.observations if o.index_sum not in (None, 1)]
        if wrong:
            shown = ", ".join(map(str, wrong[:6])) + " ..." * (len(wrong) > 6)
            return f"{cut}Fixed points are missing: the index sum is not 1 at step{'s' * (len(wrong) > 1)} {shown}."
        unknown = sum(o.index_sum is None for o in self.observations)
        vague = sum(event.how == "unresolved" for event in self.events)
        late = sum(event.kind == "found late" for event in self.events)
        text = f"The index sum is 1 at {'every checkpoint' if not unknown else f'{len(self) - unknown} of {len(self)}'}"
        if unknown == len(self):
            text = "No index sum applies, which would show missing points"
        text += f"; {number_of(vague, 'event')} could not be explained" if vague else ""
        text += f"; {number_of(late, 'fixed point')} found late" if late else ""
        return f"{cut}{text}."

    def summary(self) -> str:
        """One line: how many checkpoints, fixed points and bifurcations."""
        if not len(self):
            return "bifurcations of a training: no checkpoint done"
        hows = [bifurcation.how for bifurcation in self.bifurcations]
        found = ", ".join(number_of(hows.count(how), how) for how in dict.fromkeys(hows))
        first, last = self.observations[0], self.observations[-1]
        return (
            f"{number_of(len(self), 'checkpoint')} of steps {first.step} to {last.step}: "
            f"{number_of(len(first.sets), 'fixed point')} to {len(last.sets)} "
            f"({int(first.sets.stable.sum())} to {int(last.sets.stable.sum())} stable), "
            f"{number_of(len(self.identities), 'identity', 'identities')}; {found or 'no bifurcation'}"
        )

    def _notes(self) -> Sequence[str]:
        return [self.verdict]


def _end_of(events: list[Event], kind: str, otherwise: int) -> float:
    found = [event.at for event in events if event.kind == kind and math.isfinite(event.at)]
    return found[0] if found else float(otherwise)


def _placed(event: Event) -> float:
    return event.at if math.isfinite(event.at) else float(event.step)


def _together(one: Event, other: Event, units: Tensor) -> bool:
    if (one.before, one.how) != (other.before, other.how) or one.how in ("flip", "Neimark-Sacker"):
        return False
    if abs(one.at - other.at) > NEAR * (one.step - one.before):
        return False
    return one.partner == other.identity or float(apart(one.state, other.state, units)) <= NEAR**0.5
