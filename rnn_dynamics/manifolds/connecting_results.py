"""Connecting orbits, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..results import Interruptible, Noted
from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = ("source", "target", "period", "tried", "interrupted", "notes")

_TANGENT = 1e-3


@storable
@dataclass(frozen=True, eq=False)
class ConnectingOrbits(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Noted, Table, whole=_WHOLE
):
    """Orbits from one saddle to another, or back to the same, a row each: homoclinic where both are one."""

    _dimensions: ClassVar = {"source": ("unit",), "target": ("unit",)}
    _formats: ClassVar = dict.fromkeys(("residual", "departs", "arrives"), "{:.1e}".format)

    orbits: tuple[Tensor, ...]
    """The states x_0 to x_N of each, one step of G = F^period apart, [N + 1, n]."""

    residuals: Tensor
    """|R(X)| of the boundary-value problem (``ConnectionMap``), [c]."""

    departures: Tensor
    """|x_0 - p|, [c]: beyond, the orbit is on the linear unstable manifold up to the square of this."""

    arrivals: Tensor
    """|x_N - q|, [c]."""

    angles: tuple[Tensor, ...]
    """The smallest angle between the unstable manifold of p and the stable one of q at each state, radians, [N + 1]."""

    source: Tensor
    """p, [n]."""

    target: Tensor
    """q, [n]."""

    period: int
    """k: both are fixed points of F^k."""

    tried: int
    """Guesses that Newton's method began from."""

    @property
    def homoclinic(self) -> bool:
        """Whether both ends are the same saddle."""
        return float((self.source - self.target).norm()) <= 1e-9 * max(1.0, float(self.source.norm()))

    @property
    def transversality(self) -> Tensor:
        """The smallest angle along each orbit, [c]: 0 at a tangency."""
        return torch.tensor([float(angles.min()) for angles in self.angles], dtype=torch.float64)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per orbit."""
        import pandas as pd

        return pd.DataFrame(
            {
                "steps": [len(orbit) - 1 for orbit in self.orbits],
                "reach": [float((orbit - self.source).norm(dim=-1).max()) for orbit in self.orbits],
                "transversality": self.transversality.numpy(),
                "residual": self.residuals.numpy(),
                "departs": self.departures.numpy(),
                "arrives": self.arrivals.numpy(),
            }
        )

    def summary(self) -> str:
        """One line."""
        kind = "homoclinic" if self.homoclinic else "heteroclinic"
        text = f"{self._counted(f'{kind} orbit')} from {self.tried} guess{'es' * (self.tried != 1)}"
        return text + ("; interrupted" if self.interrupted else "")

    @property
    def advice(self) -> tuple[str, ...]:
        """Where an orbit is near a tangency."""
        near = int((self.transversality < _TANGENT).sum())
        if not near:
            return ()
        return (f"{near} of them have an angle below {_TANGENT:g}: near a tangency, which continue_connection locates",)

    def _notes(self) -> Sequence[str]:
        return self.advice
