"""A family of maps, and its derivatives by the state and by the parameter, over balls."""

from collections.abc import Callable

import torch
from flint import arb, arb_mat
from torch import Tensor

from ..checks import Count, checked
from .arrays import Balls
from .balls import precision as with_precision
from .enclosure import Bits, column
from .evaluation import Evaluation, example
from .tape import Tape
from .tracing import trace


class FamilyEnclosure:
    """F(h, p) and its derivatives over boxes of states and balls of parameters; made by ``enclose_family``."""

    def __init__(self, evaluation: Evaluation, state_size: int) -> None:
        self._evaluation = evaluation
        self.state_size = state_size

    @checked
    def value(self, box: arb_mat, parameter: arb, precision: Bits = 53) -> arb_mat:
        """A box [n, 1] that contains F(h, p) for every h of ``box`` and every p of ``parameter``."""
        n = self.state_size
        states = column(box, n)
        with with_precision(precision):
            arguments = [Balls.of(states, None, (n,)), Balls.of([parameter], None, ())]
            return arb_mat(n, 1, self._evaluation(Tape(0), arguments).flat())

    @checked
    def linearize(self, box: arb_mat, parameter: arb, precision: Bits = 53) -> tuple[arb_mat, arb_mat, arb_mat, bool]:
        """F and its derivatives over a box of states and a ball of parameters.

        Args:
            box: balls [n, 1].
            parameter: a ball; an exact number for one map of the family.
            precision: bits of midpoints; 53 are those of float64.

        Returns:
            F [n, 1], dF/dh [n, n], dF/dp [n, 1], and whether F has no derivative at some state and parameter of
            the box; see ``Enclosure.linearize``.
        """
        n = self.state_size
        states = column(box, n)
        with with_precision(precision):
            tape = Tape(n + 1)
            slopes = tape.unit_slopes(0, n + 1)
            arguments = [Balls.of(states, slopes[:n], (n,)), Balls.of([parameter], slopes[n:], ())]
            result = self._evaluation(tape, arguments)
            rows = tape.jacobian(result.flat_slopes()).tolist()
            by_state = arb_mat(n, n, [entry for row in rows for entry in row[:n]])
            by_parameter = arb_mat(n, 1, [row[n] for row in rows])
            return arb_mat(n, 1, result.flat()), by_state, by_parameter, tape.kinked


@checked
def enclose_family(function: Callable[[Tensor, Tensor], Tensor], state_size: Count) -> FamilyEnclosure:
    """The rigorous evaluation of a family F(h, p), traced once with its parameter free.

    Args:
        function: F of a state h [n] and a parameter p [], both float64 tensors, to [n]. Of a family p -> map it is
            ``lambda h, p: family(p)(h)``: those of inputs (``network.input_family``), of weights (``between``,
            ``scaled``, ``shifted``) and their iterates take a p that is a tensor. A family of your own does if it
            reckons with p in torch's operations, as in ``HeldMap(network, base + p * direction)``: one that makes a
            number or a new tensor of it (``network.hold([p, 0.0])``) cannot be followed.
        state_size: n.

    Raises:
        Unenclosed: as in ``enclose``, and where p is lost on the way.
    """
    traced = trace(function, (example((state_size,), 0, torch.device("cpu")), example((), 1, torch.device("cpu"))))
    return FamilyEnclosure(Evaluation(traced), state_size)
