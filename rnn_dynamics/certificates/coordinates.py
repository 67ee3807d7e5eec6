"""A change to complex coordinates in which a matrix is about diagonal, with what makes it a proof.

With V the eigenvectors in floats, W near to V^-1 and |I - W V| <= e < 1 (maximum norms), W is regular, and the
eigenvalues of M are those of

    W M W^-1 = B + B E (I - E)^-1,    B = W M V,    E = I - W V.
"""

from dataclasses import dataclass

import numpy as np
import torch
from flint import acb, acb_mat, arb, arb_mat
from torch import Tensor

from ..enclosures import midpoints
from ..linear_algebra import solve
from .bounds import exact_complex, largest_row_sum


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Y = W x, and back."""

    forward: acb_mat
    """W, [n, n]."""

    back: acb_mat
    """V, [n, n]."""

    defect: float
    """A bound e < 1 of |I - W V|."""

    @classmethod
    def of(cls, matrix: arb_mat, bits: int) -> "Coordinates | None":
        """Those that make the matrix about diagonal, from eigenvectors of its midpoint; None where there are none."""
        n = matrix.nrows()
        vectors = _in_floats(midpoints(matrix)) if bits <= 53 else _in_balls(matrix)
        if vectors is None:
            return None
        back, forward = vectors
        defect = largest_row_sum(_identity(n) - forward * back)
        return cls(forward, back, defect) if defect < 1 else None

    @property
    def slack(self) -> float:
        """A bound of |(I - E)^-1|."""
        return 1 / (1 - self.defect) * _UP


_UP = 1 + 2.0**-50
"""Above what a product of floats may lose."""


def _identity(n: int) -> acb_mat:
    return acb_mat(np.eye(n).tolist())


def _in_floats(matrix: Tensor) -> tuple[acb_mat, acb_mat] | None:
    if not bool(matrix.isfinite().all()):
        return None
    _, vectors = torch.linalg.eig(matrix)
    inverse = solve(vectors, torch.eye(len(matrix), dtype=vectors.dtype))
    if not bool(inverse.isfinite().all()):
        return None
    return exact_complex(vectors), exact_complex(inverse)


def _in_balls(matrix: arb_mat) -> tuple[acb_mat, acb_mat] | None:
    """In more digits, for what is almost defective."""
    middle = matrix.mid()
    try:
        _, vectors = (acb_mat(middle.nrows(), middle.ncols(), middle.entries())).eig(right=True, algorithm="approx")
        vectors = vectors.mid()
        inverse = vectors.solve(_identity(middle.nrows()), algorithm="approx").mid()
    except (ValueError, ZeroDivisionError):
        return None
    return vectors, inverse


def diagonal_and_rest(matrix: acb_mat) -> list[tuple[acb, arb]]:
    """Of each row its diagonal entry, and the sum of the moduli of the others."""
    return [
        (row[i], sum((abs(entry) for j, entry in enumerate(row) if j != i), arb(0)))
        for i, row in enumerate(matrix.tolist())
    ]
