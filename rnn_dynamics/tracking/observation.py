"""What a tracker saw at one step, and how the sets of the step before led to it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..results import Interruptible
from ..store import storable
from .invariant_sets import InvariantSets

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class Crossing:
    """A multiplier that crossed the unit circle on the straight line between two checkpoints' weights."""

    row: int
    """Of the set, in the later observation."""

    kind: str
    """"branch point" (+1, the branch goes on), "fold" (+1, it turned), "flip" (-1) or "Neimark-Sacker" (a pair)."""

    t: float
    """Where on the line: 0 at the earlier weights, 1 at the later ones."""


@storable
@dataclass(frozen=True, eq=False)
class Passage:
    """How sets went from one observation to the next, followed along the straight line between their weights.

    With W(t) = (1 - t) W_before + t W_after, each fixed point and cycle of t = 0 is continued to t = 1, and each set of
    t = 1 that none of them led to is continued back to t = 0.
    """

    successors: Tensor
    """For each set before the row after it that it led to, or -1, [k]."""

    ends: tuple[str, ...]
    """For each set before: "continued"; how it ended ("fold", "pitchfork", "flip"); or "unresolved", if it could not be
    followed."""

    end_times: Tensor
    """t at which each that ended did, else NaN, [k]."""

    end_partners: Tensor
    """The row before that each ended together with, or -1, [k]."""

    end_states: Tensor
    """Where each that ended did, else NaN, [k, n]."""

    origins: tuple[str, ...]
    """For each set after: "continued"; how it began ("fold", "pitchfork", "flip", "Neimark-Sacker"); "missed" (it was
    there before, but not found then); or "unresolved"."""

    origin_times: Tensor
    """t at which each that began did, else NaN, [s]."""

    origin_partners: Tensor
    """The row after that each began together with, or -1, [s]."""

    origin_states: Tensor
    """Where each that began did, else NaN, [s, n]."""

    crossings: tuple[Crossing, ...]
    """Of the sets that were continued."""


@storable
@dataclass(frozen=True, eq=False)
class Waypoint:
    """The fixed points and cycles of a step between two looks whose weights had been kept, followed there from both."""

    step: int

    sets: InvariantSets

    passage: Passage
    """From the waypoint, or look, before."""


@storable
@dataclass(frozen=True, eq=False)
class Observation(Interruptible):
    """One step of training: the published measure, what is really there, and where it came from."""

    step: int

    scalars: tuple[tuple[str, float], ...]
    """What the training loop reported: loss, ..."""

    vaa: float
    """The published VAA of ``n`` states after ``horizon`` steps under ``held_input``; NaN if one left every bound."""

    n: int
    horizon: int

    held_input: Tensor
    """[m]."""

    sets: InvariantSets
    """All that was found, reached or not."""

    outcomes: tuple[int, int, int, int]
    """How many of the sampled states settled, are slow, diverged, are unfinished."""

    n_fixed_points: int | None
    """How many were found; None if they were not searched for. Above ``most_points`` of the ``Effort``, ``sets`` holds
    the attractors only."""

    index_sum: int | None
    """Of the fixed points: anything but 1 or None proves that some are missing."""

    passage: Passage | None
    """From the last of ``way``, or else from the observation before; None for the first, and where the weights between
    could not be followed."""

    seconds: float
    """Wall time that the observation took."""

    cut_off: bool
    """Whether the time limit, or Ctrl-C, ended its searches early."""

    way: tuple[Waypoint, ...] = ()
    """Steps since the observation before, chosen so that each event lies between two neighbours among the weights that
    are known."""

    resolution: int | None = None
    """The most steps between two neighbours among the weights known since the observation before, or, where locating
    ended early, of a stretch that was not gone through: an event is located to so many or fewer. None for the first
    observation, and where weights could not be followed at all."""

    @property
    def claimed(self) -> float:
        """The number of attractors that VAA stands for, n VAA."""
        return self.n * self.vaa

    @property
    def count(self) -> int:
        """The number of attractors that the sampled states reached."""
        return self.sets.count

    def to_pandas(self) -> "pd.DataFrame":
        """One row per set, reached or not."""
        return self.sets.to_pandas()

    def summary(self) -> str:
        """One line: what the published number claims, and what is there."""
        kinds = ", ".join(f"{number} {kind}" for kind, number in self.sets.counts.items()) or "none"
        return (
            f"step {self.step}: VAA {self.vaa:.3g} (n = {self.n}, {self.horizon:,} steps) stands for "
            f"{self.claimed:.3g}; reached: {self.count} ({kinds}); {len(self.sets)} sets in all"
        )


def unfollowed(before: InvariantSets, after: InvariantSets) -> Passage:
    """The passage of which nothing is known."""
    k, s = len(before), len(after)
    nowhere = torch.full((1,), torch.nan, dtype=torch.float64)
    return Passage(
        torch.full((k,), -1),
        ("unresolved",) * k,
        nowhere.expand(k),
        torch.full((k,), -1),
        nowhere.expand(before.states.shape),
        ("unresolved",) * s,
        nowhere.expand(s),
        torch.full((s,), -1),
        nowhere.expand(after.states.shape),
        (),
    )
