"""The equation of a cycle for all of its states at once, over balls, and what is near to its inverse."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from flint import arb_mat
from torch import Tensor

from ..enclosures import Enclosure, exact, midpoints
from ..linear_algebra import solve
from .bounds import identity, split, stacked, symmetric, uppers


@dataclass(frozen=True, eq=False)
class CycleEquation:
    """G(x)_i = x_i - F(x_(i-1)) = 0 for i = 0 ... k-1, x_(-1) = x_(k-1); a fixed point is a cycle of one state.

    DG has identities on its diagonal and -DF(x_(i-1)) in column i - 1 of row i: products with it cost k^2 n^3, not
    k^3 n^3, and det DG = det(I - DF(x_(k-1)) ... DF(x_0)).
    """

    map: Enclosure
    precision: int

    def gaps(self, states: Sequence[arb_mat]) -> arb_mat:
        """G, the column [k n, 1], at boxes [n, 1] of all states."""
        return stacked([here - self.map.value(states[i - 1], self.precision) for i, here in enumerate(states)])

    def slopes(self, boxes: Sequence[arb_mat]) -> tuple[list[arb_mat], bool]:
        """DF over each box, [n, n], and whether F has a kink in any."""
        every = [self.map.linearize(box, self.precision)[1:] for box in boxes]
        return [slopes for slopes, _ in every], any(kinked for _, kinked in every)


@dataclass(frozen=True, eq=False)
class Preconditioner:
    """C, near to DG^-1, in exact floats: a column block [k n, n] for each state."""

    blocks: tuple[arb_mat, ...]

    @classmethod
    def of(cls, slopes: Sequence[arb_mat], bits: int) -> "Preconditioner | None":
        """From DF at each state, with so many bits; None if DG cannot be inverted."""
        k, n = len(slopes), slopes[0].nrows()
        if bits > 53:
            return cls._in_balls(slopes)
        matrix = torch.eye(k * n, dtype=torch.float64)
        for i, slope in enumerate(slopes):
            after = (i + 1) % k
            matrix[after * n : (after + 1) * n, i * n : (i + 1) * n] -= midpoints(slope)
        inverse = solve(matrix, torch.eye(k * n, dtype=torch.float64))
        if not bool(inverse.isfinite().all()):
            return None
        return cls(tuple(exact(part) for part in inverse.split(n, dim=1)))

    @classmethod
    def _in_balls(cls, slopes: Sequence[arb_mat]) -> "Preconditioner | None":
        k, n = len(slopes), slopes[0].nrows()
        rows = identity(k * n).tolist()
        for i, slope in enumerate(slopes):
            after = (i + 1) % k
            for row, entries in enumerate(slope.mid().tolist()):
                for column, entry in enumerate(entries):
                    rows[after * n + row][i * n + column] -= entry
        inverse = arb_mat(rows).mid().solve(identity(k * n), nonstop=True, algorithm="approx").mid()
        if not all(entry.is_finite() for entry in inverse.entries()):
            return None
        columns = [[row[i * n : (i + 1) * n] for row in inverse.tolist()] for i in range(k)]
        return cls(tuple(arb_mat(part) for part in columns))

    def __matmul__(self, column: arb_mat) -> arb_mat:
        """C times a column [k n, 1]."""
        return _sum([block * part for block, part in zip(self.blocks, split(column, self._n), strict=True)])

    @property
    def _n(self) -> int:
        return self.blocks[0].ncols()

    def defect(self, slopes: Sequence[arb_mat]) -> "Defect":
        """I - C DG for DF in ``slopes``."""
        k, n = len(slopes), self._n
        zero, one = arb_mat(n, n), identity(n)
        parts = []
        for i, slope in enumerate(slopes):
            unit = stacked([one if row == i else zero for row in range(k)])
            parts.append(unit - self.blocks[i] + self.blocks[(i + 1) % k] * slope)
        return Defect(tuple(parts))


@dataclass(frozen=True, eq=False)
class Defect:
    """I - C DG over boxes, a column block [k n, n] for each state: how far C is from the inverse of every such DG."""

    blocks: tuple[arb_mat, ...]

    def carries(self, radii: Tensor) -> arb_mat:
        """The column of all (I - C DG) y with |y_i| <= r_i, ``radii`` [k, n]."""
        return _sum([block * symmetric(row) for block, row in zip(self.blocks, radii.tolist(), strict=True)])

    def norm(self, units: Tensor) -> float:
        """Its norm where |y| = max |y_i| / u_i, ``units`` [n] alike for all states."""
        k = len(self.blocks)
        return float((uppers(self.carries(units.expand(k, -1))) / units.repeat(k)).max()) * _UP


_UP = 1 + 2.0**-50
"""Above what dividing and comparing in floats may lose."""


def _sum(columns: Sequence[arb_mat]) -> arb_mat:
    total = columns[0]
    for column in columns[1:]:
        total = total + column
    return total
