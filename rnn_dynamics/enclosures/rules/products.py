"""Rules for products of vectors and matrices, by Arb's own product of matrices."""

import numpy as np
from flint import arb

from ..arrays import Array, Balls, Constant
from ..tape import Tape
from .elementwise import Operand, add, multiply
from .registry import rule

_Matrix = Balls | Constant


def matrix_product(tape: Tape, left: _Matrix, right: _Matrix) -> Balls:
    """A B of A [r, k] and B [k, c]."""
    shape = (left.shape[0], right.shape[1])
    values = (left.matrix * right.matrix).entries() if left.shape[1] else [arb(0)] * (shape[0] * shape[1])
    by_left, by_right = _slopes(left), _slopes(right)
    if by_left is None and by_right is None:
        return Balls.of(tape.narrowed(values, None), None, shape)
    total: np.ndarray = np.empty(shape, dtype=object)
    if by_right is not None:
        for column in range(shape[1]):
            total[:, column] = tape.product(left, by_right[:, column].tolist())
    if by_left is not None:
        total = _with_left(tape, total, by_left, right, by_right is not None)
    slopes = total.ravel().tolist()
    return Balls.of(tape.narrowed(values, slopes), slopes, shape)


def _with_left(tape: Tape, total: np.ndarray, by_left: np.ndarray, right: _Matrix, both: bool) -> np.ndarray:
    """The slopes of A B with those that A has: by the rows of A, B^T A^T; entry by entry where B has slopes too."""
    if not both:
        for row in range(total.shape[0]):
            total[row] = tape.product(right.transposed, by_left[row].tolist())
        return total
    columns = list(zip(*right.rows, strict=True))
    for (row, column), known in np.ndenumerate(total):
        terms = [(factor, slope) for factor, slope in zip(columns[column], by_left[row], strict=True)]
        total[row, column] = tape.combined([(None, known), *terms])
    return total


def _slopes(matrix: _Matrix) -> np.ndarray | None:
    return matrix.slopes if isinstance(matrix, Balls) else None


def _reshaped(array: Array, shape: tuple[int, ...]) -> Array:
    if isinstance(array, Constant):
        return Constant(array.tensor.reshape(shape))
    return Balls(array.entries.reshape(shape), None if array.slopes is None else array.slopes.reshape(shape))


@rule("mm")
def mm(tape: Tape, self: Array, mat2: Array) -> Balls:
    return matrix_product(tape, self, mat2)


@rule("mv")
def mv(tape: Tape, self: Array, vec: Array) -> Array:
    product = matrix_product(tape, self, _reshaped(vec, (*vec.shape, 1)))
    return _reshaped(product, self.shape[:1])


@rule("dot")
def dot(tape: Tape, self: Array, tensor: Array) -> Array:
    return _reshaped(mv(tape, _reshaped(self, (1, *self.shape)), tensor), ())


@rule("addmm")
def addmm(tape: Tape, self: Array, mat1: Array, mat2: Array, beta: float = 1, alpha: float = 1) -> Balls:
    return _scaled_sum(tape, self, matrix_product(tape, mat1, mat2), beta, alpha)


@rule("addmv")
def addmv(tape: Tape, self: Array, mat: Array, vec: Array, beta: float = 1, alpha: float = 1) -> Balls:
    return _scaled_sum(tape, self, mv(tape, mat, vec), beta, alpha)


@rule("bmm")
def bmm(tape: Tape, self: Array, mat2: Array) -> Balls:
    parts = [matrix_product(tape, _part(self, place), _part(mat2, place)) for place in range(self.shape[0])]
    entries = np.stack([part.entries for part in parts])
    slopes = [np.empty(part.shape, dtype=object) if part.slopes is None else part.slopes for part in parts]
    return Balls(entries, np.stack(slopes) if any(part.slopes is not None for part in parts) else None)


@rule("baddbmm")
def baddbmm(tape: Tape, self: Array, batch1: Array, batch2: Array, beta: float = 1, alpha: float = 1) -> Balls:
    return _scaled_sum(tape, self, bmm(tape, batch1, batch2), beta, alpha)


def _part(array: Array, place: int) -> Array:
    if isinstance(array, Constant):
        return Constant(array.tensor[place])
    return Balls(array.entries[place], None if array.slopes is None else array.slopes[place])


def _scaled_sum(tape: Tape, bias: Operand, product: Operand, beta: float, alpha: float) -> Balls:
    bias = bias if beta == 1 else multiply(tape, bias, beta)
    return add(tape, bias, product, alpha)
