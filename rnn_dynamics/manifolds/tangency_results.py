"""What continuation of connecting orbits gives: a branch with its tangencies, and a curve of tangencies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from ..results import Interruptible, evenly
from ..store import storable
from ..tables import Table, chosen_ends, renumbered

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class Tangency:
    """Where an unstable and a stable manifold touch: two connecting orbits meet and vanish."""

    parameter: float

    orbit: Tensor
    """[N + 1, n]."""

    angle: float
    """The smallest between the manifolds along it: 0 up to the root of rounding."""

    residual: float

    row: int
    """Of the branch: the tangency lies between the row before this one and this one."""

    source: Tensor
    """[n]."""

    target: Tensor
    """[n]."""

    period: int

    def __repr__(self) -> str:
        return f"tangency at {self.parameter:.10g} (angle {self.angle:.1e})"


@storable
@dataclass(frozen=True, eq=False)
class ConnectionBranch(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Table, whole=("tangencies", "ends", "interrupted"), in_order=True
):
    """A connecting orbit over a parameter, a row a step."""

    _dimensions: ClassVar = {"orbits": ("row", "step", "unit")}

    parameters: Tensor
    """[r]."""

    orbits: Tensor
    """[r, N + 1, n]."""

    residuals: Tensor
    """Of the boundary-value problem, [r]."""

    angles: Tensor
    """The smallest between the manifolds along each orbit, radians, [r]."""

    tangencies: tuple[Tangency, ...]
    """In order along the branch."""

    ends: tuple[str, str]
    """Why it ends there: "span", "bound", "steps", "stalled" (the saddles are lost, or steps too short) or
    "interrupted"."""

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        return {"tangencies": renumbered(self.tangencies, rows), "ends": chosen_ends(self.ends, rows, len(self))}

    def to_pandas(self) -> "pd.DataFrame":
        """One row per step."""
        import pandas as pd

        return pd.DataFrame(
            {
                "parameter": self.parameters.numpy(),
                "angle": self.angles.numpy(),
                "residual": self.residuals.numpy(),
            }
        )

    def summary(self) -> str:
        """One line."""
        text = f"connecting orbit of {self.orbits.shape[1] - 1} steps, {self._counted('row')}"
        if len(self):
            text += f", {float(self.parameters.min()):.6g} to {float(self.parameters.max()):.6g}"
        return f"{text}, ends: {self.ends[0]}, {self.ends[1]}"

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())

    def _notes(self) -> Sequence[str]:
        return [repr(tangency) for tangency in self.tangencies]


@storable
@dataclass(frozen=True, eq=False)
class TangencyCurve(Table, whole=("spans", "ends", "cusps"), in_order=True):
    """Where in the plane of two parameters two manifolds touch, a row a step."""

    _dimensions: ClassVar = {"parameters": ("row", "parameter"), "orbits": ("row", "step", "unit")}

    parameters: Tensor
    """(p, q), [r, 2]."""

    orbits: Tensor
    """[r, N + 1, n]."""

    residuals: Tensor
    """Of the boundary-value problem, [r]."""

    angles: Tensor
    """The smallest between the manifolds along each orbit, radians, [r]: 0 up to the root of rounding."""

    spans: tuple[tuple[float, float], tuple[float, float]]
    """Of p and q."""

    ends: tuple[str, str]
    """Why it ends, as those of a ``BifurcationCurve``."""

    cusps: tuple[int, ...]
    """Rows at which the manifolds touch in third order."""

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        places = {row: number for number, row in enumerate(rows)}
        cusps = tuple(places[row] for row in self.cusps if row in places)
        return {"cusps": cusps, "ends": chosen_ends(self.ends, rows, len(self))}

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early."""
        return "interrupted" in self.ends

    def to_pandas(self) -> "pd.DataFrame":
        """One row per step."""
        import pandas as pd

        p, q = self.parameters.T.numpy()
        return pd.DataFrame({"p": p, "q": q, "angle": self.angles.numpy(), "residual": self.residuals.numpy()})

    def summary(self) -> str:
        """One line."""
        cusps = f", {len(self.cusps)} cusp{'s' * (len(self.cusps) != 1)}" if self.cusps else ""
        return f"curve of tangencies, {self._counted('row')}{cusps}, ends: {self.ends[0]}, {self.ends[1]}"

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())
