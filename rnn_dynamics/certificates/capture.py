"""The ball in which a map is proved to contract onto a stable cycle."""

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb_mat
from torch import Tensor

from ..enclosures import precision
from .bounds import symmetric
from .coordinates import Coordinates
from .cycle_equation import BallMap
from .existence import Located
from .growing import largest_radius


@dataclass(frozen=True, eq=False)
class Capture:
    """All h with |h - x_0|_W < radius come ever nearer to the cycle's first state x_0 under F^k.

    Along a line from x_0 to h the mean value theorem gives F^k(h) - x_0 = M (h - x_0) with M among the products of DF
    over boxes that hold the images of the ball, and |M|_W <= contraction < 1 for all of these.
    """

    coordinates: Coordinates
    first: arb_mat
    """The box that holds x_0, [n, 1]."""

    radius: float
    """In the norm |x|_W."""

    width: float
    """Every h with |h_i - states_0i| <= width u_i is in the ball."""

    bits: int

    def holds(self, box: arb_mat) -> bool:
        """Whether every state of a box [n, 1] is in the ball."""
        return self.coordinates.length(box - self.first) < self.radius


def capture_ball(map: BallMap, located: Located, coordinates: Coordinates, units: Tensor, bits: int) -> Capture | None:
    """The largest that a few tries can prove; None if none is."""
    with precision(bits):
        unit_length = coordinates.inscribed(units)

        def contraction(radius: float) -> float:
            moved = coordinates.back
            for box in located.boxes:
                spread = coordinates.spread(moved, radius)
                moved = map.linearize(_widened(box, spread), bits)[1] * moved
            return coordinates.norm(moved)

        radius = largest_radius(contraction, 1e-2 * unit_length)
        if radius is None:
            return None
        off = max(float((row / units).max()) for row in located.radii[:1])
        width = (radius / unit_length - off) * (1 - 2.0**-40)
        return Capture(coordinates, located.boxes[0], radius, max(0.0, width), bits)


def _widened(box: arb_mat, radii: Sequence[float]) -> arb_mat:
    return box + symmetric(radii)
