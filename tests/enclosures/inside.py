"""Whether numbers that were computed otherwise lie in balls."""

from collections.abc import Callable

import torch
from flint import arb, arb_mat
from torch import Tensor
from torch.func import jacfwd, vmap

from rnn_dynamics.enclosures import Enclosure, midpoints, radii

DOUBLE = torch.float64


def within(numbers: Tensor, balls: arb_mat, rounding: float = 1e-12) -> bool:
    """Whether float64 numbers [r, c], themselves rounded, lie in balls; NaN and what is not finite lie anywhere."""
    rows = numbers.reshape(balls.nrows(), balls.ncols()).flatten().tolist()
    return all(
        number != number or not one.is_finite() or arb(number, rounding * (1 + abs(number))).overlaps(one)
        for number, one in zip(rows, balls.entries(), strict=True)
    )


def samples(states: Tensor, reach: float, count: int, seed: int) -> Tensor:
    """States [count, n] of a box, its corners among them."""
    generator = torch.Generator().manual_seed(seed)
    shares = 2 * torch.rand(count, len(states), generator=generator, dtype=DOUBLE) - 1
    shares[: count // 2] = shares[: count // 2].sign()
    return states + reach * shares


def holds(function: Callable[[Tensor], Tensor], enclosure: Enclosure, box: arb_mat, inside: Tensor) -> bool:
    """Whether the function's values and derivatives, by torch, at states of the box lie in its enclosure."""
    value, jacobian, _ = enclosure.linearize(box)
    alone = enclosure.value(box)
    return all(
        within(function(state), value) and within(function(state), alone) and within(slopes, jacobian)
        for state, slopes in zip(inside, vmap(jacfwd(function))(inside), strict=True)
    )


def width(balls: arb_mat) -> float:
    """The largest radius, relative to numbers above 1."""
    return float((radii(balls) / midpoints(balls).abs().clamp(min=1.0)).max())
