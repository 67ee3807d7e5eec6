"""Rules for operations that act on each number alone: value and slopes, element by element."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from flint import arb

from ..arrays import Array, Balls, Slope, balls_of
from ..tape import Tape
from .registry import rule
from .scalars import (
    BETWEEN,
    FUNCTIONS,
    HALF,
    NOTHING,
    ONE,
    THIN,
    Bent,
    Smooth,
    exp,
    identity,
    logistic,
    nothing,
    power,
    reciprocal,
    times,
    whole_power,
)

Operand: TypeAlias = Array | arb | float


def unary(tape: Tape, function: Smooth | Bent, operand: Operand) -> Balls:
    """A function of each number."""
    balls = balls_of(operand)
    flat = _numbers(balls)
    values = list(map(function.value, flat))
    if balls.slopes is None:
        return Balls.of(values, None, balls.shape)
    slopes: list[Slope] = []
    for x, slope in zip(flat, balls.flat_slopes(), strict=True):
        if slope is None:
            slopes.append(None)
            continue
        tape.kinked = tape.kinked or function.kinked(x)
        slopes.append(tape.combined([(function.slope(x), slope)]))
    return Balls.of(values, slopes, balls.shape)


def binary(
    tape: Tape,
    value: Callable[[arb, arb], arb],
    slopes: Callable[[arb, arb], tuple[arb | None, arb | None]],
    one: Operand,
    other: Operand,
    kinked: Callable[[arb, arb], bool] | None = None,
) -> Balls:
    """A function of two numbers, of arrays that are broadcast; a slope that is 1 may be None."""
    shape, (left, left_slopes), (right, right_slopes) = broadcast(one, other)
    values = list(map(value, left, right))
    if left_slopes is None and right_slopes is None:
        return Balls.of(values, None, shape)
    empty: list[Slope] = [None] * len(values)
    total: list[Slope] = []
    for x, y, by_x, by_y in zip(left, right, left_slopes or empty, right_slopes or empty, strict=True):
        if by_x is None and by_y is None:
            total.append(None)
            continue
        if kinked is not None:
            tape.kinked = tape.kinked or kinked(x, y)
        first, second = slopes(x, y)
        total.append(tape.combined([(first, by_x), (second, by_y)]))
    return Balls.of(values, total, shape)


def broadcast(*operands: Operand, numbers: bool = True) -> Any:
    """The common shape, and of each operand its entries and slopes in it; None where it has no slopes."""
    all_balls = [balls_of(operand) for operand in operands]
    shape = np.broadcast_shapes(*(balls.shape for balls in all_balls))
    parts: list[tuple[list[arb], list[Slope] | None]] = []
    for balls in all_balls:
        entries = np.broadcast_to(balls.entries, shape).ravel().tolist()
        slopes = None if balls.slopes is None else np.broadcast_to(balls.slopes, shape).ravel().tolist()
        parts.append((list(map(as_number, entries)) if numbers else entries, slopes))
    return shape, *parts


def as_number(entry: Any) -> arb:
    """A truth as 0 or 1, and one that is not decided as what lies between; a number as it is."""
    if isinstance(entry, arb):
        return entry
    return BETWEEN if entry is None else ONE if entry else NOTHING


def _numbers(balls: Balls) -> list[arb]:
    return list(map(as_number, balls.flat()))


def _named(name: str, function: Smooth | Bent) -> None:
    @rule(name)
    def of_each(tape: Tape, self: Operand, **_: Any) -> Balls:
        return unary(tape, function, self)


for _name, _function in FUNCTIONS.items():
    _named(_name, _function)


@rule("add")
def add(tape: Tape, self: Operand, other: Operand, alpha: float = 1) -> Balls:
    other = other if alpha == 1 else multiply(tape, other, alpha)
    return binary(tape, lambda x, y: x + y, lambda _x, _y: (None, None), self, other)


@rule("sub")
def subtract(tape: Tape, self: Operand, other: Operand, alpha: float = 1) -> Balls:
    other = other if alpha == 1 else multiply(tape, other, alpha)
    return binary(tape, lambda x, y: x - y, lambda _x, _y: (None, -ONE), self, other)


@rule("rsub")
def subtract_from(tape: Tape, self: Operand, other: Operand, alpha: float = 1) -> Balls:
    return subtract(tape, other, self, alpha)


@rule("mul")
def multiply(tape: Tape, self: Operand, other: Operand) -> Balls:
    if self is other:
        return unary(tape, power(2), self)
    return binary(tape, times, lambda x, y: (y, x), self, other)


@rule("div")
def divide(tape: Tape, self: Operand, other: Operand) -> Balls:
    return binary(tape, _quotient, lambda x, y: (reciprocal(y), -times(x, whole_power(y, -2))), self, other)


def _quotient(x: arb, y: arb) -> arb:
    return x / y if x.rad() < THIN or y.rad() < THIN else times(x, reciprocal(y))


@rule("addcmul")
def add_product(tape: Tape, self: Operand, tensor1: Operand, tensor2: Operand, value: float = 1) -> Balls:
    return add(tape, self, multiply(tape, tensor1, tensor2), value)


@rule("addcdiv")
def add_quotient(tape: Tape, self: Operand, tensor1: Operand, tensor2: Operand, value: float = 1) -> Balls:
    return add(tape, self, divide(tape, tensor1, tensor2), value)


@rule("lerp")
def interpolate(tape: Tape, self: Operand, end: Operand, weight: Operand) -> Balls:
    return add(tape, self, multiply(tape, weight, subtract(tape, end, self)))


@rule("pow.Tensor_Scalar")
def raise_to_number(tape: Tape, self: Operand, exponent: float) -> Balls:
    return unary(tape, power(exponent), self)


@rule("pow.Tensor_Tensor", "pow.Scalar")
def raise_to(tape: Tape, self: Operand, exponent: Operand) -> Balls:
    return binary(
        tape,
        lambda x, y: (y * x.log()).exp(),
        lambda x, y: (y * ((y - 1) * x.log()).exp(), x.log() * (y * x.log()).exp()),
        self,
        exponent,
    )


@rule("maximum")
def larger(tape: Tape, self: Operand, other: Operand) -> Balls:
    return binary(tape, arb.max, _shares_of_larger, self, other, arb.overlaps)


@rule("minimum")
def smaller(tape: Tape, self: Operand, other: Operand) -> Balls:
    return _negative(tape, larger(tape, _negative(tape, self), _negative(tape, other)))


def _negative(tape: Tape, operand: Operand) -> Balls:
    return unary(tape, FUNCTIONS["neg"], operand)


def _shares_of_larger(x: arb, y: arb) -> tuple[arb | None, arb | None]:
    """The hull of both where either may be the larger one: the slope is one of them, or between them."""
    if x > y:
        return None, NOTHING
    return (NOTHING, None) if x < y else (BETWEEN, BETWEEN)


@rule("clamp")
def clamp(tape: Tape, self: Operand, min: Operand | None = None, max: Operand | None = None) -> Balls:
    low = self if min is None else larger(tape, self, min)
    return balls_of(low) if max is None else smaller(tape, low, max)


@rule("clamp_min")
def clamp_below(tape: Tape, self: Operand, min: Operand) -> Balls:
    return larger(tape, self, min)


@rule("clamp_max")
def clamp_above(tape: Tape, self: Operand, max: Operand) -> Balls:
    return smaller(tape, self, max)


@rule("hardtanh")
def hardtanh(tape: Tape, self: Operand, min_val: float = -1, max_val: float = 1) -> Balls:
    low, high = arb(min_val), arb(max_val)
    return unary(tape, Bent((low, high), (_level(low), identity, _level(high))), self)


@rule("hardsigmoid")
def hardsigmoid(tape: Tape, self: Operand) -> Balls:
    sloping = Smooth(lambda x: (x + 3) / 6, lambda _: ONE / 6)
    return unary(tape, Bent((arb(-3), arb(3)), (nothing, sloping, _level(ONE))), self)


@rule("hardswish")
def hardswish(tape: Tape, self: Operand) -> Balls:
    middle = Smooth(lambda x: x * (x + 3) / 6, lambda x: (2 * x + 3) / 6)
    return unary(tape, Bent((arb(-3), arb(3)), (nothing, middle, identity)), self)


@rule("leaky_relu")
def leaky_relu(tape: Tape, self: Operand, negative_slope: float = 0.01) -> Balls:
    scale = arb(negative_slope)
    return unary(tape, Bent((NOTHING,), (Smooth(lambda x: x * scale, lambda _: scale), identity)), self)


@rule("elu")
def elu(tape: Tape, self: Operand, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Balls:
    a, s, i = arb(alpha), arb(scale), arb(input_scale)
    below = Smooth(lambda x: a * s * FUNCTIONS["expm1"].value(i * x), lambda x: a * s * i * exp(i * x))
    above = Smooth(lambda x: s * x, lambda _: s)
    bent = Bent((NOTHING,), (below, above))
    if a * i == ONE:  # the slopes on both sides are one
        return unary(tape, Smooth(bent.value, bent.slope), self)
    return unary(tape, bent, self)


def logarithm_of_sum(x: arb) -> arb:
    """ln(1 + e^x)."""
    positive = x > 0
    return x + FUNCTIONS["log1p"].value(exp(-x)) if positive else FUNCTIONS["log1p"].value(exp(x))


@rule("logaddexp")
def logaddexp(tape: Tape, self: Operand, other: Operand) -> Balls:
    def value(x: arb, y: arb) -> arb:
        return y + logarithm_of_sum(x - y)

    return binary(tape, value, lambda x, y: (logistic(x - y), logistic(y - x)), self, other)


@rule("log_sigmoid_forward")
def log_sigmoid(tape: Tape, self: Operand) -> tuple[Balls, None]:
    """With what torch keeps for its derivative beside it, which is not needed."""
    return unary(tape, FUNCTIONS["log_sigmoid"], self), None


@rule("gelu")
def gelu(tape: Tape, self: Operand, approximate: str = "none") -> Balls:
    if approximate == "none":
        root = arb(2).sqrt()
        bell = Smooth(
            lambda x: x * HALF * (ONE + FUNCTIONS["erf"].value(x / root)),
            lambda x: HALF * (ONE + FUNCTIONS["erf"].value(x / root) + x * FUNCTIONS["erf"].slope(x / root) / root),
        )
        return unary(tape, bell, self)
    inner = multiply(tape, add(tape, self, multiply(tape, unary(tape, power(3), self), 0.044715)), 2)
    factor = Balls.of([(2 / arb.pi()).sqrt()], None, ())
    return multiply(tape, self, unary(tape, FUNCTIONS["sigmoid"], multiply(tape, inner, factor)))


@rule("mish")
def mish(tape: Tape, self: Operand) -> Balls:
    soft = Smooth(logarithm_of_sum, logistic)
    return multiply(tape, self, unary(tape, FUNCTIONS["tanh"], unary(tape, soft, self)))


def _level(height: arb) -> Smooth:
    return Smooth(lambda _: height, lambda _: NOTHING)
