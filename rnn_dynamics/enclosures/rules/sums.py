"""Rules for sums over axes, and what is made of them: means, variances, norms, softmax and normalised layers."""

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from ..arrays import Balls, balls_of
from ..tape import Tape
from .elementwise import Operand, add, as_number, divide, larger, multiply, smaller, subtract, unary
from .registry import rule
from .scalars import EXP, FUNCTIONS, NOTHING, SQRT, power

_Axes = Sequence[int] | int | None


@rule("sum")
def total(tape: Tape, self: Operand, dim: _Axes = None, keepdim: bool = False, **_: Any) -> Balls:
    balls = balls_of(self)
    rows, shape = _rows(balls.entries, dim, keepdim)
    values = [sum(map(as_number, row), NOTHING) for row in rows]
    if balls.slopes is None:
        return Balls.of(values, None, shape)
    slopes = _rows(balls.slopes, dim, keepdim)[0]
    return Balls.of(values, [tape.combined([(None, slope) for slope in row]) for row in slopes], shape)


@rule("mean")
def mean(tape: Tape, self: Operand, dim: _Axes = None, keepdim: bool = False, **_: Any) -> Balls:
    return divide(tape, total(tape, self, dim, keepdim), _count(balls_of(self).shape, dim))


@rule("var.correction")
def variance(
    tape: Tape, self: Operand, dim: _Axes = None, correction: float | None = None, keepdim: bool = False
) -> Balls:
    apart = subtract(tape, self, mean(tape, self, dim, True))
    count = _count(balls_of(self).shape, dim) - (1 if correction is None else correction)
    return divide(tape, total(tape, multiply(tape, apart, apart), dim, keepdim), count)


@rule("std.correction")
def deviation(
    tape: Tape, self: Operand, dim: _Axes = None, correction: float | None = None, keepdim: bool = False
) -> Balls:
    return unary(tape, SQRT, variance(tape, self, dim, correction, keepdim))


@rule("linalg_vector_norm")
def norm(tape: Tape, self: Operand, ord: float = 2, dim: _Axes = None, keepdim: bool = False, **_: Any) -> Balls:
    if ord == 1:
        return total(tape, unary(tape, FUNCTIONS["abs"], self), dim, keepdim)
    if ord != 2:
        raise NotImplementedError(f"the norm of order {ord}")
    return unary(tape, SQRT, total(tape, unary(tape, power(2), self), dim, keepdim))


@rule("amax")
def largest(tape: Tape, self: Operand, dim: _Axes = None, keepdim: bool = False) -> Balls:
    return _folded(tape, larger, self, dim, keepdim)


@rule("amin")
def smallest(tape: Tape, self: Operand, dim: _Axes = None, keepdim: bool = False) -> Balls:
    return _folded(tape, smaller, self, dim, keepdim)


def _folded(tape: Tape, of_two: Any, operand: Operand, dim: _Axes, keepdim: bool) -> Balls:
    balls = balls_of(operand)
    rows, shape = _rows(balls.entries, dim, keepdim)
    slopes = [[None] * len(row) for row in rows] if balls.slopes is None else _rows(balls.slopes, dim, keepdim)[0]
    columns = [
        Balls.of(list(entries), list(by), shape)
        for entries, by in zip(zip(*rows, strict=True), zip(*slopes, strict=True), strict=True)
    ]
    return reduce(lambda one, other: of_two(tape, one, other), columns)


@rule("_softmax")
def softmax(tape: Tape, self: Operand, dim: int, **_: Any) -> Balls:
    """1 / sum_j e^(x_j - x_i): every number stands once in a difference, and none can be too large."""
    own, others = _against(balls_of(self), dim)
    sums = total(tape, unary(tape, EXP, subtract(tape, others, own)), -1)
    return unary(tape, FUNCTIONS["reciprocal"], sums)


@rule("_log_softmax")
def log_softmax(tape: Tape, self: Operand, dim: int, **_: Any) -> Balls:
    own, others = _against(balls_of(self), dim)
    sums = total(tape, unary(tape, EXP, subtract(tape, others, own)), -1)
    return unary(tape, FUNCTIONS["neg"], unary(tape, FUNCTIONS["log"], sums))


@rule("logsumexp")
def logsumexp(tape: Tape, self: Operand, dim: _Axes, keepdim: bool = False) -> Balls:
    return unary(tape, FUNCTIONS["log"], total(tape, unary(tape, EXP, self), dim, keepdim))


def _against(x: Balls, dim: int) -> tuple[Balls, Balls]:
    """Each number with a last axis of one, and beside it all those that share its place on the other axes."""

    def pair(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        own = array[..., None]
        others = np.expand_dims(np.moveaxis(array, dim, -1), dim if dim >= 0 else dim + array.ndim)
        return own, others

    own, others = pair(x.entries)
    if x.slopes is None:
        return Balls(own), Balls(others)
    own_slopes, other_slopes = pair(x.slopes)
    return Balls(own, own_slopes), Balls(others, other_slopes)


@rule("native_layer_norm")
def layer_norm(
    tape: Tape,
    input: Operand,
    normalized_shape: Sequence[int],
    weight: Operand | None = None,
    bias: Operand | None = None,
    eps: float = 1e-5,
) -> tuple[Balls, None, None]:
    """(x - mean) / sqrt(var + eps), scaled and shifted; with what torch keeps for its derivative beside it."""
    axes = list(range(-len(normalized_shape), 0))
    apart = subtract(tape, input, mean(tape, input, axes, True))
    spread = add(tape, mean(tape, unary(tape, power(2), apart), axes, True), eps)
    result = multiply(tape, apart, unary(tape, FUNCTIONS["rsqrt"], spread))
    result = result if weight is None else multiply(tape, result, weight)
    return (result if bias is None else add(tape, result, bias)), None, None


def _count(shape: tuple[int, ...], dim: _Axes) -> int:
    return prod(shape[axis] for axis in _axes(len(shape), dim))


def _axes(axes: int, dim: _Axes) -> list[int]:
    if dim is None or (not isinstance(dim, int) and not len(dim)):
        return list(range(axes))
    return [axis % axes for axis in ([dim] if isinstance(dim, int) else dim)] if axes else []


def _rows(array: np.ndarray, dim: _Axes, keepdim: bool) -> tuple[list[list[Any]], tuple[int, ...]]:
    """What is summed up to each entry of the result, and its shape."""
    axes = _axes(array.ndim, dim)
    kept = [axis for axis in range(array.ndim) if axis not in axes]
    shape = tuple(array.shape[axis] for axis in kept)
    count = prod(array.shape[axis] for axis in axes)
    rows = array.transpose([*kept, *axes]).reshape(prod(shape), count).tolist()
    if keepdim:
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(array.shape))
    return rows, shape
