"""The interval Newton test of many boxes: which hold no fixed point, and which hold one at most."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...linear_algebra import inverted
from .evaluation import Evaluation
from .intervals import Intervals, product, stacked, up

_ROUNDS = 6
"""How often a radius that does not do is made larger."""

_LARGER = 1.5

_GRAIN = 1e-14
"""Relative: below it rounding is all that moves."""


@dataclass(frozen=True, eq=False)
class Preconditioned:
    """C (h - F(h)) over boxes: at the midpoints m, and P, all its derivatives C (I - DF)."""

    middle: Tensor
    """M, [k, n]."""

    at_middle: Intervals
    """[k, n]."""

    slope: Intervals
    """[k, n, n]."""

    spread: Tensor
    """Of F over each box by each coordinate, [k, n]: where a cut pays."""

    @property
    def contraction(self) -> Tensor:
        """|I - P|_inf, rounded up, [k]. Below 1 every P is regular: the box holds one fixed point at most."""
        size = self.departure.magnitude
        return up(size.sum(dim=-1) * (1 + 2.0**-50 * size.shape[-1])).amax(dim=-1)

    @property
    def departure(self) -> Intervals:
        """I - P, [k, n, n]."""
        one = torch.eye(self.middle.shape[-1], dtype=torch.float64)
        return Intervals.exactly(one.expand_as(self.slope.lower)) - self.slope


def contracted(evaluation: Evaluation, boxes: Intervals) -> tuple[Intervals, Preconditioned]:
    """Boxes that hold all fixed points of ``boxes`` [k, n], maybe smaller; empty (lower > upper) where there are none.

    First X := X and F(X) and F(m) + DF(X) (X - m), m the middle: a fixed point is an image. Then the interval Newton
    method with Gauss-Seidel sweeps, for G(h) = h - F(h) = 0 preconditioned by the inverse C of its derivative at m,

        X_i := X_i and m_i - (C G(m) + sum over j != i of P_ij (X_j - m_j))_i / P_ii

    (Hansen and Sengupta 1981, doi:10.1007/BF01933165; Neumaier 1990, Interval Methods, 5.1).
    """
    value, derivative = evaluation.linearize(boxes)
    middle = Intervals.exactly(boxes.middle)
    n = boxes.lower.shape[-1]
    about_middle = evaluation.value(middle) + product("bij,bj->bi", derivative, boxes - middle, n)
    smaller = boxes.meet(value).meet(about_middle)
    alive = ~smaller.empty.unsqueeze(-1)
    # The test goes on with boxes that are not empty; those that are stay so.
    working = Intervals(torch.where(alive, smaller.lower, boxes.lower), torch.where(alive, smaller.upper, boxes.upper))
    system = preconditioned(evaluation, working, derivative)
    swept = _sweep(system, working)
    return Intervals(torch.where(alive, swept.lower, torch.inf), torch.where(alive, swept.upper, -torch.inf)), system


def preconditioned(evaluation: Evaluation, boxes: Intervals, derivative: Intervals) -> Preconditioned:
    """C G with C an approximate inverse of I - DF at the middle; any C is rigorous, a good one is sharp."""
    n = boxes.lower.shape[-1]
    middle = boxes.middle
    one = Intervals.exactly(torch.eye(n, dtype=torch.float64).expand_as(derivative.lower))
    slope = one - derivative
    inverse = inverted(slope.middle)
    unusable = ~inverse.isfinite().all(dim=-1).all(dim=-1)
    inverse = Intervals.exactly(torch.where(unusable[:, None, None], one.lower, inverse))
    point = Intervals.exactly(middle)
    residual = point - evaluation.value(point)
    return Preconditioned(
        middle=middle,
        at_middle=product("bij,bj->bi", inverse, residual, n),
        slope=product("bij,bjk->bik", inverse, slope, n),
        spread=derivative.magnitude.sum(dim=1) * boxes.width,
    )


def _sweep(system: Preconditioned, boxes: Intervals) -> Intervals:
    """One sweep over the coordinates, each with what the others have become."""
    n = boxes.lower.shape[-1]
    columns = [boxes[:, i] for i in range(n)]
    middles = [Intervals.exactly(system.middle[:, i]) for i in range(n)]
    for i in range(n):
        total = system.at_middle[:, i]
        for j in range(n):
            if j != i:
                total = total + system.slope[:, i, j] * (columns[j] - middles[j])
        columns[i] = columns[i].meet(middles[i] - total / system.slope[:, i, i])
        # An empty column makes the others meaningless, and the box empty whatever they are.
        empty = columns[i].lower > columns[i].upper
        columns = (
            [
                Intervals(torch.where(empty, torch.inf, c.lower), torch.where(empty, -torch.inf, c.upper))
                for c in columns
            ]
            if bool(empty.any())
            else columns
        )
    return stacked(columns, 1)


def krawczyk(evaluation: Evaluation, boxes: Intervals) -> tuple[Intervals, Tensor]:
    """Krawczyk's operator m - C G(m) + (I - P) (X - m) [k, n], and where it proves exactly one fixed point in X, [k].

    It does where it lies in the interior of X (Krawczyk 1969, doi:10.1007/BF02234767; Rump 2010, theorem 13.2).
    """
    _, derivative = evaluation.linearize(boxes)
    system = preconditioned(evaluation, boxes, derivative)
    middle = Intervals.exactly(system.middle)
    n = boxes.lower.shape[-1]
    image = middle - system.at_middle + product("bij,bj->bi", system.departure, boxes - middle, n)
    return image, image.inside(boxes).all(dim=-1)


def krawczyk_of(evaluation: Evaluation, points: Tensor, rows: Tensor, ends: Tensor) -> Intervals | None:
    """A box round a point [1, m] with exactly one zero of the square system [F(x); rows x - ends], regular all over it.

    Args:
        evaluation: F, of as many functions as there are unknowns less ``rows``.
        points: near the zero.
        rows: [q, m].
        ends: [q].
    """
    m = points.shape[-1]
    point = Intervals.exactly(points)
    across = Intervals.exactly(rows.unsqueeze(0))
    value = evaluation.value(point)
    linear = product("bqm,bm->bq", across, point, m) - Intervals.exactly(ends.unsqueeze(0))
    residual = Intervals(torch.cat([value.lower, linear.lower], -1), torch.cat([value.upper, linear.upper], -1))
    radii = torch.zeros_like(points)
    for _ in range(_ROUNDS):
        _, slope = evaluation.linearize(point + Intervals(-radii, radii))
        matrix = Intervals(torch.cat([slope.lower, across.lower], 1), torch.cat([slope.upper, across.upper], 1))
        inverse = inverted(matrix.middle)
        if not bool(inverse.isfinite().all()):
            return None
        inverse = Intervals.exactly(inverse)
        one = Intervals.exactly(torch.eye(m, dtype=torch.float64).unsqueeze(0))
        rest = product("bij,bjk->bik", inverse, matrix, m)
        image = product("bij,bj->bi", one - rest, Intervals(-radii, radii), m) - product(
            "bij,bj->bi", inverse, residual, m
        )
        if bool((image.magnitude < radii).all()):
            # The zero lies in the image, a smaller box.
            return point + image
        radii = _LARGER * image.magnitude + _GRAIN * (1.0 + points.abs())
        if not bool(radii.isfinite().all()):
            return None
    return None


def residual_of(matrix: Intervals, inverse: Tensor) -> Intervals:
    """I - C M of matrices [k, m, m] and any C."""
    m = inverse.shape[-1]
    one = Intervals.exactly(torch.eye(m, dtype=torch.float64).expand_as(inverse))
    return one - product("bij,bjk->bik", Intervals.exactly(inverse), matrix, m)


def contraction(matrix: Intervals, sizes: Tensor) -> Tensor:
    """The least c found with |I - C M| r <= c r for the inverse C at the middle and r = ``sizes`` > 0, rounded up, [k].

    Below 1 all M of [k, m, m] are regular, and a function with derivatives M has one zero at most (Neumaier 1990, 3.7).
    """
    inverse = inverted(matrix.middle)
    usable = inverse.isfinite().flatten(1).all(dim=-1)
    inverse = torch.where(usable[:, None, None], inverse, 0.0)
    rest = product(
        "bij,bj->bi",
        Intervals.exactly(residual_of(matrix, inverse).magnitude),
        Intervals.exactly(sizes),
        sizes.shape[-1],
    )
    return torch.where(usable, up(up(rest.upper) / sizes).amax(dim=-1), torch.inf)
