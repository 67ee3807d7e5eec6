"""Matrices of balls: made of tensors exactly, compared, and told as tensors again.

A ball [m +- r] stands for every real number within r of m. Its arithmetic is Arb's, through python-flint: what an
operation returns contains the result for all numbers of its operands, whatever was rounded (Johansson 2017,
doi:10.1109/TC.2017.2690633; Tucker 2011, "Validated Numerics").
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import flint
import torch
from flint import arb, arb_mat
from torch import Tensor

from ..checks import ArgumentError, checked


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Midpoints of ``bits`` bits while it is entered: python-flint has one precision for the whole process."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


@checked
def exact(tensor: Tensor) -> arb_mat:
    """The numbers of a tensor [r, c], or [r] for one column, as balls of radius 0: floats are dyadic numbers."""
    rows = _as_matrix(tensor, "tensor")
    return arb_mat(rows.shape[0], rows.shape[1], rows.flatten().tolist())


@checked
def ball(midpoints: Tensor, radii: Tensor | float) -> arb_mat:
    """The balls with given midpoints [r, c] or [r], and radii of the same shape or one for all; never narrower.

    Raises:
        ValueError: for radii that are negative or of another shape.
    """
    middles = _as_matrix(midpoints, "midpoints")
    if isinstance(radii, Tensor) and radii.shape != midpoints.shape:
        raise ArgumentError(
            "radii", f"must have the shape {list(midpoints.shape)} of midpoints, got {list(radii.shape)}"
        )
    widths = torch.as_tensor(radii, dtype=torch.float64, device="cpu").flatten().expand(middles.numel())
    if not bool((widths >= 0).all()):
        raise ArgumentError("radii", "must not be negative")
    pairs = zip(middles.flatten().tolist(), widths.tolist(), strict=True)
    return arb_mat(middles.shape[0], middles.shape[1], [arb(middle, width) for middle, width in pairs])


def _as_matrix(tensor: Tensor, name: str) -> Tensor:
    if tensor.ndim not in (1, 2):
        raise ArgumentError(name, f"must have shape [r, c] or [r], got {list(tensor.shape)}")
    rows = tensor if tensor.ndim == 2 else tensor.unsqueeze(1)
    return rows.detach().cpu()


@checked
def midpoints(balls: arb_mat) -> Tensor:
    """The float64 numbers [r, c] nearest to the midpoints; NaN where a ball is not finite."""
    return _table(balls, [float(one) if one.is_finite() else math.nan for one in balls.entries()])


@checked
def radii(balls: arb_mat) -> Tensor:
    """How far at most a number of each ball is from its ``midpoints``, rounded up: [r, c]; infinite if it is not."""
    return _table(balls, [_distance(one, float(one)) if one.is_finite() else math.inf for one in balls.entries()])


def _distance(one: arb, middle: float) -> float:
    if one.is_exact() and one == middle:
        return 0.0
    return math.nextafter(float((one - middle).abs_upper()), math.inf)


def _table(balls: arb_mat, entries: list[float]) -> Tensor:
    return torch.tensor(entries, dtype=torch.float64).reshape(balls.nrows(), balls.ncols())


@checked
def hull(one: arb_mat, other: arb_mat) -> arb_mat:
    """Balls that contain both matrices, entry by entry."""
    return arb_mat(*_same_shape(one, other), [a.union(b) for a, b in _pairs(one, other)])


@checked
def intersection(one: arb_mat, other: arb_mat) -> arb_mat | None:
    """Balls that contain what is in both matrices, entry by entry; None where some entries have nothing in common."""
    shape = _same_shape(one, other)
    if not one.overlaps(other):
        return None
    return arb_mat(*shape, [a.intersection(b) for a, b in _pairs(one, other)])


@checked
def contains(outer: arb_mat, inner: arb_mat) -> bool:
    """Whether every entry of ``inner`` is finite and lies in the interior of that of ``outer``."""
    _same_shape(outer, inner)
    return all(b.is_finite() and a.contains_interior(b) for a, b in _pairs(outer, inner))


@checked
def overlaps(one: arb_mat, other: arb_mat) -> bool:
    """Whether all entries have numbers in common; False is a proof that the boxes are disjoint."""
    _same_shape(one, other)
    return bool(one.overlaps(other))


@checked
def is_finite(balls: arb_mat) -> bool:
    """Whether all balls are bounded, so that something is known of every entry."""
    return all(one.is_finite() for one in balls.entries())


def _pairs(one: arb_mat, other: arb_mat) -> Iterator[tuple[arb, arb]]:
    return zip(one.entries(), other.entries(), strict=True)


def _same_shape(one: arb_mat, other: arb_mat) -> tuple[int, int]:
    shapes = [(matrix.nrows(), matrix.ncols()) for matrix in (one, other)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"the two matrices of balls must have one shape, got {list(shapes[0])} and {list(shapes[1])}")
    return shapes[0]
