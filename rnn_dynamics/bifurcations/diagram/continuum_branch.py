"""Lines, rings and sheets of fixed points over a parameter: each one object, as a branch is."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...fixed_points import Continuum
from ...results import evenly
from ...store import storable
from ...tables import Table, chosen_ends
from ..branch import Observable, observe

if TYPE_CHECKING:
    import pandas as pd

CONTINUUM_ENDS = {
    "span": "it leaves the span",
    "point": "it shrinks to a point",
    "lost": "there is none beyond",
    "chosen": "its rows were not chosen",
}
"""Why a continuum ends where it does along the parameter."""


MARGINAL = "marginal"
"""Where no sample attracts or repels: at the very parameter of a change."""

_MARGIN = 1e-6
"""How near to 1 a modulus leaves that open."""


@storable
@dataclass(frozen=True, eq=False)
class TransverseChange:
    """Where along the parameter the stability across a continuum changes."""

    parameter: float

    before: str
    """"attracting", "attracting in part" or "not attracting", at parameters below."""

    after: str

    def __repr__(self) -> str:
        return f"{self.before} below, {self.after} above {self.parameter:.9g}"


@storable
@dataclass(frozen=True, eq=False)
class ContinuumBranch(Table, whole=("ends", "changes"), in_order=True):
    """A line, ring or sheet of fixed points over a parameter; ``len`` counts the parameters at which it is sampled."""

    parameters: Tensor
    """[q], rising; the first and last are its ends."""

    continua: tuple[Continuum, ...]
    """What it is there, with |lambda| across it."""

    ends: tuple[str, str]
    """Keys of ``CONTINUUM_ENDS``, at the lowest and highest parameter: to 1e-6 of the span."""

    changes: tuple[TransverseChange, ...] = ()
    """Where its stability changes, to 1e-6 of the span, by rising parameter."""

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        p = self.parameters.tolist()
        between = [(p[row], p[after]) for row, after in pairwise(rows) if after == row + 1]
        changes = tuple(c for c in self.changes if any(low <= c.parameter <= high for low, high in between))
        return {"ends": chosen_ends(self.ends, rows, len(self)), "changes": changes}

    @property
    def dimension(self) -> int:
        return self.continua[0].dimension

    @property
    def range(self) -> tuple[float, float]:
        """The parameters at which it exists, within the span."""
        return float(self.parameters[0]), float(self.parameters[-1])

    @property
    def shapes(self) -> tuple[str, ...]:
        """What shapes it takes, in order."""
        return tuple(dict.fromkeys(continuum.shape for continuum in self.continua))

    @property
    def stabilities(self) -> tuple[str, ...]:
        """Across it, at each parameter: "attracting", "attracting in part" or "not attracting"."""
        return tuple(stability_of(continuum.transverse) for continuum in self.continua)

    def band(self, observable: Observable | None = None) -> Tensor:
        """The range of an observable over its samples at each parameter, [q, 2]; |h| by default."""
        values = [observe(continuum.states, observable) for continuum in self.continua]
        return torch.stack([torch.stack([value.min(), value.max()]) for value in values]).cpu()

    def to_pandas(self) -> "pd.DataFrame":
        """One row per parameter."""
        import pandas as pd

        radii = [continuum.transverse for continuum in self.continua]
        return pd.DataFrame(
            {
                "parameter": self.parameters.numpy(),
                "shape": [continuum.shape for continuum in self.continua],
                "dimension": [continuum.dimension for continuum in self.continua],
                "extent": [extent_of(continuum) for continuum in self.continua],
                "least_across": [float("nan") if radius is None else float(radius.min()) for radius in radii],
                "most_across": [float("nan") if radius is None else float(radius.max()) for radius in radii],
                "stability": self.stabilities,
                "samples": [len(continuum.states) for continuum in self.continua],
            }
        )

    def summary(self) -> str:
        """One line: what it is, where, and what happens to it."""
        if not len(self):
            return f"a continuum of fixed points at {self._counted('parameter')}"
        low, high = self.range
        text = f"{' / '.join(self.shapes)} of fixed points over [{low:.6g}, {high:.6g}], "
        text += " / ".join(dict.fromkeys(self.stabilities))
        for change in self.changes:
            text += f"; {change!r}"
        for end, parameter, word in ((self.ends[0], low, "below"), (self.ends[1], high, "above")):
            if end != "span":
                text += f"; {CONTINUUM_ENDS[end]} {'at' if end == 'point' else word} {parameter:.9g}"
        return text

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())


def extent_of(continuum: Continuum) -> float:
    """The longest side of the box round its samples."""
    return float((continuum.states.amax(dim=0) - continuum.states.amin(dim=0)).max())


def stability_of(radii: Tensor | None, margin: float = _MARGIN) -> str:
    """In words, from |lambda| across a continuum at its samples."""
    if radii is None or not len(radii):
        return "not known"
    inside, outside = bool((radii < 1 - margin).any()), bool((radii > 1 + margin).any())
    if inside and outside:
        return "attracting in part"
    return "attracting" if inside else "not attracting" if outside else MARGINAL
