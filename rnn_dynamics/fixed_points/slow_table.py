"""The slow points that a search found, as a table of tensors."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..stability import MARGINAL_TOLERANCE, n_unstable, time_constants
from ..store import storable
from ..tables import Table
from .linearised import DIMENSIONS, FORMATS, Linearised

if TYPE_CHECKING:
    import pandas as pd

NOT_ANALYSED = "not analysed"
"""The kind of slow points beyond the slowest 512, and of those in results that were saved without a spectrum."""


@storable
@dataclass(frozen=True, eq=False)
class SlowPoints(Linearised, Table, whole=("marginal_tolerance", "dt")):
    """Minima of the speed that are no fixed points, by rising speed: ghosts, slow passages.

    A slow point moves on: with v = F(h) - h, F(h + d) = h + v + DF d + ..., so eigenvalues and kinds are those of the
    linearisation, which says how states near to it move relative to its own image. Where the speed is least,
    (DF - I)^T v = 0: DF has an eigenvalue 1 whose left eigenvector is the velocity. This mode of the drift comes out
    as 1 up to the accuracy of the minimum and says nothing, so kinds, ``stable`` and ``n_unstable`` are those of all
    other modes: "stable" is a passage that draws states in, "saddle" one that they are pushed out of.

    Points beyond the slowest 512, and those of results saved before slow points had spectra, are "not analysed" and
    have eigenvalues NaN.

    ``slow[0]``, ``slow[slow.speeds < 1e-4]`` and the like are choices of rows (see ``tables.Table``).
    """

    _formats = FORMATS

    _dimensions: ClassVar = DIMENSIONS

    states: Tensor
    """[s, n]."""

    speeds: Tensor
    """|F(h) - h|_2, [s]."""

    hits: Tensor
    """How many of the user's starts ended there, [s]."""

    eigenvalues: Tensor = field(default_factory=lambda: torch.empty(0, 0, dtype=torch.complex128))
    """Of DF, [s, n], complex, by falling modulus."""

    right_eigenvectors: Tensor = field(default_factory=lambda: torch.empty(0, 0, 0, dtype=torch.complex128))
    """[s, n, m]: columns v with DF v = lambda v for the m leading eigenvalues, |v| = 1."""

    left_eigenvectors: Tensor = field(default_factory=lambda: torch.empty(0, 0, 0, dtype=torch.complex128))
    """[s, n, m]: columns w with w^H DF = lambda w^H, scaled so that w^H v = 1."""

    drift_modes: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    """Which eigenvalue is that of the drift, [s]; -1 where none is: the search stopped before the minimum, or F is not
    smooth there."""

    kinds: tuple[str, ...] = ()
    """"stable node", "saddle focus", ...: of the linearisation without the mode of the drift; see ``stability.kinds``.
    "marginal node" where there is no other mode (n = 1)."""

    input_jacobians: Tensor | None = None
    """dF/dx, [s, n, m], of a held network; None for a map without input."""

    marginal_tolerance: float = MARGINAL_TOLERANCE
    """How near to the unit circle an eigenvalue leaves stability undecided."""

    dt: float | None = None
    """The time that a step takes (``as_map(dt=...)``)."""

    def __post_init__(self) -> None:
        s, n = self.states.shape
        if self.eigenvalues.shape == (s, n):
            return
        # Saved before slow points had spectra: what is not known is NaN.
        modes = torch.empty(s, n, 0, dtype=torch.complex128)
        unknown = torch.full((s, n), torch.nan, dtype=torch.complex128)
        columns = {"eigenvalues": unknown, "right_eigenvectors": modes, "left_eigenvectors": modes}
        columns |= {"drift_modes": torch.full((s,), -1)}
        for name, value in (columns | {"kinds": (NOT_ANALYSED,) * s}).items():
            object.__setattr__(self, name, value)

    @property
    def n_unstable(self) -> Tensor:
        """The number of eigenvalues outside the unit circle beside that of the drift, [s]; -1 where not analysed."""
        outside = n_unstable(self._moduli_across(), self.marginal_tolerance)
        return torch.where(self.analysed, outside, -1)

    def _moduli_across(self) -> Tensor:
        """|lambda|, [s, n], 0 for the mode of the drift."""
        modes = torch.arange(self.eigenvalues.shape[-1])
        return torch.where(modes == self.drift_modes.unsqueeze(-1), 0.0, self.eigenvalues.abs())

    @property
    def analysed(self) -> Tensor:
        """Whether the spectrum of each is known, [s]."""
        return torch.tensor([kind != NOT_ANALYSED for kind in self.kinds], dtype=torch.bool)

    def to_pandas(self) -> "pd.DataFrame":
        """One row per slow point; kinds, unstable directions and leading time constants are across the drift."""
        import pandas as pd

        return pd.DataFrame(
            {
                "speed": self.speeds.cpu().numpy(),
                "linearisation": self.kinds,
                "n_unstable": self.n_unstable.numpy(),
                "time_constant": (time_constants(self._moduli_across().amax(dim=-1)) * (self.dt or 1.0)).numpy()
                if len(self)
                else [],
                "hits": self.hits.numpy(),
            }
        )

    def summary(self) -> str:
        """One line: how many, how slow, and how many of them draw states in."""
        text = self._counted("slow point")
        if len(self):
            text += f", speed {self.speeds.min():.1e} to {self.speeds.max():.1e} a step"
            text += f"; {int(self.stable.sum())} stable across the drift"
        missing = int((~self.analysed).sum())
        return text + (f", {missing} not analysed" if missing else "")
