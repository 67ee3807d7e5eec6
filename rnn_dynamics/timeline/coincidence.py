"""Whether the loss of a training moves where its bifurcations are."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy
import torch
from torch import Tensor

from ..store import storable
from ..tables import Table
from ..tracking import number_of

if TYPE_CHECKING:
    import pandas as pd

_FEWEST = 3
"""Intervals below which no correlation is given: of two it is 1 or -1, whatever they hold."""


@storable
@dataclass(frozen=True, eq=False)
class Coincidence(Table, whole=("correlation", "p_value", "shifted"), in_order=True):
    """One row per interval between checkpoints; ``TrainingBifurcations.coincidence`` explains the measure.

    ``found[10:]`` and the like are choices of intervals (see ``tables.Table``), with the correlation of these alone.
    """

    _dimensions: ClassVar = {"intervals": ("row", "end")}

    intervals: Tensor
    """Steps of the two checkpoints, [i, 2]."""

    numbers: Tensor
    """Located bifurcations in each, [i]."""

    changes: Tensor
    """ln of the loss after minus ln of the loss before, [i]; NaN where either is not known or not positive."""

    correlation: float
    """Spearman's, of the numbers with the sizes of the changes."""

    p_value: float
    """The share of circular shifts with a correlation at least as large."""

    shifted: Tensor
    """The correlation for each shift, [k] of the k intervals with a loss; that of no shift first."""

    @property
    def evenly_spaced(self) -> bool:
        """Whether all intervals have the same length, without which longer ones have more of both."""
        lengths = self.intervals[:, 1] - self.intervals[:, 0]
        return bool((lengths == lengths[:1]).all())

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        return _correlated(self.numbers[rows], self.changes[rows])

    def to_pandas(self) -> "pd.DataFrame":
        """One row per interval."""
        import pandas as pd

        columns = {"before": self.intervals[:, 0], "step": self.intervals[:, 1]}
        columns |= {"bifurcations": self.numbers, "log_loss_change": self.changes}
        return pd.DataFrame({name: column.numpy() for name, column in columns.items()})

    def summary(self) -> str:
        """One line."""
        used = int(self.changes.isfinite().sum())
        if math.isnan(self.correlation):
            why = "one of the two does not vary" if used >= _FEWEST else f"it takes {_FEWEST}"
            return f"no correlation of bifurcations with the loss over {number_of(used, 'interval')}: {why}"
        sizes, there = self.changes.abs(), self.numbers > 0
        means = [float(sizes[part & self.changes.isfinite()].mean()) for part in (there, ~there)]
        text = (
            f"log loss moves by {means[0]:.3g} in intervals with a bifurcation, by {means[1]:.3g} in others; "
            f"Spearman {self.correlation:.2f}, p = {self.p_value:.3g} of {used} circular shifts"
        )
        return text + "; intervals differ in length" * (not self.evenly_spaced)


def coincidence_of(steps: Tensor, numbers: Tensor, losses: Tensor) -> Coincidence:
    """Spearman's correlation of numbers [i] with the change of log losses [i + 1], against all circular shifts."""
    logs = torch.where(losses > 0, losses, torch.nan).log()
    changes = logs[1:] - logs[:-1]
    intervals = torch.stack([steps[:-1], steps[1:]], dim=1)
    return Coincidence(intervals=intervals, numbers=numbers, changes=changes, **_correlated(numbers, changes))


def _correlated(numbers: Tensor, changes: Tensor) -> dict[str, Any]:
    """The correlation, its p-value and those of all shifts, by the names of their fields."""
    usable = changes.isfinite()
    sizes, counts = changes[usable].abs().numpy(), numbers[usable].double().numpy()
    shifted = np.array([_spearman(np.roll(counts, shift), sizes) for shift in range(len(sizes))])
    enough = len(sizes) >= _FEWEST and bool(np.isfinite(shifted).all())
    # Ranks are the same numbers in another order, so that sums differ by rounding only.
    p_value = float((shifted >= shifted[0] - 1e-12).mean()) if enough else math.nan
    correlation = float(shifted[0]) if enough else math.nan
    return {"correlation": correlation, "p_value": p_value, "shifted": torch.from_numpy(shifted.astype(np.float64))}


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    first, second = (scipy.stats.rankdata(values) - (len(values) + 1) / 2 for values in (one, other))
    size = math.sqrt(float((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 0 else math.nan
