"""A special point of a branch, as a result, and the table of several."""

import cmath
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from ...continuation import BifurcationKind
from ...store import storable

if TYPE_CHECKING:
    import pandas as pd

_RESONANT = 1e-3
"""How near exp(i k angle) must be to 1, k = 1 to 4, for a strong resonance."""

KEPT = 16
"""Leading eigenvalues in each row of a branch's table, and of each side of a border collision."""


@storable
@dataclass(frozen=True, eq=False)
class SpecialPoint:
    """A point of a branch at which an eigenvalue of DF^k lies on the unit circle, or at which DF^k jumps."""

    kind: str
    """"fold" (+1, the branch turns), "branch point" (+1, another branch crosses), "flip" (-1), "Neimark-Sacker", or
    "border collision": the branch meets a kink of F (a ReLU's corner), where eigenvalues jump, be it over the circle
    or not (Feigin 1970; di Bernardo, Budd, Champneys and Kowalczyk (2008), Piecewise-smooth Dynamical Systems, 3.1)."""

    parameter: float

    state: Tensor
    """[n]."""

    eigenvalue: complex
    """The one on the circle; of a pair that with positive imaginary part; NaN at a border collision."""

    residual: float
    """|F^k(h) - h|_2 of this very state."""

    interval: tuple[float, float]
    """(low, high): the parameters between which it was seen to lie. ``located`` ones lie in less than 1e-5 of the span:
    there s turns at a fold, a determinant or an eigenvalue changes sides, or DF jumps."""

    row: int
    """Of the branch, where it is listed too."""

    status: str = "located"
    """"located", or "bracketed" where no more is sure than the interval: Newton's method fails near the point, or
    the span ends there."""

    detail: str = ""
    """Of a branch point "pitchfork" or "transcritical"; of a fold whether two points are "born" or "meet" as the
    parameter rises; of a strongly resonant Neimark-Sacker point "1:1" to "1:4"; of a border collision "nonsmooth fold"
    (two meet and vanish at the kink, or are born there) or "persistence" (the point crosses it), and whether a cycle of
    twice the period begins there."""

    coefficient: float = math.nan
    """Of the normal form; see ``normal_forms``. NaN where F has no such derivatives."""

    criticality: str = ""
    """"supercritical": what is born is stable within the center manifold; "subcritical"; or "" where it does not
    apply, or the coefficient is 0 up to rounding."""

    multiplicity: int = 1
    """How many eigenvalues (or pairs) are on the circle at once; more than one needs a symmetry."""

    before: Tensor | None = None
    """Of a border collision the leading eigenvalues on the side of the rows before it, [m], complex."""

    after: Tensor | None = None
    """The same on the side of the rows after it."""

    @property
    def turns(self) -> bool:
        """Whether the branch turns back there: a fold, or a nonsmooth one."""
        return self.kind == "fold" or self.detail.startswith("nonsmooth fold")

    @property
    def sides(self) -> str:
        """Of a border collision how the index sign det(I - DF) and the leading eigenvalue jump; else ""."""
        if self.before is None or self.after is None:
            return ""
        signs = [1 - 2 * int(((side.imag == 0) & (side.real > 1)).sum() % 2) for side in (self.before, self.after)]
        leading = [_short(complex(side[0])) for side in (self.before, self.after)]
        return f"index {signs[0]:+d} to {signs[1]:+d}, leading eigenvalue {leading[0]} to {leading[1]}"

    @property
    def doubt(self) -> str:
        """Of a point that is only bracketed between what; else ""."""
        low, high = self.interval
        return "" if self.status == "located" else f"{self.status} between {low:.9g} and {high:.9g}"

    @property
    def label(self) -> str:
        """The short name: "LP", "BP", "PD", "NS" or "BC"."""
        return BifurcationKind(self.kind).label

    @property
    def angle(self) -> float:
        """The argument of the eigenvalue in radians: 0 at folds and branch points, pi at flips, NaN for none."""
        return abs(cmath.phase(self.eigenvalue))

    def __repr__(self) -> str:
        text = f"{self.kind} at {self.parameter:.9g}"
        notes = [self.detail, self.sides, self.criticality, self.doubt]
        if self.kind == "Neimark-Sacker":
            notes.insert(0, f"angle {self.angle:.5g}")
        notes += [f"{self.multiplicity} at once"] if self.multiplicity > 1 else []
        notes = [note for note in notes if note]
        return text + (f" ({', '.join(notes)})" if notes else "")


def _short(value: complex) -> str:
    return f"{value.real:.4g}" if value.imag == 0 else f"{value.real:.4g}{value.imag:+.4g}i"


def strong_resonance(angle: float) -> str:
    """Which strong resonance, "1:1" to "1:4", if exp(i k angle) is 1 up to 1e-3; else "".

    The Neimark-Sacker theorem excludes these angles.
    """
    for k in (1, 2, 3, 4):
        if abs(cmath.exp(1j * k * angle) - 1) < _RESONANT:
            return f"1:{k}"
    return ""


def special_table(points: list[tuple[int, SpecialPoint]]) -> "pd.DataFrame":
    """One row per special point, with the number of its branch."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "branch": branch,
                "kind": point.kind,
                "parameter": point.parameter,
                "detail": ", ".join(filter(None, (point.detail, point.sides, point.doubt))),
                "criticality": point.criticality,
                "coefficient": point.coefficient,
                "angle": point.angle,
                "eigenvalue": point.eigenvalue,
                "norm": float(point.state.norm()),
                "residual": point.residual,
            }
            for branch, point in points
        ],
        columns=[
            "branch",
            "kind",
            "parameter",
            "detail",
            "criticality",
            "coefficient",
            "angle",
            "eigenvalue",
            "norm",
            "residual",
        ],
    )
