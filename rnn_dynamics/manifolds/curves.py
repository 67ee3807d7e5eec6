"""Invariant manifolds of one dimension, as a table of branches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..checks import ArrayLike, as_rows, checked
from ..results import Interruptible, Noted
from ..store import storable
from ..tables import Table
from .lines import distances_to_line

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = ("saddle", "eigenvalues", "stable", "spacing", "interrupted", "notes")

_ENDS = {
    "points": "a branch ended at max_points: raise it, or the spacing",
    "steps": "a branch moves too slowly to end: its eigenvalue is near 1",
    "no preimage": "a stable branch reached a state without a preimage near by: the edge or a fold of F's image",
}


@storable
@dataclass(frozen=True, eq=False)
class InvariantManifold(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Noted, Table, whole=_WHOLE
):
    """Branches of the stable or unstable manifold of a saddle, a row each; a cycle has two at each of its phases."""

    _dimensions: ClassVar = {"saddle": ("phase", "unit"), "eigenvalues": ("mode",)}
    _formats: ClassVar = dict.fromkeys(("error", "residual"), "{:.1e}".format)

    phases: Tensor
    """Of the saddle that each leaves, [b]; 0 for a fixed point."""

    sides: Tensor
    """+1 or -1: along the eigenvector whose largest entry is positive, or against it, [b]."""

    states: tuple[Tensor, ...]
    """The points of each in order, from the saddle on, [m, n]."""

    parameters: tuple[Tensor, ...]
    """t of each point, [m], 0 at the saddle: the return map takes P(t) to P(lambda t)."""

    lengths: Tensor
    """Arclengths, [b]."""

    bends: Tensor
    """The largest angle between two chords that follow one another, in radians, [b]."""

    errors: Tensor
    """The largest distance from a chord of the manifold's own point midway between its ends, [b]."""

    residuals: Tensor
    """|G(P(t)) - P(lambda t)| at most, of the piece next to the saddle that all others come from, [b]."""

    ends: tuple[str, ...]
    """Why each ends: "length", "rest" (it has come to a point that attracts it), "away" (beyond every bound),
    "no preimage", "points", "steps" or "interrupted"."""

    saddle: Tensor
    """[k, n]: its phases."""

    eigenvalues: Tensor
    """Of DF^k, [n], complex, by falling modulus."""

    stable: bool
    """Whether it is the stable manifold."""

    spacing: float
    """Neighbours are no farther apart."""

    @property
    def arclengths(self) -> tuple[Tensor, ...]:
        """Along each branch, [m] each."""
        return tuple(_along(states) for states in self.states)

    @property
    def eigenvalue(self) -> complex:
        """That of the direction in which it leaves the saddle."""
        inside = self.eigenvalues.abs() < 1
        return complex(self.eigenvalues[inside if self.stable else ~inside][0])

    @checked
    def distances(self, states: ArrayLike) -> Tensor:
        """Of states [k, n] from the nearest point of any branch, chords included, [k]."""
        like = self.saddle
        rows = as_rows(states, "states", like.shape[-1], dtype=like.dtype, device=like.device)
        least = rows.new_full((len(rows),), torch.inf)
        for branch in self.states:
            least = torch.minimum(least, distances_to_line(rows, branch))
        return least

    def to_pandas(self) -> "pd.DataFrame":
        """One row per branch."""
        import pandas as pd

        return pd.DataFrame(
            {
                "phase": self.phases.numpy(),
                "side": self.sides.numpy(),
                "points": [len(states) for states in self.states],
                "length": self.lengths.numpy(),
                "largest_bend": self.bends.numpy(),
                "error": self.errors.numpy(),
                "residual": self.residuals.numpy(),
                "end": self.ends,
            }
        )

    def summary(self) -> str:
        """One line."""
        side = "stable" if self.stable else "unstable"
        value = self.eigenvalue.real
        text = f"{side} manifold, {self._counted('branch', 'branches')}, eigenvalue {value:.4g}"
        return text + ("; interrupted" if self.interrupted else "")

    @property
    def advice(self) -> tuple[str, ...]:
        """For each way of ending too early, what to do."""
        return tuple(sentence for end, sentence in _ENDS.items() if end in self.ends)

    def _notes(self) -> Sequence[str]:
        return self.advice


def _along(states: Tensor) -> Tensor:
    steps = (states[1:] - states[:-1]).norm(dim=-1)
    return torch.cat([steps.new_zeros(1), steps.cumsum(dim=0)])
