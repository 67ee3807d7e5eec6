"""From one branch to another: across branch points, and to the doubled cycle at flips."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...continuation import Point, corrected, covector, length
from ...families import Span
from ..normal_forms import eigenpair

_DISTANCES = (0.02, 0.005, 1e-3, 5e-4)
"""Tried one after the other, in arclength: how far from the branch point the other branch is looked for."""

_DIFFERENCE = 1e-3
"""Step of second differences, whose errors of 1e-6 do not matter to a prediction."""


def across(
    span: Span, state: Tensor, s: float, tangent: Tensor, tolerance: float, known: Callable[[Point], bool]
) -> Point | None:
    """A point of the branch that crosses a known one at a branch point; None where none is found that is not ``known``.

    Both tangents t solve psi . G_zz [t, t] = 0 in the two-dimensional kernel of G_z, G = F(h, s) - h and z = (h, s):
    the algebraic bifurcation equation (Keller 1977; Govaerts 2000, section 4.3). It returns the one
    that is not ``tangent``.
    """
    z = torch.cat([state, state.new_tensor([s])])
    step = min(_DIFFERENCE, s, 1.0 - s)
    if step < 1e-6:
        return None  # at an end of the span there is no other side

    def defect(at: Tensor) -> Tensor:
        return span.system(float(at[-1]))(at[None, :-1])[0] - at[:-1]

    rows = state.unsqueeze(0)
    jacobian = span.system(s).linearize(rows)[1].dense()[0]
    jacobian.diagonal().sub_(1.0)
    left, _, right = torch.linalg.svd(torch.cat([jacobian, span.derivative(rows, s).T], dim=-1))
    psi, first, second = left[:, -1], right[-1], right[-2]

    def curvature(direction: Tensor) -> float:
        move = step * direction / direction.norm()
        value = defect(z + move) - 2 * defect(z) + defect(z - move)
        return float(psi @ value) * float(direction.norm() / step) ** 2

    alpha, gamma = curvature(first), curvature(second)
    beta = 0.5 * (curvature(first + second) - alpha - gamma)
    own = tangent / tangent.norm()
    directions = [x * first + y * second for x, y in _null_directions(alpha, beta, gamma)]
    if not directions:  # degenerate: whatever is across the known branch
        directions = [vector - (vector @ own) * own for vector in (first, second)]
        directions = [max(directions, key=lambda direction: float(direction.norm()))]
    directions = [direction / direction.norm() for direction in directions]
    new = min(directions, key=lambda direction: abs(float(direction @ own)))
    return _beside(span, z, new, tolerance, known)


def doubled(
    span: Span, state: Tensor, s: float, period: int, tolerance: float, known: Callable[[Point], bool]
) -> Point | None:
    """A point of the branch of doubled cycles that leaves a flip at ``state`` [n]: of the span of F^(2 period)."""
    matrix = span.system(s).linearize(state.unsqueeze(0))[1].dense()[0]
    pair = eigenpair(matrix, -1.0 + 0.0j)
    twice = span.iterated(2 * period)
    z = torch.cat([state, state.new_tensor([s])])

    def unwanted(point: Point) -> bool:
        # Of the two phases, half a turn apart, one lies on either side of the flip.
        apart = float((span.system(point.s)(point.state.unsqueeze(0))[0] - point.state).norm())
        return apart < float((point.state - state).norm()) or known(point)

    return _beside(twice, z, torch.cat([pair.right, pair.right.new_zeros(1)]), tolerance, unwanted)


def _beside(
    span: Span, z: Tensor, direction: Tensor, tolerance: float, unwanted: Callable[[Point], bool]
) -> Point | None:
    """A point that Newton's method finds in the plane across ``direction``, a little way along it."""
    scale = max(1.0, float(z[:-1].norm()))
    direction = direction / length(direction, scale)
    row = covector(direction, scale)
    for distance in _DISTANCES:
        for side in (1.0, -1.0):
            guess = z + side * distance * direction
            if not 0.0 <= float(guess[-1]) <= 1.0:
                continue
            point = corrected(span, guess, side * row, tolerance)
            if point is None or length(point.coordinates - guess, scale) > 0.5 * distance:
                continue
            if not unwanted(point):
                return point
    return None


def _null_directions(alpha: float, beta: float, gamma: float) -> list[tuple[float, float]]:
    """Both (x, y) with alpha x^2 + 2 beta x y + gamma y^2 = 0; none where that form is definite or 0."""
    size = max(abs(alpha), abs(beta), abs(gamma))
    discriminant = beta**2 - alpha * gamma
    if size == 0 or discriminant <= 1e-9 * size**2:
        return []
    # The larger root without cancellation, the other from the product of both.
    q = -(beta + math.copysign(math.sqrt(discriminant), beta))
    return [(q, alpha), (gamma, q)]
