"""How long noise takes to drive a state out of each basin, and to where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import scipy
import torch
from torch import Tensor

from ..attractors import Attractors
from ..checks import ArgumentError, checked
from ..results import Interruptible, Noted
from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = ("noise", "noise_in", "trials", "max_steps", "every", "attractors", "interrupted", "notes")


@storable
@dataclass(frozen=True, eq=False)
class EscapeTimes(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Noted, Table, whole=_WHOLE
):
    """First-passage times under noise, a row an attractor; columns have an entry for each level of the noise.

    With k escapes over T steps of all trials together, those without an escape too, the mean first-passage time is
    T / k and the rate k / T. Intervals are exact where escapes come at a constant rate, as they do once noise is weak.
    """

    _dimensions: ClassVar = {
        "states": ("row", "unit"),
        "escapes": ("row", "level", "target"),
        **dict.fromkeys(("exposures", "undecided"), ("row", "level")),
    }

    kinds: tuple[str, ...]
    states: Tensor
    """One state on each, [a, n]."""

    escapes: Tensor
    """Trials that left each attractor, by level of the noise and target, [a, s, t]: a column for each row of
    ``attractors``, and a last one for those that ran beyond every bound."""

    exposures: Tensor
    """Steps that all trials spent before they left, or until ``max_steps``, [a, s]."""

    undecided: Tensor
    """Looks at which a state without noise led nowhere, [a, s]; the trial then went on."""

    noise: Tensor
    """Standard deviations, [s]."""

    noise_in: str
    """"state" or "input": what the noise is added to."""

    trials: int
    """Of each attractor and level."""

    max_steps: int
    """Of each trial."""

    every: int
    """Steps between two looks at which basin a trial is in: a first passage is known to within so many."""

    attractors: Attractors
    """Which the targets refer to, those met on the way among them."""

    @property
    def counts(self) -> Tensor:
        """Trials that left, [a, s]."""
        return self.escapes.sum(dim=-1)

    @property
    def mean_times(self) -> Tensor:
        """Mean first-passage times in steps, [a, s]; infinite where no trial left."""
        return self.exposures.double() / self.counts.double()

    @checked
    def time_intervals(self, confidence: float = 0.95) -> Tensor:
        """Confidence intervals of ``mean_times``, [a, s, 2]; those of ``rates`` are their reciprocals.

        With k escapes over T steps 2 T / chi2_(1 + c)/2(2 k + 2) to 2 T / chi2_(1 - c)/2(2 k).
        """
        if not 0 < confidence < 1:
            raise ArgumentError("confidence", f"must lie between 0 and 1, got {confidence}")
        return _intervals(self.counts, self.exposures, confidence).reciprocal().flip(-1)

    @property
    def rates(self) -> Tensor:
        """Transitions per step to each target, [a, s, t]: k / T."""
        return self.escapes.double() / self.exposures.double().unsqueeze(-1)

    @checked
    def rate_intervals(self, confidence: float = 0.95) -> Tensor:
        """Exact confidence intervals of ``rates``, [a, s, t, 2]."""
        if not 0 < confidence < 1:
            raise ArgumentError("confidence", f"must lie between 0 and 1, got {confidence}")
        return _intervals(self.escapes, self.exposures.unsqueeze(-1).expand(self.escapes.shape), confidence)

    @property
    def barriers(self) -> Tensor:
        """Slopes of ln(mean time) by 1 / noise^2, [a]: the quasipotential's barrier W in time ~ exp(W / noise^2).

        By least squares weighted with the escapes k, as ln(T / k) has the variance 1 / k. NaN where trials left at
        fewer than two levels.
        """
        return torch.tensor([_slope(self, row)[0] for row in range(len(self))], dtype=torch.float64)

    @property
    def barrier_errors(self) -> Tensor:
        """Standard errors of ``barriers`` from the counts, [a]: not of the prefactor, which may vary with the noise."""
        return torch.tensor([_slope(self, row)[1] for row in range(len(self))], dtype=torch.float64)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per attractor, level of noise and target that some trial reached; one where none left."""
        import pandas as pd

        rows, times, intervals = [], self.mean_times, self.time_intervals()
        rates, bounds = self.rates, self.rate_intervals()
        for row in range(len(self)):
            for level, noise in enumerate(self.noise.tolist()):
                targets = self.escapes[row, level].nonzero().flatten().tolist()
                here = [row, self.kinds[row], noise, float(times[row, level]), *intervals[row, level].tolist()]
                for target in targets or [None]:
                    if target is None:
                        rows.append([*here, "none", 0, 0.0, 0.0, float(bounds[row, level, 0, 1])])
                        continue
                    name = "away" if target == len(self.attractors) else str(target)
                    rate = [float(rates[row, level, target]), *bounds[row, level, target].tolist()]
                    rows.append([*here, name, int(self.escapes[row, level, target]), *rate])
        names = ["attractor", "kind", "noise", "mean_time", "time_low", "time_high", "leads_to", "escapes"]
        return pd.DataFrame(rows, columns=[*names, "rate", "rate_low", "rate_high"])

    def summary(self) -> str:
        """One line."""
        where = f"noise in the {self.noise_in}, {self.trials} trials each"
        text = f"escape times from {self._counted('attractor')} at {len(self.noise)} levels of {where}"
        return text + ("; interrupted" if self.interrupted else "")

    def _notes(self) -> Sequence[str]:
        barriers = zip(self.barriers.tolist(), self.barrier_errors.tolist(), strict=True)
        lines = [
            f"attractor {row}: barrier {barrier:.4g} +- {error:.1g}"
            for row, (barrier, error) in enumerate(barriers)
            if barrier == barrier
        ]
        return [*lines, *self.advice]

    @property
    def advice(self) -> tuple[str, ...]:
        """Where few trials left."""
        few = int((self.counts < _FEW).sum())
        if not few:
            return ()
        return (f"at {few} levels fewer than {_FEW} trials left: raise max_steps, trials or the noise",)


_FEW = 10


def _intervals(counts: Tensor, exposures: Tensor, confidence: float) -> Tensor:
    """Of rates counts / exposures of a Poisson process, [..., 2]."""
    k, time = counts.double().numpy(), exposures.double().clamp(min=1).numpy()
    low = scipy.stats.chi2.ppf((1 - confidence) / 2, 2 * k) / (2 * time)
    high = scipy.stats.chi2.ppf((1 + confidence) / 2, 2 * k + 2) / (2 * time)
    low = torch.from_numpy(low).nan_to_num(nan=0.0)  # of no event at all
    return torch.stack([low, torch.from_numpy(high)], dim=-1)


def _slope(table: EscapeTimes, row: int) -> tuple[float, float]:
    k = table.counts[row].double()
    known = k > 0
    if int(known.sum()) < 2:
        return torch.nan, torch.nan
    weights, x = k[known], table.noise[known] ** -2
    y = table.mean_times[row, known].log()
    centred = x - (weights @ x) / weights.sum()
    spread = float(weights @ centred**2)
    return float(weights @ (centred * y)) / spread, spread**-0.5
