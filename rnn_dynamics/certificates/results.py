"""What is proved, as a table: one row a thing, with a reason where there is no proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from torch import Tensor

from ..checks import ArgumentError, AtLeast, checked
from ..store import storable
from .claims import FIXED_POINT
from .obstacles import Obstacle, Passage
from .rows import ProvedRows

if TYPE_CHECKING:
    import pandas as pd

_FORMATS = {
    **dict.fromkeys(("radius", "enclosure", "distance", "capture_radius", "margin"), "{:.1e}".format),
    "spectral_radius": "{:.6g}".format,
}


@storable
@dataclass(frozen=True, eq=False)
class Certificates(ProvedRows):
    """Proofs of fixed points and cycles, one row a thing in the order of what was found; ``len`` counts rows.

    Where ``proved``, exactly one fixed point (cycle of this minimal period) has its states within
    |h_i - orbits_i| <= radii u_i, and they lie within ``errors`` of ``orbits``. All other columns are proved too, or
    say that they are not: "undecided", -1 for a number, 0 for an index or radius.

    ``proof[0]``, ``proof[proof.proved]`` and the like are choices of rows (see ``tables.Table``).
    """

    _formats = _FORMATS

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
        return (
            *lines,
            *(_counted(self.passages, Passage.REACHED, Passage, "starts") if self.chosen_from is None else ()),
        )

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
        from .checking import checked_again  # which brings python-flint

        return checked_again(self, self.step, precision, progress)


def _counted(codes: Tensor, fine: int, words: type[Obstacle] | type[Passage], noun: str) -> tuple[str, ...]:
    values, counts = codes.unique(return_counts=True)
    return tuple(
        f"{count} of {len(codes)} {noun}: {words(code).advice}"
        for code, count in zip(values.tolist(), counts.tolist(), strict=True)
        if code != fine
    )
