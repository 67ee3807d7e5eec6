"""The fixed points of a map, with what is proved of their number."""

from dataclasses import dataclass
from typing import Annotated

from ...checks import ArgumentError, AtLeast, checked
from ...progress import Progress
from ...store import storable
from .rows import CensusRows


@storable
@dataclass(frozen=True, eq=False)
class FixedPointCensus(CensusRows):
    """All fixed points in a box, one row each: exactly one lies in each row's box, and none outside of all boxes.

    What is not decided is told: ``complete`` is True only where the rows are proved to be all.
    """

    @checked
    def check(self, precision: Annotated[int, AtLeast(24)] = 106, progress: bool | None = None) -> "FixedPointCensus":
        """Prove it again, from what this census holds alone: the map that was searched, and the box.

        The whole box is searched anew, with F and DF in balls of other precision where the census took intervals of
        float64, box by box, which takes longer. Then each of its rows is proved by itself, in balls throughout.

        Args:
            precision: bits of the balls.
            progress: whether to show a bar.

        Returns:
            The census proved anew, ``complete`` where this one says nothing that is not confirmed: ``rows`` are then
            numbers of this one's rows, ``missed`` fixed points that it lacks, ``astray`` its rows that are not
            confirmed, and ``obstacle`` says so.

        Raises:
            ValueError: for a census that holds no map, and for one that no trace comes to, in a file that was changed.
        """
        if self.step is None:
            raise ArgumentError("self", f"holds no map to prove it for: {self.obstacle or 'it cannot be kept'}")
        from .checking import counted_again  # which brings python-flint

        with Progress("boxes", progress, unit="box"):
            return counted_again(self, self.step, precision)
