"""A network under an input that repeats: one turn of the input is a map of its own."""

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, as_tensor, checked
from ..stopping import look_at_the_clock
from .autonomous import AutonomousMap
from .boxes import Box, NoBox
from .driven import DrivenMap, require_network
from .linearization import Linearization


class StroboscopicMap(AutonomousMap):
    """h -> F(... F(F(h, x_1), x_2) ..., x_T): where one turn of a sequence of inputs x [T, m] leads."""

    def __init__(self, network: DrivenMap, sequence: Tensor) -> None:
        self.network, self.sequence = network, sequence

    def __repr__(self) -> str:
        return f"{self.network!r}, {len(self.sequence)} steps of input at once"

    @property
    def state_size(self) -> int:
        return self.network.state_size

    @property
    def dtype(self) -> torch.dtype:
        return self.sequence.dtype

    @property
    def device(self) -> torch.device:
        return self.sequence.device

    @property
    def notes(self) -> tuple[str, ...]:
        return self.network.notes

    def __call__(self, states: Tensor) -> Tensor:
        states = states.to(self.dtype)
        for input in self.sequence:
            look_at_the_clock()
            states = self.network.step(states, input.expand(*states.shape[:-1], -1))
        return states

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        product: Tensor | None = None
        for input in self.sequence:
            look_at_the_clock()
            states, step, _ = self.network.linearize(states, input.expand(len(states), -1))
            product = step.dense() if product is None else step.apply(product)
        assert product is not None  # a sequence has a step at least
        return states, Linearization([product], [])

    @property
    def bytes_per_linearization(self) -> int:
        itemsize = self.sequence.element_size()
        return self.network.bytes_per_linearization(itemsize) + 4 * itemsize * self.state_size**2

    @property
    def box(self) -> Box | NoBox:
        """The last step's, if all steps share it: what leaves it in between is brought back."""
        boxes = [self.network.box(input) for input in self.sequence]
        first = boxes[0]
        same = all(
            isinstance(box, Box)
            and isinstance(first, Box)
            and torch.equal(box.lower, first.lower)
            and torch.equal(box.upper, first.upper)
            for box in boxes
        )
        return first if same else NoBox("the box differs from step to step of the input")


class DrivingFamily:
    """a -> one turn of the sequence offset + a x_t; see ``driving``."""

    def __init__(self, network: DrivenMap, sequence: Tensor, offset: Tensor) -> None:
        self.network, self.sequence, self.offset = network, sequence, offset

    def __repr__(self) -> str:
        return f"{self.network!r} driven by a sequence of {len(self.sequence)} steps times p"

    def __call__(self, p: float, /) -> StroboscopicMap:
        return StroboscopicMap(self.network, self.offset + p * self.sequence)


@checked
def driving(network: DrivenMap, sequence: ArrayLike, offset: ArrayLike | None = None) -> DrivingFamily:
    """The family over the amplitude a of a repeated input sequence: one step of its maps is one turn of offset + a x_t.

    Its attractors at a = 0 are those of the held input ``offset``, and as a grows those that vanish are the memories
    that this input erases (``basin_fractions``).

    Args:
        network: the driven map.
        sequence: [time, m], one turn.
        offset: [m], what is held beside it; zeros by default.

    Raises:
        ValueError: for a sequence or offset of another shape, or a sequence that is zero.
    """
    require_network(network)
    where = {"dtype": torch.float64, "device": network.device}
    turn = as_tensor(sequence, "sequence", **where)
    m = network.input_size
    if turn.ndim != 2 or turn.shape[1] != m or not len(turn):
        raise ArgumentError("sequence", f"must have shape [time, {m}], got {list(turn.shape)}")
    if not bool(turn.any()):
        raise ArgumentError("sequence", "must not be zero: its amplitude would change nothing")
    held = torch.zeros(m, **where) if offset is None else as_tensor(offset, "offset", **where)
    if held.shape != (m,):
        raise ArgumentError("offset", f"must have shape [{m}], got {list(held.shape)}")
    return DrivingFamily(network.frozen(torch.float64), turn.clone(), held.clone())
