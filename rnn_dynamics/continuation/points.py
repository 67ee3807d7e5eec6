"""Points of a curve of fixed points, and the bordered Newton method that finds them."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..families import Span
from ..linear_algebra import lu_factor, lu_solve

_MOST_ITERATIONS = 8

_LEAST_CONTRACTION = 0.5
"""A Newton step that does not halve the residual is far from the curve, whose predictor is then at fault."""

_EXACT = 4 * torch.finfo(torch.float64).eps


@dataclass(frozen=True, eq=False)
class Point:
    """A fixed point at s and the unit tangent of its branch there.

    Lengths are measured by |(v, r)|^2 = |v|^2 / scale^2 + r^2, scale = max(1, |h|), so that neither state nor parameter
    drowns the other and a branch that runs off to infinity is walked at a steady rate. States are those of a span: in
    its units, of which 1 is small.
    """

    state: Tensor
    """[n]."""

    s: float

    tangent: Tensor
    """[n + 1]: dh along the curve, then ds."""

    orientation: int
    """Sign of det [DF - I, dF/ds; tangent]: constant along a smooth curve, changed by a branch point."""

    log_determinant: float
    """ln of that determinant's modulus."""

    residual: float

    @cached_property
    def pace(self) -> float:
        """How s changes along the curve: 0 at a fold."""
        return float(self.tangent[-1])

    @cached_property
    def scale(self) -> float:
        return max(1.0, float(self.state.norm()))

    @property
    def coordinates(self) -> Tensor:
        """(h, s), [n + 1]."""
        return torch.cat([self.state, self.state.new_tensor([self.s])])

    def reversed(self) -> "Point":
        """The same point of the curve walked the other way."""
        return Point(self.state, self.s, -self.tangent, -self.orientation, self.log_determinant, self.residual)


def length(vector: Tensor, scale: float) -> float:
    """|(v, r)| of a vector [n + 1]."""
    lead, last = torch.stack([vector[:-1].norm(), vector[-1]]).tolist()
    return math.hypot(lead / scale, last)


def covector(vector: Tensor, scale: float) -> Tensor:
    """The row [n + 1] whose product with (v, r) is the inner product that belongs to ``length``."""
    row = vector.clone()
    row[:-1] /= scale**2
    return row


def along_s(like: Tensor, sign: float = 1.0) -> Tensor:
    """The row (0, ..., 0, 1): a corrector bordered by it keeps s."""
    row = like.new_zeros(len(like) + 1)
    row[-1] = sign
    return row


def corrected(span: Span, guess: Tensor, row: Tensor, tolerance: float, exact: bool = False) -> Point | None:
    """Newton's method on [F(h, s) - h; row . ((h, s) - guess)] = 0 from a guess [n + 1]; None where it fails.

    Each step solves the bordered system [DF - I, dF/ds; row] d = -[F - h; 0] by one LU, regular at folds too; the same
    factors give the tangent, which points along ``row``. It fails where the residual does not halve with every step,
    or s leaves [0, 1] (Keller 1977; Govaerts 2000, chapter 2). With ``exact`` it goes on to rounding: near a branch
    point a residual r leaves the state undetermined to the root of r.
    """
    state, s = guess[:-1].clone(), float(guess[-1])
    scale = max(1.0, float(state.norm()))
    before = torch.inf
    for _ in range(_MOST_ITERATIONS):
        if not 0.0 <= s <= 1.0:
            return None
        system, rows = span.system(s), state.unsqueeze(0)
        value, linearization = system.linearize(rows)
        residual = value[0] - state
        norm, size = torch.stack([residual.norm(), state.norm()]).tolist()  # together: a GPU is waited for once
        enough = tolerance * max(1.0, size)
        stopped = not norm <= _LEAST_CONTRACTION * before
        if stopped and not (exact and norm <= enough):
            return None
        matrix = bordered(linearization.dense()[0], span.derivative(rows, s)[0], row)
        if not bool(matrix.isfinite().all()):
            return None
        factors, pivots = lu_factor(matrix)
        if stopped or norm <= (_EXACT * max(1.0, size) if exact else enough):
            return _point(state, s, factors, pivots, row, norm)
        rhs = torch.cat([-residual, row.new_zeros(1)])
        step = lu_solve(factors, pivots, rhs)
        moved, ahead = torch.stack([step[:-1].norm(), step[-1]]).tolist()
        if not math.hypot(moved / scale, ahead) <= 1.0:  # nor is a step that is not finite
            return None
        state, s, before = state + step[:-1], s + ahead, norm
    return None


def bordered(jacobian: Tensor, by_parameter: Tensor, row: Tensor) -> Tensor:
    """[DF - I, dF/ds; row], [n + 1, n + 1]."""
    matrix = torch.cat([torch.cat([jacobian, by_parameter.unsqueeze(-1)], dim=-1), row.unsqueeze(0)])
    matrix[:-1].diagonal().sub_(1.0)
    return matrix


def _point(state: Tensor, s: float, factors: Tensor, pivots: Tensor, row: Tensor, norm: float) -> Point | None:
    unit = torch.zeros_like(row)
    unit[-1] = 1.0
    direction = lu_solve(factors, pivots, unit)
    if not bool(direction.isfinite().all()):
        return None
    size = length(direction, max(1.0, float(state.norm())))
    diagonal = factors.diagonal()
    swaps = int((pivots != torch.arange(1, len(row) + 1, dtype=pivots.dtype, device=pivots.device)).sum())
    sign = (-1) ** (swaps + int((diagonal < 0).sum()))
    # Replacing ``row`` by the tangent's own covector multiplies the determinant by their product, |direction| > 0.
    log_determinant = float(diagonal.abs().log().sum()) + math.log(size)
    return Point(state, s, direction / size, sign, log_determinant, norm)
