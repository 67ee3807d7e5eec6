"""What became of each fixed point that was followed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from ..tables import Table
from .special import Special

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Followed(Table, whole=("start", "end", "units")):
    """One row per point that was followed, in the order given; ``len`` counts them."""

    _dimensions: ClassVar = {"units": ("unit",), **dict.fromkeys(("ends", "fold_states"), ("row", "unit"))}

    start: float

    end: float

    units: Tensor
    """What is small in each coordinate, [n]: distances were measured in these (``systems.walk_units``)."""

    outcomes: tuple[str, ...]
    """"arrived" at ``end``; "fold": its branch turns back, so that it and a partner meet and vanish; "left": it ran off
    to infinity; "unresolved": see ``reasons``."""

    ends: Tensor
    """[p, n]: the fixed point at ``end`` of rows that arrived; for folds the partner's state at ``start``, NaN where
    the walk round the fold did not reach it; NaN for others."""

    residuals: Tensor
    """|F(h) - h|_2 of those very states, at ``end`` or ``start``, [p]."""

    parameters: Tensor
    """[p]: t of the (first) fold, ``end`` for rows that arrived, else where the row was last seen."""

    fold_states: Tensor
    """[p, n]: the state at the first fold of every row that passed one; NaN for others."""

    crossings: tuple[tuple[Special, ...], ...]
    """For each row what its eigenvalues crossed on its way, in the order passed: to ``end`` for rows that arrived,
    round the fold to ``start`` for folds."""

    reasons: tuple[str, ...]
    """Why a row is unresolved, or a fold's partner unknown; empty otherwise."""

    def to_pandas(self) -> "pd.DataFrame":
        """One row per point that was followed."""
        import pandas as pd

        return pd.DataFrame(
            {
                "outcome": self.outcomes,
                "parameter": self.parameters.cpu().numpy(),
                "residual": self.residuals.cpu().numpy(),
                "crossings": ["; ".join(map(repr, passed)) for passed in self.crossings],
                "reason": self.reasons,
            }
        )

    def summary(self) -> str:
        """One line: how many, from where to where, and how they ended."""
        kinds = ("arrived", "fold", "left", "unresolved")
        counts = ", ".join(f"{self.outcomes.count(kind)} {kind}" for kind in kinds if kind in self.outcomes)
        text = f"{self._counted('fixed point')} followed from t = {self.start:g} to {self.end:g}"
        return text + (f": {counts}" if counts else "")
