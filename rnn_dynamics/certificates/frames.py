"""Real coordinates adapted to a matrix, and the norm in which it contracts by its spectral radius.

Columns of V are real eigenvectors, and Re v, Im v of each complex pair, which span a block of two coordinates in which
the matrix turns; W is near to V^-1. With |y| = max over blocks of |y_I|_2 / s_I, and e < 1 a bound of |I - W V|, W is
regular, |x|_W = |W x| is a norm on R^n, and for every matrix M

    W M W^-1 = W M V (I - E)^-1,    E = I - W V,    |M|_W <= |W M V| / (1 - e).
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from flint import arb, arb_mat
from torch import Tensor

from ..enclosures import exact, midpoints
from ..linear_algebra import solve
from .bounds import identity, symmetric, upper, uppers
from .intervals import Intervals, product, up

Block: TypeAlias = tuple[int, ...]

_UP = 1 + 2.0**-40
"""Above what a few products and sums of positive floats may lose."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Y = W x, and back."""

    forward: arb_mat
    """W, [n, n]."""

    back: arb_mat
    """V, [n, n]."""

    blocks: tuple[Block, ...]
    """Rows of one or two coordinates that turn into one another."""

    sizes: Tensor
    """s, a power of two for each block."""

    defect: float
    """e."""

    @classmethod
    def of(cls, matrix: arb_mat) -> "Frame | None":
        """From the eigenvectors, in floats, of the midpoint; None where they do not span all directions."""
        middle = midpoints(matrix)
        if not bool(middle.isfinite().all()):
            return None
        values, vectors = torch.linalg.eig(middle)
        columns: list[Tensor] = []
        blocks: list[Block] = []
        for value, vector in zip(values.tolist(), vectors.T, strict=True):
            if value.imag == 0:
                blocks.append((len(columns),))
                columns.append(vector.real)
            elif value.imag > 0:
                blocks.append((len(columns), len(columns) + 1))
                columns += [vector.real, vector.imag]
        back = torch.stack(columns, dim=1)
        forward = solve(back, torch.eye(len(back), dtype=back.dtype))
        if not bool(forward.isfinite().all()):
            return None
        frame = cls(exact(forward), exact(back), tuple(blocks), torch.ones(len(blocks), dtype=back.dtype), 0.0)
        return frame._verified()

    def scaled(self, sizes: Tensor) -> "Frame | None":
        """The same with blocks of other sizes, each rounded to a power of two."""
        return replace(self, sizes=sizes.log2().round().exp2())._verified()

    def _verified(self) -> "Frame | None":
        defect = self._norm(identity(self.forward.nrows()) - self.forward * self.back)
        return replace(self, defect=defect) if defect < 1 else None

    @property
    def _slack(self) -> float:
        """A bound of |(I - E)^-1|."""
        return 1 / (1 - self.defect) * _UP

    def norm(self, moved: arb_mat) -> tuple[float, Tensor]:
        """A bound of |M|_W, ``moved`` being M V; and bounds of the norms of its blocks, [b, b], sizes left out."""
        bounds = self.block_bounds(self.forward * moved)
        return self._of_blocks(bounds) * self._slack * _UP, bounds

    def _norm(self, matrix: arb_mat) -> float:
        return self._of_blocks(self.block_bounds(matrix))

    def _of_blocks(self, bounds: Tensor) -> float:
        return float((bounds @ self.sizes / self.sizes).max()) * _UP

    def block_bounds(self, matrix: arb_mat) -> Tensor:
        """Bounds of |B_IJ|_2 of all blocks of a matrix of balls, [b, b].

        Those on the diagonal are as close as can be, since they turn; others are bounded by sqrt(sum |b_ij|^2).
        """
        squares = uppers(matrix).reshape(matrix.nrows(), -1) ** 2
        of_block = torch.tensor([number for number, block in enumerate(self.blocks) for _ in block])
        sums = torch.zeros(len(self.blocks), squares.shape[1], dtype=torch.float64).index_add(0, of_block, squares)
        bounds = torch.zeros(len(self.blocks), len(self.blocks), dtype=torch.float64).index_add(1, of_block, sums)
        bounds = bounds.sqrt() * _UP + 1e-150  # what underflows in a square
        for number, block in enumerate(self.blocks):
            bounds[number, number] = _spectral_norm([[matrix[row, column] for column in block] for row in block])
        return bounds

    def spread(self, radius: float) -> arb_mat:
        """The box of all y = V^-1 x with |x|_W <= radius, [n, 1]."""
        radii = [0.0] * self.forward.nrows()
        for block, size in zip(self.blocks, self.sizes.tolist(), strict=True):
            for row in block:
                radii[row] = size * radius * self._slack * _UP
        return symmetric(radii)

    @property
    def reach(self) -> list[float]:
        """Bounds of |x_i| for all x with |x|_W <= 1."""
        return uppers(self.back * self.spread(1.0)).tolist()

    def length(self, column: arb_mat) -> float:
        """A bound of |x|_W for all x in a column of balls."""
        return upper(self.size(column))

    def size(self, column: arb_mat) -> arb:
        """The same, be it smaller than any float."""
        moved = (self.forward * column).entries()
        lengths = (_hypot(moved[block[0]], moved[block[1]] if len(block) == 2 else arb(0)) for block in self.blocks)
        return max((length / size).abs_upper() for length, size in zip(lengths, self.sizes.tolist(), strict=True))

    def norms(self, moved: Intervals) -> Tensor:
        """Bounds of |M|_W of many matrices, [k], ``moved`` being M V of each, [k, n, n]."""
        n = moved.lower.shape[-1]
        matrices = product("ij,kjl->kil", Intervals.exactly(midpoints(self.forward)), moved, n)
        own = torch.tensor([number for number, block in enumerate(self.blocks) for _ in block])
        squares = up(matrices.magnitude.square())
        sums = squares.new_zeros(len(squares), len(self.blocks), n).index_add(1, own, squares)
        bounds = squares.new_zeros(len(squares), len(self.blocks), len(self.blocks)).index_add(2, own, sums)
        bounds = bounds.sqrt() * _UP + 1e-150
        for number, block in enumerate(self.blocks):
            if len(block) == 2:
                (a, b), (c, d) = ([matrices[:, row, column] for column in block] for row in block)
                turned = torch.hypot((a + d).magnitude, (c - b).magnitude)
                bent = torch.hypot((a - d).magnitude, (b + c).magnitude)
                bounds[:, number, number] = (turned + bent) / 2 * _UP
        return (bounds @ self.sizes / self.sizes).amax(dim=-1) * _UP * self._slack * _UP

    def inscribed(self, units: Tensor) -> float:
        """A bound of |x|_W where |x_i| <= u_i for all i."""
        return self.length(symmetric(units.tolist()))


def _spectral_norm(block: list[list[arb]]) -> float:
    """A bound of |B|_2 of a block of one or two rows and columns."""
    if len(block) == 1:
        return upper(block[0][0])
    (a, b), (c, d) = block
    return upper((_hypot(a + d, c - b) + _hypot(a - d, b + c)) / 2)


def _hypot(x: arb, y: arb) -> arb:
    """A bound of sqrt(x^2 + y^2): of the largest moduli, as a square of a ball may reach below 0."""
    return (x.abs_upper() ** 2 + y.abs_upper() ** 2).sqrt()
