"""What proofs tell of a branch, column by column, and why not."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ...bifurcations import Branch
from ...results import Interruptible, Noted
from ...tables import Table
from .stored_family import StoredFamily

if TYPE_CHECKING:
    import pandas as pd

SEGMENT = "segment"


class BranchObstacle(IntEnum):
    """What stood in the way of a proof; ``advice`` is a sentence to act on."""

    NONE = 0
    NODE = 1
    SEGMENT = 2
    UNREGULAR = 3
    POINT = 4
    MOVED = 5
    APART = 6
    KIND = 7
    NOT_TRACED = 8
    INTERRUPTED = 9
    DISAGREES = 10

    @property
    def advice(self) -> str:
        return _ADVICE[self]


_ADVICE = {
    BranchObstacle.NONE: "proved",
    BranchObstacle.NODE: "a row at an end of the segment is not proved to lie on a curve of fixed points, within the "
    "tolerance: it is none, two curves cross there, or F has a kink",
    BranchObstacle.SEGMENT: "no tube holds exactly one curve from row to row: they are too far apart, on two curves, "
    "or near a crossing",
    BranchObstacle.UNREGULAR: "one curve of fixed points, but it is not proved that it passes no fold or branch point "
    "that is not listed",
    BranchObstacle.POINT: "no box round the point is proved to hold exactly one zero of its equations: it is none, or "
    "degenerate",
    BranchObstacle.MOVED: "there is such a point near by, proved, but farther away than the tolerance",
    BranchObstacle.APART: "there is such a point, proved, but not that it is on this curve",
    BranchObstacle.KIND: "a point of this kind has no proof: where curves cross or F has a kink, no zero is regular",
    BranchObstacle.NOT_TRACED: "how F depends on state and parameter cannot be followed, so nothing is proved",
    BranchObstacle.INTERRUPTED: "interrupted before its turn came: run it again",
    BranchObstacle.DISAGREES: "proved again, but not all that the certificate says of it",
}


@dataclass(frozen=True, eq=False)
class BranchRows(  # pyright: ignore[reportIncompatibleVariableOverride]
    Table, Interruptible, Noted, whole=("tolerance", "branch", "family", "obstacle", "interrupted", "notes")
):
    """Proofs of a branch: one row a segment or special point; ``BranchCertificates`` says more of them."""

    _dimensions: ClassVar = {
        "rows": ("row", "end"),
        "parameters": ("row", "end"),
        "sides": ("row", "side"),
    }

    kinds: tuple[str, ...]
    """"segment", or the kind of the special point."""

    rows: Tensor
    """The rows of the branch at both ends, [q, 2]; of a special point its own row, twice."""

    reasons: Tensor
    """``BranchObstacle`` codes, [q]; 0 where proved."""

    parameters: Tensor
    """(low, high) that hold the parameters of each, [q, 2]; as they were given where nothing is proved."""

    radii: Tensor
    """How far at most the curve is from the chord between rows in any coordinate of (h, p), or a special point from the
    middle of its box, [q]; infinite where nothing is proved."""

    pieces: Tensor
    """Into how many pieces a segment was cut for its proof, [q]; 0 of a special point."""

    regular: Tensor
    """Of a segment whether it is proved that DF - I is invertible all along, so that there is no fold and no branch
    point within; of a special point whether it is proved not to be degenerate, [q]."""

    sides: Tensor
    """Of a fold how many of the fixed points that meet in it there are just below and just above, [q, 2]: (2, 0) or
    (0, 2), proved; -1 for all else."""

    tolerance: float
    """In units of max(u_i, |h_i|), and of the span for the parameter: how far a row may be from the curve."""

    branch: Branch
    """What was to be proved."""

    family: StoredFamily | None = None
    """The maps, all of them, so that ``check`` needs nothing else; None where they could not be traced."""

    obstacle: str = ""
    """Why nothing could be proved at all, or what of the file is not so (``check``); else ""."""

    @property
    def proved(self) -> Tensor:
        """[q]."""
        return self.reasons == BranchObstacle.NONE

    @property
    def segments(self) -> Tensor:
        """Which rows are of segments, [q]."""
        return torch.tensor([kind == SEGMENT for kind in self.kinds], dtype=torch.bool)

    @property
    def connected(self) -> bool:
        """Whether the branch is proved to be one curve of fixed points from its first row to its last."""
        whole = self.chosen_from is None and not self.obstacle
        return whole and bool(self.segments.any()) and bool(self._joined[self.segments].all())

    @property
    def complete(self) -> bool:
        """Whether, besides, all its special points are proved, and it has no further fold or branch point."""
        return self.chosen_from is None and not self.obstacle and len(self) > 0 and bool(self.proved.all())

    @property
    def _joined(self) -> Tensor:
        return self.proved | (self.reasons == BranchObstacle.UNREGULAR)

    def to_pandas(self) -> "pd.DataFrame":
        """One row a segment or special point."""
        import pandas as pd

        return pd.DataFrame(
            {
                "kind": self.kinds,
                "first": self.rows[:, 0].numpy(),
                "last": self.rows[:, 1].numpy(),
                "proved": self.proved.numpy(),
                "low": self.parameters[:, 0].numpy(),
                "high": self.parameters[:, 1].numpy(),
                "radius": self.radii.numpy(),
                "pieces": self.pieces.numpy(),
                "regular": self.regular.numpy(),
                "below": self.sides[:, 0].numpy(),
                "above": self.sides[:, 1].numpy(),
                "reason": [BranchObstacle(code).name.lower().replace("_", " ") for code in self.reasons.tolist()],
            }
        )

    def summary(self) -> str:
        """One line: how much is proved, and whether it is one curve."""
        if self.obstacle and not bool(self.proved.any()):
            return f"nothing of the branch is proved: {self.obstacle}"
        segments = self.segments
        one = ": one curve" if self.connected else ""
        text = f"{int(self._joined[segments].sum())} of {int(segments.sum())} segments proved{one}"
        for kind in dict.fromkeys(kind for kind in self.kinds if kind != SEGMENT):
            of_kind = torch.tensor([one == kind for one in self.kinds])
            text += f"; {int(self.proved[of_kind].sum())} of {int(of_kind.sum())} {kind}s proved"
        return text + (f"; {self.obstacle}" if self.obstacle else "") + ("; interrupted" if self.interrupted else "")

    @property
    def advice(self) -> tuple[str, ...]:
        """For each reason why rows are not proved how many they are, and what it means."""
        codes = [code for code in self.reasons.unique().tolist() if code]
        return tuple(
            f"{int((self.reasons == code).sum())} of {len(self)} rows: {BranchObstacle(code).advice}" for code in codes
        )

    def _shown(self) -> "pd.DataFrame":
        keep = ~(self.proved & self.segments)
        return self.to_pandas().loc[keep.numpy()]
