"""What proofs tell of each thing, column by column."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..results import Interruptible, Noted
from ..tables import Table
from .completeness import FixedPointCensus
from .obstacles import Obstacle
from .stored_step import StoredStep

_OF_STARTS = ("starts", "steps", "passages")
_BESIDE = (
    "units",
    "tolerance",
    "box",
    "box_reason",
    "continuous",
    "invariant",
    "step",
    "refusal",
    "census",
    "notes",
    "interrupted",
)


@dataclass(frozen=True, eq=False)
class ProvedRows(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Noted, Table, whole=(*_OF_STARTS, *_BESIDE), pointers=("reached",)
):
    """Proofs of fixed points and cycles, one row a thing; ``Certificates`` says more of them."""

    _dimensions: ClassVar = {
        **dict.fromkeys(("orbits", "errors"), ("row", "phase", "unit")),
        "units": ("unit",),
        "box": ("end", "unit"),
        "starts": ("start", "unit"),
        **dict.fromkeys(("reached", "steps", "passages"), ("start",)),
    }

    kinds: tuple[str, ...]
    """"fixed point" or "cycle"; else what it was called, which has no proof here."""

    periods: Tensor
    """1 for fixed points, k for cycles, [p]: the minimal period, where proved; 0 for all else."""

    orbits: tuple[Tensor, ...]
    """The floats nearest to its states in order, [k, n] each; where nothing is proved the states as they were given."""

    errors: tuple[Tensor, ...]
    """How far at most its states are from there, [k, n] each; infinite where nothing is proved."""

    reasons: Tensor
    """``Obstacle`` codes, [p]; 0 where proved."""

    radii: Tensor
    """It is alone within |h_i - orbits_i| <= radius u_i, [p]; 0 where nothing is proved."""

    distances: Tensor
    """A bound of how far the states given are from it, in units of max(u_i, |h_i|), [p]; infinite if unknown."""

    stability: tuple[str, ...]
    """"stable": all eigenvalues of DF^k lie inside the unit circle; "unstable": one lies outside; or "undecided"."""

    spectral_radii: Tensor
    """A bound of all |eigenvalues|, [p]; infinite if unknown."""

    margins: Tensor
    """By how much the spectral radius is proved to lie below or above 1, [p]; of "undecided", below 0, by how much the
    bounds of eigenvalues reach across the unit circle."""

    n_unstable: Tensor
    """How many eigenvalues lie outside, [p]; -1 where not all are decided."""

    indices: Tensor
    """sign det(I - DF^k), [p]; 0 where undecided."""

    capture_radii: Tensor
    """All states within |h_i - orbits_0i| <= radius u_i go to it, [p]; 0 where none are proved to. The set proved is
    larger, a ball in coordinates adapted to DF^k: see ``capture.Capture``."""

    kinked: Tensor
    """Whether F may have a kink at it (a ReLU at 0), [p]: it is there, alone, but without eigenvalues and index."""

    distinct: Tensor
    """Whether it is proved to be another than all rows before it, [p]."""

    precisions: Tensor
    """Bits that the proof took, [p]."""

    units: Tensor
    """u, what is small in each coordinate, [n]."""

    tolerance: float
    """In units of max(u_i, |h_i|): states given that are farther from the solution than this are not of it."""

    box: Tensor | None
    """A box that F takes into itself, lower and upper end [2, n], if one is known."""

    box_reason: str
    """Why it does, or why none is known."""

    continuous: bool
    """Whether F is proved to be continuous, even Lipschitz, in the box."""

    invariant: bool
    """Whether balls prove that F takes the box into itself; else that is for ``box_reason`` to say."""

    starts: Tensor
    """States whose way was followed, [s, n]; none if none were given."""

    reached: Tensor
    """The row that each start is proved to go to, or -1, [s]."""

    steps: Tensor
    """After how many steps each start is in a capture ball, or was given up, [s]."""

    passages: Tensor
    """``Passage`` codes of the starts, [s]."""

    claims: tuple[str, ...]
    """What was claimed of the stability of each: "stable", "unstable" or ""."""

    step: StoredStep | None
    """The map, all of it, so that ``check`` needs nothing else; None where it could not be traced."""

    refusal: str
    """Why it could not be traced, with the operation that balls do not cover; empty where it could."""

    census: FixedPointCensus | None = None
    """All fixed points of the map, if ``certify`` was asked whether these are."""

    @property
    def proved(self) -> Tensor:
        """Whether each is there, alone in its box, and not of another stability than claimed, [p]."""
        return self.reasons == Obstacle.NONE

    @property
    def states(self) -> Tensor:
        """The first state of each, [p, n]."""
        empty = torch.empty(0, len(self.units), dtype=torch.float64)
        return torch.stack([orbit[0] for orbit in self.orbits]) if self.orbits else empty

    @property
    def enclosure_radii(self) -> Tensor:
        """The largest of ``errors`` in units, [p]."""
        return torch.tensor([float((error / self.units).max()) for error in self.errors], dtype=torch.float64)

    @property
    def count(self) -> int:
        """How many different things are proved to be there: a lower bound of their number."""
        return int((self.proved & self.distinct).sum())

    @property
    def attracting(self) -> Tensor:
        """Whether each is proved to be there and stable, [p]."""
        return self.proved & torch.tensor([word == "stable" for word in self.stability], dtype=torch.bool)

    @property
    def reached_count(self) -> int:
        """How many different stable things starts are proved to go to: a lower bound of what is reached."""
        rows = self.reached[self.reached >= 0].unique()
        return int((self.proved & self.distinct)[rows].sum())

    @property
    def index_sum(self) -> int | None:
        """The sum of the indices of the different fixed points proved; None if one has no proof, or for cycles."""
        chosen = self.proved & self.distinct
        if not len(self) or not bool(self.proved.all()) or bool((self.periods != 1).any()):
            return None
        indices = self.indices[chosen]
        return None if bool((indices == 0).any()) else int(indices.sum())

    @property
    def missing(self) -> bool:
        """Whether there is a fixed point that is none of the rows: a theorem, if F takes the box into itself.

        The fixed point index of a continuous F on a box that it takes into itself is 1 (Lefschetz, Hopf). It is the sum
        of sign det(I - DF) over the rows, all of which lie inside, and the index of what other fixed points there are:
        another sum than 1 leaves some. ``box_reason`` says why F takes the box into itself; ``invariant``, whether that
        is proved in balls too.
        """
        total = self.index_sum
        return total is not None and total != 1 and self._all_inside and self.continuous

    @property
    def complete(self) -> bool | None:
        """Whether these are all fixed points, proved; False if others are proved to be there; None if it is not known.

        ``certify(system, points, complete=True)`` asks. ``census.everywhere`` says whether of R^n or of a box.
        """
        if self.missing or (self.census is not None and len(self.census.missed)):
            return False
        asked = self.chosen_from is None and self.census is not None and self.census.complete
        return True if asked else None

    @property
    def missed(self) -> Tensor:
        """The states [q, n] of fixed points that are proved to be there and are none of the rows."""
        return self.states[:0] if self.census is None else self.census.missed

    @property
    def _all_inside(self) -> bool:
        if self.box is None:
            return False
        lower, upper = self.box
        return all(
            bool(((orbit - error > lower) & (orbit + error < upper)).all())
            for orbit, error in zip(self.orbits, self.errors, strict=True)
        )
