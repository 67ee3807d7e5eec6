"""What is proved of a branch, as a table: one row a segment and one a special point."""

from dataclasses import dataclass
from typing import Annotated

from ...checks import ArgumentError, AtLeast, checked
from ...progress import Progress
from ...store import storable
from .rows import BranchRows


@storable
@dataclass(frozen=True, eq=False)
class BranchCertificates(BranchRows):
    """Proofs of a branch: one row for each segment between neighbouring rows of the branch, and each special point.

    A segment that is ``proved`` is one smooth curve of fixed points that goes from (within ``tolerance`` of) one row to
    (of) the next; neighbouring segments that are proved are one curve together. A special point that is proved is
    there, alone in its box, not degenerate, and on the curve.
    """

    @checked
    def check(self, precision: Annotated[int, AtLeast(24)] = 106, progress: bool | None = None) -> "BranchCertificates":
        """Prove it again, from what this certificate holds alone: the maps, the branch and where things are on it.

        F and its derivatives are evaluated in balls of other precision where the certificate took intervals of
        float64, and special points are located in balls throughout. A row is ``proved`` in the result if what this
        certificate says of it is confirmed: parameters, radius, ``regular`` and ``sides``.

        Args:
            precision: bits of the balls.
            progress: whether to show a bar.

        Raises:
            ValueError: for maps that could not be traced, of which nothing is proved; and for such that no trace comes
                to, in a file that was changed.
        """
        if self.family is None:
            raise ArgumentError("self", f"holds no maps to prove it for: {self.obstacle or 'they cannot be kept'}")
        from .checking import proved_again  # which brings python-flint

        with Progress("proofs", progress, unit="proof"):
            return proved_again(self, self.family, precision)
