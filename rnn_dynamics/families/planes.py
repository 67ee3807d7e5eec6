"""Families of two parameters, and those whose parameters are inputs: many maps of them are one."""

import math
from collections.abc import Callable
from numbers import Real

import torch
from torch import Tensor, nn

from ..checks import ArgumentError, ArrayLike, checked
from ..systems import AutonomousMap, Box, DrivenMap, HeldMap, InputFamily, Linearization, NoBox, Pushforward

PlaneFamily = Callable[[float, float], AutonomousMap]
"""(p, q) -> the map there."""

Rectangle = tuple[tuple[float, float], tuple[float, float]]
"""The spans of p and q."""


class InputPlane:
    """(p, q) -> the network holding offset + p first + q second; see ``input_plane``."""

    def __init__(self, first: InputFamily, second: InputFamily) -> None:
        self.first, self.second = first, second

    def __repr__(self) -> str:
        directions = ([round(x, 4) for x in one.direction[:6].tolist()] for one in (self.first, self.second))
        return f"{self.first.network!r} holding offset + " + " + ".join(
            f"{name} * {direction}" for name, direction in zip("pq", directions, strict=True)
        )

    def __call__(self, p: float, q: float, /) -> HeldMap:
        return HeldMap(self.first.network, self.first.offset + p * self.first.direction + q * self.second.direction)

    def rows(self, parameters: Tensor) -> "HeldRows":
        """The maps at parameters [r, 2], a row each."""
        directions = torch.stack([self.first.direction, self.second.direction])
        return HeldRows(self.first.network, self.first.offset + parameters.to(directions) @ directions)


@checked
def input_plane(
    network: DrivenMap,
    first: ArrayLike | int = 0,
    second: ArrayLike | int = 1,
    offset: ArrayLike | None = None,
) -> InputPlane:
    """The family (p, q) -> map under the held input offset + p first + q second, on a frozen float64 copy.

    Whatever moves with the state of a step can be an input: a gain too, in a step of one's own. All points of a plane
    of inputs are then computed side by side, which a plain function (p, q) -> map does not allow.

    Args:
        network: the map, with two inputs or more.
        first, second: [m], or the number of an input for the unit vector along it.
        offset: [m]; zeros by default.

    Raises:
        ValueError: for directions along one line, or that do not fit.
    """
    families = []
    for name, direction in (("first", first), ("second", second)):
        try:
            families.append(network.input_family(direction, offset))
        except ArgumentError as error:
            raise ArgumentError(name if error.argument == "direction" else "offset", error.refusal) from error
    directions = torch.stack([family.direction for family in families])
    if int(torch.linalg.matrix_rank(directions)) < 2:
        raise ArgumentError("second", "must not point along first: there would be one parameter only")
    return InputPlane(*families)


def input_rows(family: InputFamily, parameters: Tensor) -> "HeldRows":
    """The maps of a family at parameters [r], a row each."""
    return HeldRows(family.network, family.offset + parameters.to(family.offset)[:, None] * family.direction)


class HeldRows(AutonomousMap):
    """A driven map whose rows hold inputs of their own: row i of states [t r, n] is under input i modulo r.

    States are always all rows, once or several times over; ``of`` has some of them.
    """

    def __init__(self, network: DrivenMap, inputs: Tensor) -> None:
        self.network, self.inputs = network, inputs

    def of(self, rows: Tensor | slice) -> "HeldRows":
        """Some rows, by their numbers."""
        return HeldRows(self.network, self.inputs[rows])

    @property
    def state_size(self) -> int:
        return self.network.state_size

    @property
    def dtype(self) -> torch.dtype:
        return self.inputs.dtype

    @property
    def device(self) -> torch.device:
        return self.inputs.device

    @property
    def notes(self) -> tuple[str, ...]:
        return self.network.notes

    def _inputs(self, states: Tensor) -> Tensor:
        rows = len(self.inputs)
        return self.inputs.repeat(len(states) // rows, 1) if len(states) != rows else self.inputs

    def __call__(self, states: Tensor) -> Tensor:
        return self.network.step(states, self._inputs(states))

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        value, linearization, _ = self.network.linearize(states, self._inputs(states))
        return value, linearization

    def pushforward(self, states: Tensor, vectors: int) -> Pushforward:
        return self.network.pushforward(states, self._inputs(states), vectors)

    @property
    def bytes_per_linearization(self) -> int:
        return self.network.bytes_per_linearization(self.inputs.element_size())

    @property
    def box(self) -> Box | NoBox:
        return NoBox("each row holds another input")


def checked_rectangle(family: PlaneFamily, spans: Rectangle) -> Rectangle:
    """Two spans of two different finite numbers each, or ValueError."""
    if not callable(family) or isinstance(family, AutonomousMap | nn.Module):
        raise ArgumentError("family", f"must be a function (p, q) -> map, got {type(family).__name__}")
    try:
        (p0, p1), (q0, q1) = spans
    except (TypeError, ValueError) as error:
        raise ArgumentError("spans", f"must be ((p0, p1), (q0, q1)), got {spans!r}") from error
    numbers = all(isinstance(value, Real) and math.isfinite(value) for value in (p0, p1, q0, q1))
    if not numbers or p0 == p1 or q0 == q1:
        raise ArgumentError("spans", f"must be ((p0, p1), (q0, q1)), two different finite numbers each, got {spans!r}")
    return (float(p0), float(p1)), (float(q0), float(q1))


def corner_of(family: PlaneFamily, spans: Rectangle) -> AutonomousMap:
    """The map at the first corner, or ValueError for a family that gives none."""
    try:
        system = family(spans[0][0], spans[1][0])
    except TypeError as error:
        raise ArgumentError("family", f"must be a function (p, q) -> map: {error}") from error
    if not isinstance(system, AutonomousMap):
        raise ValueError(f"family(p, q) must be an autonomous map, got {type(system).__name__}")
    return system
