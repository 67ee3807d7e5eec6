"""Rules for layers that normalise."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import Balls, balls_of
from ..tape import Tape
from .elementwise import Operand, add, multiply, subtract, unary
from .registry import rule
from .scalars import FUNCTIONS, power
from .sums import mean


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


@rule("native_batch_norm")
def batch_norm(
    tape: Tape,
    input: Operand,
    weight: Operand | None,
    bias: Operand | None,
    running_mean: Operand | None,
    running_var: Operand | None,
    training: bool,
    momentum: float,  # noqa: ARG001
    eps: float,
) -> tuple[Balls, None, None]:
    """(x - mean) / sqrt(var + eps) with the means and variances that were learned, scaled and shifted."""
    if training or running_mean is None or running_var is None:
        raise NotImplementedError("means over a batch of states")
    axes = len(balls_of(input).shape)

    def along_channels(operand: Operand) -> Balls:
        balls = balls_of(operand)
        return Balls(balls.entries.reshape(-1, *[1] * (axes - 2)), _reshaped(balls.slopes, axes))

    scale = unary(tape, FUNCTIONS["rsqrt"], add(tape, along_channels(running_var), eps))
    result = multiply(tape, subtract(tape, input, along_channels(running_mean)), scale)
    result = result if weight is None else multiply(tape, result, along_channels(weight))
    return (result if bias is None else add(tape, result, along_channels(bias))), None, None


def _reshaped(slopes: np.ndarray | None, axes: int) -> Any:
    return None if slopes is None else slopes.reshape(-1, *[1] * (axes - 2))
