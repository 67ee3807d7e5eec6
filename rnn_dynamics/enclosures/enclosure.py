"""A map and its derivative over balls."""

from typing import Annotated, TypeAlias

from flint import arb, arb_mat

from ..checks import ArgumentError, AtLeast, checked
from ..systems import AutonomousMap
from .arrays import Balls
from .balls import precision as with_precision
from .evaluation import Evaluation, example
from .tape import Tape
from .tracing import Trace, trace

Bits: TypeAlias = Annotated[int, AtLeast(2, 2**20)]


class Enclosure:
    """F and DF over boxes of balls; made by ``enclose``.

    F may be any function of R^n to R^m that was traced; of a map m = n.
    """

    def __init__(self, traced: Trace, state_size: int) -> None:
        self.traced = traced
        self._evaluation = Evaluation(traced)
        self.state_size = state_size
        self.image_size = traced.image.numel()

    @checked
    def value(self, box: arb_mat, precision: Bits = 53) -> arb_mat:
        """A box [n, 1] that contains F(h) for every h of the given one.

        Args:
            box: balls [n, 1].
            precision: bits of midpoints; 53 are those of float64.

        Returns:
            Balls [n, 1], not finite where F may not be defined in the box (a logarithm of 0, say).
        """
        states = column(box, self.state_size)
        with with_precision(precision):
            result = self._evaluation(Tape(0), [Balls.of(states, None, (self.state_size,))])
            return arb_mat(self.image_size, 1, result.flat())

    @checked
    def linearize(self, box: arb_mat, precision: Bits = 53) -> tuple[arb_mat, arb_mat, bool]:
        """F and its derivative over a box.

        The derivative is that of the function, whatever gradient a step declares for itself (``detach``, surrogate
        gradients). It is a Lipschitz matrix of F over the box: F(x) - F(y) lies in it times x - y for all x and y of
        the box, which is what Newton's, Krawczyk's and contraction proofs need; of a kinked box too, where it is
        the hull of Clarke's generalised derivative (Clarke 1983, 2.6.5: the mean value theorem of vector functions).
        Proofs that need a derivative at every point of it, as of eigenvalues, hold for boxes that are not kinked.

        Args:
            box: balls [n, 1].
            precision: bits of midpoints; 53 are those of float64.

        Returns:
            F [n, 1], as ``value`` gives it; DF [n, n]; and whether the box is kinked, that is, may hold states at
            which F has no derivative (a ReLU at 0). Where F may jump (``torch.where``), the slopes are infinite.
        """
        n = self.state_size
        states = column(box, n)
        with with_precision(precision):
            tape = Tape(n)
            result = self._evaluation(tape, [Balls.of(states, tape.unit_slopes(0, n), (n,))])
            return arb_mat(self.image_size, 1, result.flat()), tape.jacobian(result.flat_slopes()), tape.kinked

    @checked
    def slopes_along(
        self, center: arb_mat, directions: arb_mat, spread: arb_mat, precision: Bits = 53
    ) -> tuple[arb_mat, bool]:
        """DF(h) V over all states h = x + V y, narrower than ``linearize`` times V.

        Values of products are bounded by the mean value theorem too, from those at the center, and slopes are carried
        forwards along V instead of along each coordinate: neither forgets that the states h are not all of a box.

        Args:
            center: x, balls [n, 1].
            directions: V, balls [n, q].
            spread: y, balls [q, 1] that contain 0: the mean value theorem goes along the way from the center.
            precision: bits of midpoints; 53 are those of float64.

        Returns:
            [n, q], a Lipschitz matrix as that of ``linearize``; and whether the states may include a kink.

        Raises:
            ValueError: for matrices of other shapes, or a spread without 0.
        """
        n, q = self.state_size, directions.ncols()
        middle = column(center, n)
        if directions.nrows() != n:
            raise ArgumentError("directions", f"must be balls [{n}, q], got [{directions.nrows()}, {q}]")
        if (spread.nrows(), spread.ncols()) != (q, 1) or not spread.contains(arb_mat(q, 1)):
            raise ArgumentError("spread", f"must be balls [{q}, 1] that contain 0")
        with with_precision(precision):
            at_center = Tape(0)
            self._evaluation(at_center, [Balls.of(middle, None, (n,))])
            tape = Tape(q, spread, at_center.products)
            states = (center + directions * spread).entries()
            result = self._evaluation(tape, [Balls.of(states, tape.rows(directions), (n,))])
            return tape.jacobian(result.flat_slopes()), tape.kinked


@checked
def enclose(system: AutonomousMap) -> Enclosure:
    """The rigorous evaluation of a map: the very step that analyses run, traced once, over balls.

    Every operation of the step has a rule for its value and its slopes. Weights are the exact dyadic numbers that they
    are; constants that the step computes of them in float64 are enclosed, and those of a coarser precision taken as
    they are computed. What an enclosure says is of this function in real numbers, without any rounding of floats.

    Args:
        system: as ``network.hold()`` gives it, in float64; of any cells, or of a function of your own.

    Raises:
        Unenclosed: a ``ValueError`` that names the operation for which there is no rule, or what else it is in the
            step that cannot be followed.
    """
    n = system.state_size
    traced = trace(system, (example((n,), 0, system.device),))
    return Enclosure(traced, n)


def column(box: arb_mat, size: int) -> list[arb]:
    """The balls of a box [n, 1]."""
    if (box.nrows(), box.ncols()) != (size, 1):
        raise ArgumentError("box", f"must be a matrix of balls [{size}, 1], got [{box.nrows()}, {box.ncols()}]")
    return box.entries()
