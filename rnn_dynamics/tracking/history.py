"""All that a tracker saw, in the order of steps."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..attractors import AttractorKind
from ..checks import ArgumentError, checked
from ..results import Interruptible
from ..store import storable
from ..tables import Table
from .identities import Identities
from .matching import match, steps_rise
from .observation import Observation, Waypoint

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class TrackingHistory(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Table, whole=("training_seconds", "skipped", "recording_seconds", "interrupted"), in_order=True
):
    """One ``Observation`` a row; ``len`` counts them.

    ``save`` and ``load`` keep all of it; identities are matched anew whenever they are asked for, so that other
    settings cost no further analysis. ``history[-3:]`` and the like are choices of observations (see ``tables.Table``);
    where the one before was not chosen, the passage from it is left out, and identities are matched by distance.
    """

    observations: tuple[Observation, ...]

    training_seconds: float = float("nan")
    """Wall time between the first and last observation that was not the tracker's."""

    skipped: int = 0
    """How many observations were left out to keep within the budget."""

    recording_seconds: float = 0.0
    """Wall time of copying weights between observations."""

    def __post_init__(self) -> None:
        """Refuse what is no history.

        Raises:
            ValueError: for observations that are not in the order of steps.
        """
        if not steps_rise(self.observations):
            raise ArgumentError("observations", "must be of rising steps")

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        observations = tuple(
            self.observations[row]
            if row - 1 in rows
            else replace(self.observations[row], passage=None, way=(), resolution=None)
            for row in rows
        )
        return {"observations": observations, "training_seconds": math.nan, "skipped": 0, "recording_seconds": 0.0}

    @property
    def stages(self) -> tuple[Waypoint | Observation, ...]:
        """All observations and the waypoints between them, in the order of steps."""
        return tuple(stage for o in self.observations for stage in (*o.way, o))

    @property
    def resolutions(self) -> Tensor:
        """To how many steps events are located that lie between each observation and the one before, [o].

        1 where the weights of every update were known, the distance to the one before where none were; NaN for the
        first.
        """
        steps = [math.nan, *(float(later.step - earlier.step) for earlier, later in pairwise(self.observations))]
        known = [
            step if o.resolution is None else o.resolution for step, o in zip(steps, self.observations, strict=False)
        ]
        return torch.tensor(known, dtype=torch.float64)

    @property
    def steps(self) -> Tensor:
        """[o]."""
        return torch.tensor([o.step for o in self.observations], dtype=torch.int64)

    @property
    def vaas(self) -> Tensor:
        """The published VAA, [o]; its n and horizon are in each observation."""
        return torch.tensor([o.vaa for o in self.observations], dtype=torch.float64)

    @property
    def counts(self) -> Tensor:
        """The number of attractors that were reached, [o]."""
        return torch.tensor([o.count for o in self.observations], dtype=torch.int64)

    @property
    def seconds(self) -> float:
        """Wall time of all observations."""
        return sum(o.seconds for o in self.observations)

    @property
    def overhead(self) -> float:
        """Wall time of observing as a share of the training time; NaN if nothing was timed between observations."""
        return (
            (self.seconds + self.recording_seconds) / self.training_seconds
            if self.training_seconds > 0
            else float("nan")
        )

    @checked
    def scalars(self, name: str) -> Tensor:
        """What was reported under ``name``, [o]; NaN where it was not.

        Raises:
            ValueError: for a name that was never reported.
        """
        known = {key for o in self.observations for key, _ in o.scalars}
        if name not in known:
            raise ValueError(f"no scalar {name!r} was reported; there are: {', '.join(sorted(known)) or 'none'}")
        return torch.tensor([dict(o.scalars).get(name, float("nan")) for o in self.observations], dtype=torch.float64)

    @checked
    def match(self, *, max_distance: float = 0.25, stability_weight: float = 0.5, followed: bool = True) -> Identities:
        """Identities and events under other settings than the defaults; see ``tracking.match``."""
        return match(self.observations, max_distance=max_distance, stability_weight=stability_weight, followed=followed)

    @cached_property
    def identities(self) -> Identities:
        """Who is who, by the default settings."""
        return self.match()

    def to_pandas(self) -> "pd.DataFrame":
        """One row per observation."""
        import pandas as pd

        names = list(dict.fromkeys(key for o in self.observations for key, _ in o.scalars))
        kinds = [kind for kind in AttractorKind if any(kind in o.sets.counts for o in self.observations)]
        events = self.identities.events
        rows = []
        since, resolutions = -math.inf, self.resolutions.tolist()
        for o, resolution in zip(self.observations, resolutions, strict=True):
            here = [event.kind for event in events if since < event.step <= o.step]
            since = o.step
            radii = o.sets.spectral_radii
            rows.append(
                {
                    "step": o.step,
                    **{name: dict(o.scalars).get(name, float("nan")) for name in names},
                    "vaa": o.vaa,
                    "n": o.n,
                    "horizon": o.horizon,
                    "attractors": o.count,
                    **{kind.plural.replace(" ", "_"): o.sets.counts.get(kind, 0) for kind in kinds},
                    "settled": o.outcomes[0] / o.n,
                    "fixed_points_found": float("nan") if o.n_fixed_points is None else o.n_fixed_points,
                    "stable_found": int(o.sets.stable.sum()),
                    "largest_spectral_radius": float(radii.max()) if len(radii) else float("nan"),
                    "index_sum": o.index_sum,
                    "births": here.count("birth"),
                    "deaths": here.count("death"),
                    "resolution": resolution,
                    "seconds": o.seconds,
                }
            )
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """What changed, in two sentences."""
        if not len(self):
            return "tracking: nothing observed yet"
        first, last = self.observations[0], self.observations[-1]
        text = (
            f"{self._counted('observation')} of steps {first.step} to {last.step}{self._located()}: VAA from "
            f"{first.vaa:.3g} to {last.vaa:.3g} (n = {last.n}, {last.horizon:,} steps), attractors reached "
            f"from {first.count} to {last.count}; {self.identities.summary()}"
        )
        if self.training_seconds > 0:
            share = self.overhead
            text += f"; cost {share:.1%} of" if share < 1 else f"; cost {share:.3g} times"
            text += " the training time"
            text += f", {self.skipped} left out for the budget" * bool(self.skipped)
        return text

    def _located(self) -> str:
        """To what events are located, in words."""
        known = self.resolutions[self.resolutions.isfinite()]
        if not len(known):
            return ""
        least, most = int(known.min()), int(known.max())
        return f" (events located to {least if least == most else f'{least} to {most}'} step{'s' * (most > 1)})"
