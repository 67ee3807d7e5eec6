"""Rules for functions that jump between levels: floor and its like."""

from collections.abc import Callable
from typing import Any

from flint import arb

from ..arrays import Balls, Slope, balls_of
from ..tape import Tape
from .choices import choose, compare
from .elementwise import Operand, as_number, divide, multiply, subtract
from .registry import rule
from .scalars import NOTHING


def _levels(tape: Tape, of: Callable[[arb], arb], operand: Operand) -> Balls:
    """A function that is constant between whole numbers, where it jumps."""
    balls = balls_of(operand)
    entries: list[Any] = []
    slopes: list[Slope] = []
    for entry, slope in zip(balls.flat(), balls.flat_slopes(), strict=True):
        x = as_number(entry)
        low, high = of(x.lower()), of(x.upper())
        is_one = bool(low == high)  # of balls, "not equal" is another question
        entries.append(low if is_one else low.union(high))
        jumps = slope is not None and (not is_one or x.contains_integer())
        tape.kinked = tape.kinked or jumps
        slopes.append(tape.unknown() if jumps else None)
    return Balls.of(entries, slopes, balls.shape)


@rule("floor")
def floor(tape: Tape, self: Operand) -> Balls:
    return _levels(tape, arb.floor, self)


@rule("ceil")
def ceil(tape: Tape, self: Operand) -> Balls:
    return _levels(tape, arb.ceil, self)


@rule("trunc", "fix")
def truncate(tape: Tape, self: Operand) -> Balls:
    return choose(tape, compare(tape, ">", self, NOTHING), floor(tape, self), ceil(tape, self))


@rule("div.Tensor_mode", "div.Scalar_mode")
def divide_to_whole(tape: Tape, self: Operand, other: Operand, rounding_mode: str | None = None) -> Balls:
    quotient = divide(tape, self, other)
    return quotient if rounding_mode is None else {"floor": floor, "trunc": truncate}[rounding_mode](tape, quotient)


@rule("floor_divide")
def floor_divide(tape: Tape, self: Operand, other: Operand) -> Balls:
    return floor(tape, divide(tape, self, other))


@rule("remainder")
def remainder(tape: Tape, self: Operand, other: Operand) -> Balls:
    return subtract(tape, self, multiply(tape, other, floor(tape, divide(tape, self, other))))


@rule("fmod")
def fmod(tape: Tape, self: Operand, other: Operand) -> Balls:
    return subtract(tape, self, multiply(tape, other, truncate(tape, divide(tape, self, other))))
