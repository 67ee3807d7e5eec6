"""How fine basins are mixed: the uncertainty exponent of their boundary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import scipy
import torch
from torch import Tensor

from ..attractors import Attractors, Settle
from ..checks import ArgumentError, ArrayLike, Positive, Size, checked, require_positive
from ..progress import Progress
from ..results import Interruptible, Noted
from ..stopping import stoppable
from ..store import storable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, require_system
from ..tables import Table
from .places import span_of, starts_of
from .sides import UNDECIDED, Sides

if TYPE_CHECKING:
    import pandas as pd

_RESAMPLED = 400
"""Times that the starts are drawn anew for an interval: its ends are then known to a tenth of its width."""

_DIRECTIONS = 2**30
"""Seeds of directions begin here: starts that were drawn with the same seed would point along their own coordinates."""

_FEW = 10
"""Pairs that must be parted at a distance for it to tell anything of the slope."""


@storable
@dataclass(frozen=True, eq=False)
class UncertaintyExponent(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Noted, Table, whole=("exponent", "interval", "fit", "span", "attractors", "interrupted", "notes")
):
    """At each distance eps the share f of pairs of states that lead to different attractors: f ~ eps^alpha.

    alpha is 1 for a smooth boundary and below 1 for a fractal one, whose dimension in R^n is n - alpha.
    """

    _formats: ClassVar = {"share": "{:.3%}".format}

    distances: Tensor
    """As shares of ``span``, [r], from the largest."""

    parted: Tensor
    """Pairs that led to different attractors, [r]."""

    pairs: Tensor
    """Pairs both of whose states led somewhere, [r]."""

    span: float
    """Of the starts: the root mean square of their ranges in all coordinates."""

    exponent: float
    """alpha, by the most likely power law through the counts; NaN where fewer than two distances part ten pairs."""

    interval: tuple[float, float]
    """Of 95 %, from starts drawn anew: pairs of one start are parted together."""

    fit: float
    """The probability that counts of a power law lie as far from it as these (chi-square). A small one says that there
    is no one exponent over these distances: they may reach beyond the range in which boundaries look the same."""

    attractors: Attractors

    @property
    def verdict(self) -> str:
        """What is concluded of the boundary."""
        low, high = self.interval
        if self.exponent != self.exponent:
            return "too few pairs were parted to tell: more starts, or larger distances, are needed"
        if high < 1:
            return f"fractal: the interval of alpha, {low:.3g} to {high:.3g}, lies below 1"
        return f"smooth as far as can be told: the interval of alpha, {low:.3g} to {high:.3g}, has 1 in it"

    @property
    def dimension(self) -> float:
        """Of the boundary, in the space of states: n - alpha."""
        return self.attractors.states.shape[-1] - self.exponent

    def to_pandas(self) -> "pd.DataFrame":
        """One row per distance."""
        import pandas as pd

        names = {"distance": self.distances * self.span, "pairs": self.pairs, "parted": self.parted}
        table = {name: column.numpy() for name, column in names.items()}
        return pd.DataFrame({**table, "share": (self.parted / self.pairs.clamp(min=1)).numpy()})

    def summary(self) -> str:
        """One line."""
        return f"uncertainty exponent alpha = {self.exponent:.4g}: {self.verdict}"

    def _notes(self) -> Sequence[str]:
        if self.fit < 0.01:
            return [f"no one power law fits these distances (p = {self.fit:.1g}): look at the table"]
        return []


@checked
@torch.no_grad()
def uncertainty_exponent(
    system: AutonomousMap,
    found: Attractors,
    starts: ArrayLike | None = None,
    *,
    n: Size = 4096,
    largest: Annotated[float, Positive()] = 5e-2,
    smallest: Annotated[float, Positive()] = 1e-4,
    distances: Size = 7,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> UncertaintyExponent:
    """Measure how fast uncertainty of where a state leads falls as the state is known better: f(eps) ~ eps^alpha.

    Each start x is paired with x + eps u, u a random direction that it keeps for every eps, and a pair is parted if the
    two lead to different attractors. To halve the chance of being wrong takes a precision 2^(1 / alpha) times finer.

    Args:
        system: the map.
        found: its attractors.
        starts: [k, n]; by default ``n`` uniform in the map's box. Directions are scaled by what they span in each
            coordinate, so that starts on a line or a plane have their pairs there.
        n: how many are drawn. Of n pairs about n f are parted: at f = 1e-2 an exponent from 4,096 is known to .1.
        largest: distance as a share of the span: small, so that few pairs span two boundaries.
        smallest: distance; where settling takes long or states are float32, nothing finer can be told.
        distances: how many, in equal ratios.
        settle: how states settle, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of starts and directions.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row a distance. Ctrl-C ends it early, with the distances that were done.

    Raises:
        ValueError: for attractors of another map or none, starts that do not fit or span nothing, or none where no box
            is known.

    Source: Grebogi, McDonald, Ott and Yorke 1983, doi:10.1016/0375-9601(83)90945-3.
    """
    require_system(system)
    require_positive(n=n, distances=distances, memory_budget=memory_budget)
    if not smallest < largest:
        raise ArgumentError("smallest", f"must lie below largest = {largest:g}, got {smallest:g}")
    if distances < 2:
        raise ArgumentError("distances", f"must be 2 or more, to see a slope, got {distances}")
    states = starts_of(system, found, starts, n, seed)
    ranges = states.amax(dim=0) - states.amin(dim=0)
    span = span_of(states)
    if not span > 0:
        raise ArgumentError("starts", "span nothing: all of them are one state")
    generator = torch.Generator().manual_seed(_DIRECTIONS + seed)
    drawn = torch.randn(states.shape, generator=generator, dtype=torch.float64).to(states) * ranges
    units = drawn / drawn.norm(dim=-1, keepdim=True)
    sides = Sides(system, found, settle, memory_budget, seed)
    sizes = torch.logspace(0, 1, distances, base=smallest / largest, dtype=torch.float64) * largest
    flags: list[Tensor] = []
    known: list[Tensor] = []
    with stoppable() as stop, Progress("uncertainty", progress, total=1 + distances, unit="distance") as bar:
        own = sides(states)
        bar.update()
        for size in sizes.tolist():
            other = sides(states + size * span * units)
            flags.append(own != other)
            known.append((own != UNDECIDED) & (other != UNDECIDED))
            bar.update()
    decided = torch.stack(known, dim=1) if known else torch.zeros(len(states), 0, dtype=torch.bool)
    parted = torch.stack(flags, dim=1) & decided if flags else decided
    sizes = sizes[: parted.shape[1]]
    exponent, interval, fit = _power_law(parted, decided, sizes, seed)
    return UncertaintyExponent(
        distances=sizes,
        parted=parted.sum(dim=0),
        pairs=decided.sum(dim=0),
        span=span,
        exponent=exponent,
        interval=interval,
        fit=fit,
        attractors=sides.attractors,
        notes=system.notes,
        interrupted=bool(stop),
    )


def _power_law(parted: Tensor, decided: Tensor, sizes: Tensor, seed: int) -> tuple[float, tuple[float, float], float]:
    """The slope of ln f by ln eps with its interval, and how well counts fit it; from flags of starts [k, r]."""
    told = parted.sum(dim=0) >= _FEW
    if int(told.sum()) < 2:
        return torch.nan, (torch.nan, torch.nan), torch.nan
    flags, known, x = parted[:, told].double(), decided[:, told].double(), sizes[told].log()
    slope, misfit = (float(number) for number in _slopes(flags.sum(dim=0), known.sum(dim=0), x))
    generator = torch.Generator().manual_seed(seed)
    times = torch.stack(
        [
            torch.bincount(torch.randint(len(flags), (len(flags),), generator=generator), minlength=len(flags))
            for _ in range(_RESAMPLED)
        ]
    ).double()
    slopes = _slopes(times @ flags, times @ known, x)[0]
    low, high = slopes.quantile(torch.tensor([0.025, 0.975], dtype=slopes.dtype)).tolist()
    freedom = len(x) - 2
    return slope, (low, high), float(scipy.stats.chi2.sf(misfit, freedom)) if freedom else torch.nan


def _slopes(counts: Tensor, totals: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """By least squares with the variance (1 - f) / k of ln f, and the weighted squares that are left; [..., r]."""
    k = counts.clamp(min=0.5)  # a distance that a resample leaves without any weighs next to nothing
    shares = k / totals.clamp(min=1)
    weights, y = k / (1 - shares).clamp(min=1e-9), shares.log()
    total = weights.sum(dim=-1, keepdim=True)
    across, up = (
        x - (weights * x).sum(dim=-1, keepdim=True) / total,
        y - (weights * y).sum(dim=-1, keepdim=True) / total,
    )
    slope = (weights * across * up).sum(dim=-1) / (weights * across**2).sum(dim=-1)
    return slope, (weights * (up - slope[..., None] * across) ** 2).sum(dim=-1)
