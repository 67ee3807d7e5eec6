"""How many attractors there are at every point of a grid over two parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ...attractors import AttractorKind
from ...checks import checked
from ...results import Interruptible, evenly
from ...store import storable

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class MultistabilityMap(Interruptible):
    """The number of attractors that starts settled on over a grid of (p, q): rows are q, columns p."""

    _dimensions: ClassVar = {
        "first": ("p",),
        "second": ("q",),
        **dict.fromkeys(("counts", "unsettled", "added"), ("q", "p")),
        "kinds": ("kind",),
        "by_kind": ("kind", "q", "p"),
    }

    first: Tensor
    """p of the columns, [a], in rising order."""

    second: Tensor
    """q of the rows, [b], in rising order."""

    counts: Tensor
    """Attractors at each cell, [b, a]; -1 where nothing was computed."""

    kinds: tuple[str, ...]
    """The kinds that ``by_kind`` counts."""

    by_kind: Tensor
    """Attractors of each kind at each cell, [len(kinds), b, a]; -1 where nothing was computed."""

    unsettled: Tensor
    """How many of the user's starts settled on no attractor, [b, a]; -1 where nothing was computed."""

    n_starts: int
    """The user's starts at each cell."""

    added: Tensor
    """Attractors that only states from neighbouring cells led to, [b, a]: how much the starts alone would miss."""

    spans: tuple[tuple[float, float], tuple[float, float]]
    """The rectangle of (p, q)."""

    @property
    def known(self) -> Tensor:
        """Whether each cell was computed, [b, a]."""
        return self.counts >= 0

    @property
    def largest(self) -> int:
        """The largest number of attractors; 0 where no cell was computed."""
        return max(0, int(self.counts.max()))

    @checked
    def share(self, count: int) -> float:
        """The share of the computed cells that have ``count`` attractors."""
        return float((self.counts[self.known] == count).double().mean()) if bool(self.known.any()) else 0.0

    def to_pandas(self) -> "pd.DataFrame":
        """One row per computed cell: where, how many, of which kinds, and how many starts settled nowhere."""
        import pandas as pd

        rows, columns = self.known.nonzero().T
        return pd.DataFrame(
            {
                "p": self.first[columns].numpy(),
                "q": self.second[rows].numpy(),
                "attractors": self.counts[rows, columns].numpy(),
                **{kind: self.by_kind[k, rows, columns].numpy() for k, kind in enumerate(self.kinds)},
                "unsettled": self.unsettled[rows, columns].numpy(),
                "added": self.added[rows, columns].numpy(),
            }
        )

    def summary(self) -> str:
        """One line: how many cells, and how many attractors they have."""
        b, a = self.counts.shape
        shares = [(count, self.share(count)) for count in range(self.largest + 1)]
        text = ", ".join(f"{count} at {share:.1%}" for count, share in shares if share > 0)
        text = f"attractors over {a} x {b} cells: {text or 'none computed'}"
        missed = int((self.unsettled > 0).sum())
        text += f"; some starts did not settle at {missed} cells" if missed else ""
        return text + (f"; interrupted after {int(self.known.sum())} cells" if self.interrupted else "")

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())

    def _notes(self) -> Sequence[str]:
        cells = self.by_kind.clamp(min=0)
        lines = [
            f"{kind}: at {int((cells[k] > 0).sum())} cells, at most {int(cells[k].max())}"
            for k, kind in enumerate(self.kinds)
            if bool((cells[k] > 0).any())
        ]
        added = int((self.added > 0).sum())
        return lines + ([f"found by states from neighbouring cells only: at {added} cells"] if added else [])


def blank_map(
    spans: tuple[tuple[float, float], tuple[float, float]], resolution: tuple[int, int], n_starts: int
) -> MultistabilityMap:
    """A map of which no cell was computed; its tensors are filled in by ``multistability_map``."""
    (p0, p1), (q0, q1) = (sorted(span) for span in spans)
    a, b = resolution

    def unknown(*shape: int) -> Tensor:
        return torch.full(shape, -1, dtype=torch.int64)

    return MultistabilityMap(
        first=torch.linspace(p0, p1, a, dtype=torch.float64),
        second=torch.linspace(q0, q1, b, dtype=torch.float64),
        counts=unknown(b, a),
        kinds=tuple(AttractorKind),
        by_kind=unknown(len(AttractorKind), b, a),
        unsettled=unknown(b, a),
        n_starts=n_starts,
        added=unknown(b, a),
        spans=spans,
    )
