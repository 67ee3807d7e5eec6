"""What became of each fixed point that was followed."""

from dataclasses import dataclass

from torch import Tensor

from ..tables import Table
from .special import Special


@dataclass(frozen=True, eq=False)
class Followed(Table, whole=("start", "end", "units")):
    """One row per point that was followed, in the order given; ``len`` counts them."""

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

    def __repr__(self) -> str:
        kinds = ("arrived", "fold", "left", "unresolved")
        counts = ", ".join(f"{self.outcomes.count(kind)} {kind}" for kind in kinds if kind in self.outcomes)
        lines = [f"{len(self)} fixed points followed from t = {self.start:g} to {self.end:g}: {counts}"]
        for row, outcome in enumerate(self.outcomes):
            notes = [repr(crossing) for crossing in self.crossings[row]]
            notes += [self.reasons[row]] if self.reasons[row] else []
            if outcome in ("left", "unresolved"):
                notes.insert(0, f"last seen at t = {float(self.parameters[row]):.6g}")
            if notes or outcome != "arrived":
                lines.append(f"  {row}: {outcome}" + (f" ({'; '.join(notes)})" if notes else ""))
        return "\n".join(lines[:41])
