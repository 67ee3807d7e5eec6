"""Floats that bound balls: a number read off a ball is rounded away from what it must not hide."""

import math
from collections.abc import Iterable, Sequence

import torch
from flint import acb_mat, arb, arb_mat
from torch import Tensor

from ..enclosures import exact


def upper(ball: arb) -> float:
    """A float that is at least |x| for every x of the ball; infinite if the ball is not bounded."""
    value = float(ball.abs_upper())
    return math.inf if math.isnan(value) else math.nextafter(value, math.inf)


def uppers(column: arb_mat) -> Tensor:
    """``upper`` of each entry, row by row, [rows * columns]."""
    return torch.tensor([upper(entry) for entry in column.entries()], dtype=torch.float64)


def symmetric(radii: Iterable[float]) -> arb_mat:
    """The column of balls [-r, r]."""
    column = [[arb(0, radius)] for radius in radii]
    return arb_mat(column)


def around(center: arb_mat, radii: Iterable[float]) -> arb_mat:
    """The box of all x with |x_i - c_i| <= r_i, for a column c."""
    return arb_mat([[c + arb(0, radius)] for c, radius in zip(center.entries(), radii, strict=True)])


def exact_complex(values: Tensor) -> acb_mat:
    """The matrix of exactly these complex floats [rows, columns]."""
    return acb_mat(values.cpu().tolist())


def identity(n: int) -> arb_mat:
    """[n, n]."""
    return exact(torch.eye(n, dtype=torch.float64))


def stacked(parts: Sequence[arb_mat]) -> arb_mat:
    """Matrices of equal width, one below the other."""
    return arb_mat([row for part in parts for row in part.tolist()])


def split(column: arb_mat, size: int) -> list[arb_mat]:
    """A column in pieces of ``size`` rows."""
    entries = column.entries()
    return [arb_mat(size, 1, entries[at : at + size]) for at in range(0, len(entries), size)]


def row_sums(matrix: acb_mat | arb_mat) -> list[arb]:
    """Sum_j |m_ij| of every row, as balls."""
    return [sum((abs(entry) for entry in row), arb(0)) for row in matrix.tolist()]


def largest_row_sum(matrix: acb_mat | arb_mat) -> float:
    """A bound of the matrix's norm as an operator on R^n or C^n with the maximum norm."""
    return max(upper(total) for total in row_sums(matrix))
