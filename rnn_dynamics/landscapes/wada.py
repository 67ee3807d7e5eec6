"""Whether every point of a boundary touches all basins at once: Wada's property, by merging."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..attractors import BasinMap
from ..checks import ArgumentError, checked
from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd

_STRIDES = (4, 2, 1)
"""The grid is looked at with every fourth cell, every second, and whole."""

_NARROW = 64
"""Cells along the shorter side below which a quarter of the grid shows no boundary worth the name."""


@storable
@dataclass(frozen=True, eq=False)
class Wada(Table, whole=("basins", "undecided")):  # pyright: ignore[reportIncompatibleVariableOverride]
    """How far the boundaries of merged basins lie apart, at three resolutions, a row each.

    With all basins but i merged there are two colours, and a boundary d_i. Where the boundary has Wada's property all
    d_i are one set, and ``farthest`` = max over i, j and x in d_i of the distance from x to d_j is that of the grid,
    some cells however fine these are. Where it has not, it is a length of the picture: twice as many cells of half the
    size.
    """

    strides: Tensor
    """Every how many cells were looked at, [r]."""

    farthest: Tensor
    """In cells of that grid, [r]."""

    farthest_pair: Tensor
    """The basins (i, j) between whose boundaries that is, [r, 2]: rows of the map's attractors."""

    basins: tuple[int, ...]
    """Which the picture holds: rows of the map's attractors."""

    undecided: float
    """The share of cells that lead to no attractor: they belong to no boundary."""

    @property
    def growth(self) -> float:
        """By how many powers of two ``farthest`` grew, in cells, for each halving of them: 0 for Wada, 1 for not."""
        if len(self) < 2:
            return math.nan
        first, last = self.farthest[0].item(), self.farthest[-1].item()
        return math.log2(last / first) / math.log2(self.strides[0].item() / self.strides[-1].item())

    @property
    def verdict(self) -> str:
        """What the three resolutions say."""
        growth = self.growth
        if math.isnan(growth):
            return "unknown: it takes two resolutions to tell"
        far = float(self.farthest[-1])
        told = f"boundaries are at most {far:.3g} cells apart, growing as the power {growth:.2g} of the resolution"
        if growth < 0.5:
            return f"Wada as far as this grid tells: {told}"
        i, j = self.farthest_pair[-1].tolist()
        return f"not Wada: {told}; the boundary of basin {i} has points far from that of basin {j}"

    def to_pandas(self) -> "pd.DataFrame":
        """One row per resolution."""
        import pandas as pd

        pairs = [f"{i}, {j}" for i, j in self.farthest_pair.tolist()]
        return pd.DataFrame({"every": self.strides.numpy(), "farthest": self.farthest.numpy(), "farthest_pair": pairs})

    def summary(self) -> str:
        """One line."""
        return f"{len(self.basins)} basins merged one against the rest: {self.verdict}"

    def _notes(self) -> Sequence[str]:
        return [f"{self.undecided:.1%} of the states lead to no attractor"] if self.undecided else []


@checked
def wada(basins: BasinMap) -> Wada:
    """Tell whether the basins of a plane have Wada's property: that each point of a boundary touches all of them.

    For each basin the others are merged, which leaves two colours and one boundary; where all these boundaries agree,
    each of their points touches every basin, and the smallest error in a state makes every outcome possible.

    Args:
        basins: of three attractors or more, at 256 cells or more along the shorter side.

    Returns:
        How far the boundaries differ with every fourth cell, every second and all cells.

    Raises:
        ValueError: for fewer than three basins in the picture or less than 256 cells.

    Source: the merging method, Daza, Wagemakers and Sanjuan 2018, doi:10.1038/s41598-018-28119-0; here without a
    threshold for how thick a boundary may be: what counts is whether cells or the picture are its measure.
    """
    labels = basins.labels.cpu().numpy()
    present = [int(row) for row in np.unique(labels) if row >= 0]
    if len(present) < 3:
        raise ArgumentError("basins", f"must hold three basins or more to be merged, the picture has {len(present)}")
    if min(labels.shape) < _NARROW * _STRIDES[0]:
        size = f"{labels.shape[0]} x {labels.shape[1]}"
        raise ArgumentError("basins", f"must have {_NARROW * _STRIDES[0]} cells or more along either side, got {size}")
    farthest, pairs = [], []
    for stride in _STRIDES:
        distance, pair = _farthest(labels[::stride, ::stride], present)
        farthest.append(distance)
        pairs.append(pair)
    return Wada(
        strides=torch.tensor(_STRIDES),
        farthest=torch.tensor(farthest, dtype=torch.float64),
        farthest_pair=torch.tensor(pairs),
        basins=tuple(present),
        undecided=float((labels < 0).mean()),
    )


def _farthest(labels: np.ndarray, basins: Sequence[int]) -> tuple[float, tuple[int, int]]:
    """The largest distance from a point of one boundary to another boundary, and whose they are."""
    from scipy.ndimage import distance_transform_edt

    borders = [_border(labels, basin) for basin in basins]
    lost = [basin for basin, border in zip(basins, borders, strict=True) if not border.any()]
    if lost:
        raise ArgumentError("basins", f"must show the boundary of every basin; that of {lost[0]} is not in the picture")
    worst, pair = 0.0, (basins[0], basins[1])
    for j, border in zip(basins, borders, strict=True):
        away = np.asarray(distance_transform_edt(~border))
        for i, other in zip(basins, borders, strict=True):
            if float(away[other].max()) > worst:
                worst, pair = float(away[other].max()), (i, j)
    return max(worst, 1.0), pair  # what is nearer than a cell cannot be told


def _border(labels: np.ndarray, basin: int) -> np.ndarray:
    """Cells of the basin beside cells of another one, and those."""
    inside, outside = labels == basin, (labels != basin) & (labels >= 0)
    border = np.zeros(labels.shape, dtype=bool)
    for here, there in (
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
    ):
        crossed = (inside[here] & outside[there]) | (outside[here] & inside[there])
        border[here] |= crossed
        border[there] |= crossed
    return border
