"""What is proved, as a table: one row a thing, with a reason where there is no proof."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from torch import Tensor

from ..checks import ArgumentError, AtLeast, checked
from ..results import Interruptible, Noted
from ..store import storable
from ..tables import Table
from .claims import FIXED_POINT
from .completeness import FixedPointCensus
from .obstacles import Obstacle, Passage
from .stored_step import StoredStep

if TYPE_CHECKING:
    import pandas as pd

_FORMATS = {
    **dict.fromkeys(("radius", "enclosure", "distance", "capture_radius", "margin"), "{:.1e}".format),
    "spectral_radius": "{:.6g}".format,
}

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


@storable
@dataclass(frozen=True, eq=False)
class Certificates(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Noted, Table, whole=(*_OF_STARTS, *_BESIDE, "notes", "interrupted"), pointers=("reached",)
):
    """Proofs of fixed points and cycles, one row a thing in the order of what was found; ``len`` counts rows.

    Where ``proved``, exactly one fixed point (cycle of this minimal period) has its states within
    |h_i - orbits_i| <= radii u_i, and they lie within ``errors`` of ``orbits``. All other columns are proved too, or
    say that they are not: "undecided", -1 for a number, 0 for an index or radius.

    ``proof[0]``, ``proof[proof.proved]`` and the like are choices of rows (see ``tables.Table``).
    """

    _formats = _FORMATS

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
        asked = self._whole_result and self.census is not None and self.census.complete
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

    def to_pandas(self) -> "pd.DataFrame":
        """One row a thing."""
        import pandas as pd

        return pd.DataFrame(
            {
                "kind": self.kinds,
                "period": self.periods.numpy(),
                "proved": self.proved.numpy(),
                "enclosure": self.enclosure_radii.numpy(),
                "radius": self.radii.numpy(),
                "stability": self.stability,
                "spectral_radius": self.spectral_radii.numpy(),
                "margin": self.margins.numpy(),
                "n_unstable": self.n_unstable.numpy(),
                "index": self.indices.numpy(),
                "capture_radius": self.capture_radii.numpy(),
                "distinct": self.distinct.numpy(),
                "distance": self.distances.numpy(),
                "bits": self.precisions.numpy(),
                "reason": [Obstacle(code).name.lower().replace("_", " ") for code in self.reasons.tolist()],
            }
        )

    def summary(self) -> str:
        """One line: how many are proved, of which stability, and how many are reached."""
        noun = "fixed point" if all(kind == FIXED_POINT for kind in self.kinds) else "thing"
        stable = int((self.attracting & self.distinct).sum())
        text = f"{int(self.proved.sum())} of {self._counted(noun)} proved; {self.count} different, {stable} stable"
        if len(self.starts) and self.chosen_from is None:
            text += f"; at least {self.reached_count} reached from {int((self.reached >= 0).sum())} of "
            text += f"{len(self.starts)} starts: proved"
        return text + ("; interrupted" if self.interrupted else "")

    @property
    def verdict(self) -> str:
        """What the indices prove, in one sentence."""
        total = self.index_sum
        if self.chosen_from is not None or total is None:
            return "no index sum: it takes a whole search for fixed points, each with its index proved"
        nothing = f"index sum {total}, proved; it tells nothing of missing points"
        if self.box is None:
            return f"{nothing}: {self.box_reason}"
        if not self.continuous:
            return f"{nothing}: F may jump within the box"
        if not self._all_inside:
            return f"{nothing}: one lies at or beyond the wall of the box"
        if not self.missing:
            return "index sum 1, proved, as that of all fixed points must be: no sign of a missing one"
        given = (
            "a theorem" if self.invariant else f"a theorem, given that F takes its box into itself ({self.box_reason})"
        )
        return f"index sum {total}, proved, and not 1: there is a fixed point that is none of these, {given}"

    @property
    def advice(self) -> tuple[str, ...]:
        """For each reason why rows or starts are not proved, how many they are and what it means."""
        lines = _counted(self.reasons, Obstacle.NONE, Obstacle, "rows")
        if self.refusal:
            lines += (self.refusal,)
        kinked = int(self.kinked.sum())
        if kinked:
            lines += (f"{kinked} of {len(self)} rows: F may have a kink there, so that stability is not decided",)
        return (*lines, *(_counted(self.passages, Passage.REACHED, Passage, "starts") if self._whole_result else ()))

    @property
    def _whole_result(self) -> bool:
        return self.chosen_from is None

    def _notes(self) -> Sequence[str]:
        return [self.verdict, *([] if self.census is None else [self.census.summary()]), *self.advice]

    @checked
    def check(self, precision: Annotated[int, AtLeast(24)] = 106, progress: bool | None = None) -> "Certificates":
        """Prove it again, from what this certificate holds alone: the map, where it says that things are, the starts.

        Nothing else of it is used for the proof. A row is ``proved`` in the result if what this certificate says of it
        is confirmed: its place, that it is alone within its radius, stability, a spectral radius that is no larger,
        index, unstable directions and capture radius. Starts are followed anew.

        Args:
            precision: bits to begin with, others than the proof was made with; twice and four times as many where
                they do not do.
            progress: as in ``certify``.

        Raises:
            ValueError: for a map that could not be traced, of which nothing is proved; and for one that no trace comes
                to, in a file that was changed.
        """
        if self.step is None:
            raise ArgumentError("self", f"holds no map to prove it for: {self.refusal}")
        from .checking import Said, checked_again  # which bring python-flint
        from .ground import Ground

        numbers = (self.spectral_radii, self.n_unstable, self.indices, self.capture_radii)
        columns = (self.kinds, self.orbits, self.claims, self.errors, self.radii.tolist(), self.stability)
        rows = [Said(*row) for row in zip(*columns, *(column.tolist() for column in numbers), strict=True)]
        ground = Ground.kept(self.step, self.units, self.box, self.box_reason, self.notes)
        steps = max(self.steps.tolist(), default=0)
        again, confirmed = checked_again(
            type(self), ground, rows, self.starts, steps, self.tolerance, precision, progress
        )
        disagrees = self.proved & again.proved & ~torch.tensor(confirmed, dtype=torch.bool)
        reasons = torch.where(disagrees, int(Obstacle.DISAGREES), again.reasons)
        return replace(again, reasons=reasons, chosen_from=self.chosen_from)


def _counted(codes: Tensor, fine: int, words: type[Obstacle] | type[Passage], noun: str) -> tuple[str, ...]:
    values, counts = codes.unique(return_counts=True)
    return tuple(
        f"{count} of {len(codes)} {noun}: {words(code).advice}"
        for code, count in zip(values.tolist(), counts.tolist(), strict=True)
        if code != fine
    )
