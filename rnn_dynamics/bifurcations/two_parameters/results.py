"""A bifurcation curve in the plane of two parameters as a table, and the points of codimension two on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ...results import evenly
from ...store import storable
from ...tables import Table, chosen_ends, renumbered

if TYPE_CHECKING:
    import pandas as pd


CODIMENSION_TWO = {
    "cusp": "CP",
    "1:1 resonance": "R1",
    "1:2 resonance": "R2",
    "1:3 resonance": "R3",
    "1:4 resonance": "R4",
    "generalised flip": "GPD",
    "Chenciner": "CH",
    "fold-flip": "LPPD",
    "fold-Neimark-Sacker": "LPNS",
    "flip-Neimark-Sacker": "PDNS",
    "double Neimark-Sacker": "NSNS",
}
"""Kinds and their short names (Kuznetsov 2004, chapter 9)."""

CURVE_ENDS = {
    "span": "it leaves the rectangle of parameters",
    "closed": "it closes upon itself",
    "bound": "it runs beyond the bound on |h|",
    "1:1 resonance": "the angle reaches 0: beyond, the pair is real and there are no circles",
    "1:2 resonance": "the angle reaches pi: beyond, the pair is real and there are no circles",
    "steps": "max_steps ended it",
    "stalled": "no short step is safe: F has a kink, or two curves come nearer than rounding can tell",
    "interrupted": "Ctrl-C ended it",
    "chosen": "rows beyond were not chosen",
}
"""Why a curve ends where it does."""


@storable
@dataclass(frozen=True, eq=False)
class CodimensionTwoPoint:
    """A point of a bifurcation curve at which a second condition holds."""

    kind: str
    """A key of ``CODIMENSION_TWO``."""

    parameters: Tensor
    """(p, q), [2]."""

    state: Tensor
    """[n]; of a cycle one phase."""

    row: int
    """Of the curve, where it is listed too."""

    residual: float
    """|F^k(h) - h|_2 of this very state."""

    eigenvalues: Tensor
    """The leading ones of DF^k, [m], complex, by falling modulus."""

    @property
    def label(self) -> str:
        """Its short name: "CP", "R1" to "R4", "GPD", "CH", "LPPD", "LPNS", "PDNS" or "NSNS"."""
        return CODIMENSION_TWO[self.kind]

    def __repr__(self) -> str:
        p, q = self.parameters.tolist()
        return f"{self.kind} ({self.label}) at ({p:.9g}, {q:.9g})"


@storable
@dataclass(frozen=True, eq=False)
class BifurcationCurve(Table, whole=("kind", "codimension_two", "ends", "spans", "period", "refused"), in_order=True):
    """Where in the plane of two parameters one bifurcation happens: one row each, in order; ``len`` counts rows.

    Points of codimension two are rows of their own. ``curve[:40]`` and the like are choices of rows (see
    ``tables.Table``), with those points among them.
    """

    _dimensions: ClassVar = {"parameters": ("row", "parameter"), "states": ("row", "unit")}

    kind: str
    """"fold", "flip" or "Neimark-Sacker"."""

    parameters: Tensor
    """(p, q), [k, 2]."""

    states: Tensor
    """[k, n]; of cycles one phase."""

    residuals: Tensor
    """|F^period(h) - h|_2 of these very states, [k]."""

    tests: Tensor
    """How far the critical eigenvalue is from +1 (folds), -1 (flips) or the unit circle (Neimark-Sacker), [k]. Near
    1:1 and 1:2 resonances an eigenvalue is double and known to the root of rounding only."""

    angles: Tensor
    """The argument of the critical eigenvalue in radians, [k]: 0 at folds, pi at flips."""

    coefficients: Tensor
    """Of the normal form, [k]; see ``normal_forms``. At folds its sign belongs to an eigenvector that is the same all
    along the curve, so that it changes at cusps. NaN where it is not defined or F has no such derivatives."""

    n_unstable: Tensor
    """How many other eigenvalues of DF^period are outside the unit circle, [k]: 0 where attractors change."""

    codimension_two: tuple[CodimensionTwoPoint, ...]
    """In order along the curve."""

    ends: tuple[str, str]
    """Why it ends at its first and last row: a key of ``CURVE_ENDS``."""

    spans: tuple[tuple[float, float], tuple[float, float]]
    """The rectangle of (p, q) that it was followed in."""

    period: int = 1

    refused: int = 0
    """Steps that were refused and taken again, shorter."""

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        ends = chosen_ends(self.ends, rows, len(self))
        return {"codimension_two": renumbered(self.codimension_two, rows), "ends": ends}

    @property
    def label(self) -> str:
        """Its short name: "LP", "PD" or "NS"."""
        return {"fold": "LP", "flip": "PD"}.get(self.kind, "NS")

    @property
    def closed(self) -> bool:
        """Whether it is a closed curve."""
        return self.ends[0] == "closed"

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it: its last row, or its first, is where it was then."""
        return "interrupted" in self.ends

    def to_pandas(self) -> "pd.DataFrame":
        """One row per point."""
        import pandas as pd

        names = {point.row: point.label for point in self.codimension_two}
        return pd.DataFrame(
            {
                "p": self.parameters[:, 0].numpy(),
                "q": self.parameters[:, 1].numpy(),
                "norm": self.states.norm(dim=-1).numpy(),
                "angle": self.angles.numpy(),
                "coefficient": self.coefficients.numpy(),
                "n_unstable": self.n_unstable.numpy(),
                "test": self.tests.numpy(),
                "residual": self.residuals.numpy(),
                "special": [names.get(row, "") for row in range(len(self))],
            }
        )

    def special_table(self) -> "pd.DataFrame":
        """One row per point of codimension two."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "kind": point.kind,
                    "label": point.label,
                    "p": float(point.parameters[0]),
                    "q": float(point.parameters[1]),
                    "residual": point.residual,
                }
                for point in self.codimension_two
            ],
            columns=["kind", "label", "p", "q", "residual"],
        )

    def summary(self) -> str:
        """One line: what of, where, what it passes, and how it ends."""
        what = "fixed points" if self.period == 1 else f"cycles of period {self.period}"
        known = self.parameters if len(self) else torch.full((1, 2), math.nan)
        (p0, q0), (p1, q1) = known.amin(dim=0).tolist(), known.amax(dim=0).tolist()
        where = f"p from {p0:.6g} to {p1:.6g}, q from {q0:.6g} to {q1:.6g}"
        text = f"{self.kind} curve of {what}, {self._counted('row')}, {where}"
        if self.codimension_two:
            text += "; passes " + ", ".join(point.label for point in self.codimension_two)
        ends = "closed" if self.closed else " and ".join(self.ends)
        return f"{text}; ends: {ends}"

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())

    def _notes(self) -> Sequence[str]:
        worst = float(self.residuals.max()) if len(self) else math.nan
        points = [repr(point) for point in self.codimension_two[:40]]
        return [
            *points,
            f"residuals up to {worst:.1e}",
            *(f"end: {CURVE_ENDS[end]}" for end in dict.fromkeys(self.ends)),
        ]
