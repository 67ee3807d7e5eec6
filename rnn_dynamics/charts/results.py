"""A chart in two parameters: a value for each cell, small cells where it changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from torch import Tensor

from ..checks import ArgumentError, AtLeast, checked
from ..families import Rectangle
from ..results import Interruptible, Noted, evenly
from ..store import storable
from ..tables import Table
from .cells import Cells
from .orbits import Conduct

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = ("spans", "shape", "depth", "measure", "label", "settings", "starts", "interrupted", "notes")


@storable
@dataclass(frozen=True, eq=False)
class Chart(Interruptible, Noted, Table, whole=_WHOLE):  # pyright: ignore[reportIncompatibleVariableOverride]
    """What was measured at the middle of each cell; cells tile the rectangle of (p, q), a row each."""

    _dimensions: ClassVar = {"parameters": ("row", "parameter"), "places": ("row", "parameter")}

    parameters: Tensor
    """The middles (p, q), [c, 2]."""

    levels: Tensor
    """How often the cell of the grid was cut into four to come to this one, [c]."""

    places: Tensor
    """Its column and row, counted in cells of its size, [c, 2]."""

    values: Tensor
    """[c]; NaN where it is not known, and where nothing was computed yet."""

    classes: Tensor
    """Neighbours of another class were refined, [c]."""

    conducts: Tensor
    """What the first orbit does, codes of ``charts.Conduct``, [c]; -1 where nothing was computed yet."""

    periods: Tensor
    """Of the first orbit, [c]; 0 where it is not periodic."""

    exponents: Tensor
    """Its largest Lyapunov exponent per step, [c]."""

    errors: Tensor
    """Its standard error, from block means, [c]."""

    unsettled: Tensor
    """Starts that ran away or of which it is not told where they go, [c]; -1 where nothing was computed yet."""

    spans: Rectangle
    """Of (p, q)."""

    shape: tuple[int, int]
    """Columns and rows of the grid that the refinement began from."""

    depth: int
    """How often a cell may be cut."""

    measure: str
    """What the values are, as it was asked for."""

    label: str
    """The same in a word or two."""

    settings: str
    """All that decides the values beside the family and the starts."""

    starts: Tensor
    """Where orbits begin in each cell, [k, n]."""

    @property
    def done(self) -> Tensor:
        """Whether each cell was computed, [c]."""
        return self.conducts >= 0

    @property
    def cells(self) -> Cells:
        """Where the cells are."""
        return Cells(self.spans, self.shape, self.levels, self.places)

    @property
    def areas(self) -> Tensor:
        """The share of the rectangle that each cell covers, [c]."""
        columns, rows = self.shape
        return 0.25 ** self.levels.double() / (columns * rows)

    @checked
    def share(self, value: float) -> float:
        """The share of the computed part of the rectangle that has this value."""
        areas = self.areas[self.done]
        return float(areas[self.values[self.done] == value].sum() / areas.sum()) if len(areas) else 0.0

    @checked
    def image(self, column: str = "values", depth: Annotated[int, AtLeast(0, 12)] | None = None) -> Tensor:
        """A column as an image of the smallest cells, [rows, columns], q rising from row to row.

        Args:
            column: "values", "exponents", "periods", "conducts", "classes", ...
            depth: of the finest cells; that of the chart by default.
        """
        values = getattr(self, column, None) if column in self._columns() else None
        if not isinstance(values, Tensor) or values.ndim != 1:
            raise ArgumentError("column", f"must be a column of numbers, as 'values', got {column!r}"[:200])
        raster = self.cells.raster(max(self.depth, depth or 0))
        return values[torch.from_numpy(raster)]

    def at(self, p: float, q: float) -> "Chart":
        """The one cell that (p, q) lies in."""
        middle = self.parameters
        sides = torch.tensor([abs(end - start) for start, end in self.spans], dtype=torch.float64)
        half = sides / torch.tensor(self.shape) / 2 ** self.levels[:, None] / 2
        inside = ((middle - torch.tensor([p, q], dtype=torch.float64)).abs() <= half * (1 + 1e-12)).all(dim=1)
        return self[inside.nonzero().flatten()[:1]]

    def to_pandas(self) -> "pd.DataFrame":
        """One row per computed cell."""
        import pandas as pd

        done = self.done
        return pd.DataFrame(
            {
                "p": self.parameters[done, 0].numpy(),
                "q": self.parameters[done, 1].numpy(),
                "value": self.values[done].numpy(),
                "conduct": [Conduct(code).word for code in self.conducts[done].tolist()],
                "period": self.periods[done].numpy(),
                "exponent": self.exponents[done].numpy(),
                "error": self.errors[done].numpy(),
                "unsettled": self.unsettled[done].numpy(),
                "level": self.levels[done].numpy(),
            }
        )

    def summary(self) -> str:
        """One line: how many cells, how fine, and what orbits do there."""
        columns, rows = self.shape
        areas = self.areas[self.done]
        parts = []
        for conduct in Conduct:
            share = float(areas[self.conducts[self.done] == conduct].sum() / areas.sum()) if len(areas) else 0.0
            parts += [f"{conduct.word} {share:.1%}"] if share > 0 else []
        finest = f", refined to {columns * 2**self.depth} x {rows * 2**self.depth}" if self.depth else ""
        text = f"{self.label} over {columns} x {rows} cells{finest}: {self._counted('cell')}"
        text += f"; {', '.join(parts)}" if parts else ""
        return text + (f"; interrupted after {int(self.done.sum())} cells" if self.interrupted else "")

    @property
    def advice(self) -> tuple[str, ...]:
        """Where it was not told what orbits do."""
        undecided = int((self.conducts == Conduct.UNDECIDED).sum())
        if not undecided:
            return ()
        return (f"at {undecided} cells it is not told what the first orbit does: raise watch's max_steps",)

    def _of_a_choice(self, _: list[int], /) -> dict[str, Any]:
        return {}

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())

    def _notes(self) -> Sequence[str]:
        return self.advice
