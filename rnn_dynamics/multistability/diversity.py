"""How many attractors there are and how evenly they are reached, in numbers that do not depend on how many starts."""

from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checks import ArrayLike, as_tensor, checked
from ..fixed_points import unseen_estimate
from ..results import Result
from ..store import storable

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True)
class Diversity(Result):
    """What the hit counts of attractors say about all of them, those not yet seen included."""

    observed: int
    """Attractors seen."""

    n: int
    """Starts that settled."""

    unseen: float
    """Chao's lower bound on those not seen, f1 (f1 - 1) / (2 (f2 + 1)), from how many were hit once and twice
    (doi:10.2307/2531532)."""

    coverage: float
    """Good's estimate of the share of all basins' volume that belongs to attractors seen, 1 - f1 / n
    (doi:10.1093/biomet/40.3-4.237)."""

    entropy: float
    """Shannon entropy of the basins' shares in nats, corrected for what was not seen (Chao and Shen 2003,
    doi:10.1023/A:1026096204727); the uncorrected one falls short the more, the fewer starts there are."""

    @property
    def effective_number(self) -> float:
        """Exp(entropy): as many attractors of equal shares would be as diverse; 1 for one, 0 for none."""
        return exp(self.entropy) if self.observed else 0.0

    @property
    def richness(self) -> float:
        """Attractors seen and not seen."""
        return self.observed + self.unseen

    def to_pandas(self) -> "pd.DataFrame":
        """One row of all these numbers."""
        import pandas as pd

        names = ("observed", "n", "unseen", "richness", "coverage", "entropy", "effective_number")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def summary(self) -> str:
        """One line."""
        return (
            f"{self.observed} attractors seen from {self.n} starts, {self.unseen:.1f} more expected; coverage "
            f"{self.coverage:.1%}; entropy {self.entropy:.3f}, effective number {self.effective_number:.2f}"
        )


@checked
def diversity(hits: ArrayLike) -> Diversity:
    """Estimate diversity from hit counts [a], for example ``found.hits``.

    Raises:
        ValueError: for counts that are negative or not whole.
    """
    counts = as_tensor(hits, "hits", dtype=torch.float64, device=torch.device("cpu"))
    if (
        counts.ndim != 1
        or bool((counts < 0).any())
        or bool((counts != counts.round()).any())
        or float(counts.sum()) >= 2**53
    ):
        raise ValueError(f"hits must be counts [a], whole and not negative, got {hits!r}")
    counts = counts[counts > 0]
    n = int(counts.sum())
    once = int((counts == 1).sum())
    coverage = 1 - once / n if n else 0.0
    unseen = unseen_estimate(counts)
    most = log(len(counts) + unseen) if n else 0.0  # few hits may give more than all attractors alike would
    return Diversity(len(counts), n, unseen, coverage, min(_entropy(counts, n, once), most))


def _entropy(counts: Tensor, n: int, once: int) -> float:
    """Chao and Shen's estimator: shares shrunk to the coverage, each weighted by its chance to have been seen."""
    if not n:
        return 0.0
    coverage = 1 - min(once, n - 1) / n  # where every count is 1 the estimate would be infinite
    shares = coverage * counts / n
    return max(0.0, float(-(shares * shares.log() / (1 - (1 - shares) ** n)).sum()))
