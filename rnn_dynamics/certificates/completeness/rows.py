"""What a census tells of the fixed points of a map, and of their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

import torch
from torch import Tensor

from ...checks import ArrayLike
from ...results import Interruptible, Noted
from ...tables import Table
from ..stored_step import StoredStep

if TYPE_CHECKING:
    import pandas as pd

Within = tuple[ArrayLike | float, ArrayLike | float]

_SHOWN = 4
"""Undecided regions that are named."""


@dataclass(frozen=True, eq=False)
class CensusRows(  # pyright: ignore[reportIncompatibleVariableOverride]
    Table,
    Interruptible,
    Noted,
    whole=(
        "box",
        "everywhere",
        "undecided",
        "boxes",
        "budget",
        "astray",
        "step",
        "lifting",
        "obstacle",
        "interrupted",
        "notes",
    ),
):
    """All fixed points in a box, one row each; ``FixedPointCensus`` says more of them."""

    _dimensions: ClassVar = {
        "states": ("row", "unit"),
        "lower": ("row", "coordinate"),
        "upper": ("row", "coordinate"),
        "box": ("end", "coordinate"),
        "undecided": ("end", "region", "coordinate"),
    }

    states: Tensor
    """[p, n]: the middles of their boxes, as float64 has them."""

    lower: Tensor
    """[p, r]: the lower corner of a box in which there is exactly one fixed point; r = n, or of a low-rank network its
    rank: then the box is one of y, with h = c + M y, or h = f(c + M y)."""

    upper: Tensor
    """[p, r]."""

    rows: Tensor | None
    """[p]: which of the states that were ``found`` each is; -1 for one that the search missed. None where none were
    given."""

    box: Tensor
    """[2, r]: lower and upper corner of what was searched."""

    everywhere: bool
    """Whether all fixed points of R^n are proved to lie in that box."""

    undecided: Tensor
    """[2, u, r]: the corners of regions that may hold fixed points: degenerate ones, or what the budget left."""

    boxes: int
    """How many were looked at."""

    budget: int

    astray: Tensor
    """Numbers of the states ``found`` that are not told to be one of the rows, [q]: no fixed points, or undecided."""

    step: StoredStep | None = None
    """The map that was searched, all of it, so that ``check`` needs nothing else: F without its gates, or in the space
    of its rank, with the fixed points of F; None where nothing is proved."""

    lifting: StoredStep | None = None
    """Of a low-rank network what makes states of the y; else None."""

    obstacle: str = ""
    """Why nothing could be proved at all, or what of it was not confirmed (``check``), in a sentence; else ""."""

    @property
    def complete(self) -> bool:
        """Whether these are proved to be all fixed points in the box; of R^n where ``everywhere``."""
        return self.chosen_from is None and not (self.obstacle or self.undecided.shape[1] or self.interrupted)

    @property
    def missed(self) -> Tensor:
        """The states [q, n] of fixed points that were not among those found."""
        return self.states[:0] if self.rows is None else self.states[self.rows < 0]

    @property
    def undecided_share(self) -> float:
        """The volume of the undecided regions as a share of the box's; regions may overlap, so it is not above that."""
        edges = (self.undecided[1] - self.undecided[0]) / (self.box[1] - self.box[0])
        return min(1.0, float(edges.prod(dim=-1).sum()))

    @property
    def reason(self) -> str:
        """Why they are not proved to be all; "" where they are."""
        if self.obstacle or self.complete:
            return self.obstacle
        if self.chosen_from is not None:
            return "other rows were not chosen"
        if self.interrupted:
            return "Ctrl-C ended it"
        count = self.undecided.shape[1]
        spent = "the budget was spent" if self.boxes >= self.budget else "fixed points there are degenerate, or nearly"
        regions = "1 region is" if count == 1 else f"{count} regions are"
        return f"{regions} undecided, {self.undecided_share:.1e} of the box: {spent}"

    def to_pandas(self) -> "pd.DataFrame":
        """One row per fixed point."""
        import pandas as pd

        columns = {
            "norm": self.states.norm(dim=-1).numpy(),
            "radius": ((self.upper - self.lower) / 2).amax(dim=-1).numpy(),
        }
        return pd.DataFrame(columns if self.rows is None else {**columns, "found": self.rows.numpy()})

    def summary(self) -> str:
        """One line: how many, whether they are all, of what."""
        where = "" if self.everywhere else " in the box"
        counted = self._counted("fixed point")
        if self.complete:
            return f"{counted}{where}: proved to be all, by {self.boxes} boxes"
        return f"{counted}{where} proved, by {self.boxes} boxes; not proved to be all: {self.reason}"

    def _notes(self) -> Sequence[str]:
        notes = [f"{len(self.missed)} of them were not found by the search"] if len(self.missed) else []
        if len(self.astray):
            notes.append(f"found states {self.astray.tolist()} are not told to be any of them")
        for low, high in zip(*self.undecided[:, :_SHOWN], strict=True):
            notes.append(f"undecided from {_short(low)} to {_short(high)}")
        return notes


def _short(corner: Tensor) -> str:
    return str([float(f"{x:.4g}") for x in corner.tolist()])


Census = TypeVar("Census", bound=CensusRows)


def census_of_nothing(table: type[Census], n: int, budget: int, obstacle: str) -> Census:
    """That of a map of which nothing could be proved."""
    none = torch.zeros(0, n, dtype=torch.float64)
    endless = torch.full((n,), torch.inf, dtype=torch.float64)
    return table(
        states=none,
        lower=none,
        upper=none,
        rows=None,
        box=torch.stack([-endless, endless]),
        everywhere=True,
        undecided=torch.stack([-endless, endless]).unsqueeze(1),
        boxes=0,
        budget=budget,
        astray=torch.zeros(0, dtype=torch.long),
        obstacle=obstacle,
    )
