"""Krawczyk's operator: a box that holds exactly one cycle, as small and as large as can be had.

With C near to DG^-1 and Y = m + [-r, r], every zero of G in Y lies in

    K(Y) = m - C G(m) + (I - C DG(Y)) (Y - m),

and if K(Y) lies within the interior of Y there is exactly one (Krawczyk 1969, doi:10.1007/BF02234767; Moore 1977).
There is at most one wherever |I - C DG(Y)| < 1 in some norm. Both hold with kinks, as long as DG(Y) contains Clarke's
generalised Jacobians: G(x) - G(y) = M (x - y) with M in their convex hull (Lebourg).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from flint import arb_mat
from torch import Tensor

from ..enclosures import Enclosure, exact, is_finite, midpoints, precision
from .bounds import around, split, uppers
from .cycle_equation import CycleEquation, Defect, Preconditioner
from .growing import largest_radius
from .obstacles import Obstacle

_POLISHES = 6
_WIDENINGS = 6
_LEAST = 2.0**-36
"""In units: the first box is no smaller, so that rounding in 53 bits does not decide."""

_FARTHEST = 0.5
"""In units of max(u_i, |h_i|): a state that Newton's method wants to move farther is not near any solution."""


@dataclass(frozen=True, eq=False)
class Located:
    """Exactly one cycle of k states, and where."""

    states: Tensor
    """The floats nearest to it, [k, n]."""

    radii: Tensor
    """It lies within these distances of ``states``, [k, n]."""

    boxes: tuple[arb_mat, ...]
    """The same in more digits, [n, 1] for each state."""

    slopes: tuple[arb_mat, ...]
    """DF over ``boxes``."""

    kinked: bool
    """Whether F may have a kink at it."""

    radius: float
    """No other cycle of k states lies within |h_i - states_i| <= radius u_i at every state."""

    precision: int

    @property
    def turn(self) -> arb_mat:
        """DF^k at the first state, [n, n]."""
        product = self.slopes[0]
        for slope in self.slopes[1:]:
            product = slope * product
        return product


def located(map_: Enclosure, orbit: Tensor, units: Tensor, bits: int) -> Located | Obstacle:
    """The cycle near to ``orbit`` [k, n], proved with so many bits, or what stood in the way."""
    with precision(bits):
        equation = CycleEquation(map_, bits)
        given = [exact(state) for state in orbit]
        at_states = equation.slopes(given)[0]
        if not all(map(is_finite, at_states)):
            return Obstacle.JUMP
        preconditioner = Preconditioner.of(at_states, bits)
        if preconditioner is None:
            return Obstacle.SINGULAR
        near = _polished(equation, preconditioner, given, orbit, units)
        if near is None:
            return Obstacle.NOT_ENCLOSED
        found = _first_box(equation, preconditioner, *near, units)
        if isinstance(found, Obstacle):
            return found
        radius, defect = found
    states, radii, boxes, slopes, kinked = _sharpened(map_, preconditioner, near[0], radius, defect, units, 2 * bits)
    with precision(bits):
        center = [exact(state) for state in states]

        def norm(tried: float) -> float:
            wide = [around(state, (tried * units).tolist()) for state in center]
            return preconditioner.defect(equation.slopes(wide)[0]).norm(units)

        # What is left of the first box about the new center, in which the solution is alone too.
        shifts = [uppers(old - new) for old, new in zip(near[0], center, strict=True)]
        least = (radius - float((torch.stack(shifts) / units).max())) / _UP
        unique = max(largest_radius(norm, max(1e-2, 4 * radius), least=least) or 0.0, least)
    if not bool((radii < unique * units).all()):
        return Obstacle.NOT_ENCLOSED
    return Located(states, radii, boxes, slopes, kinked, unique, bits)


def midpoints_of(boxes: Sequence[arb_mat]) -> Tensor:
    """The floats nearest to the midpoints of boxes [n, 1], [k, n]."""
    return torch.stack([midpoints(box).flatten() for box in boxes])


def _polished(
    equation: CycleEquation, preconditioner: Preconditioner, near: list[arb_mat], orbit: Tensor, units: Tensor
) -> tuple[list[arb_mat], Tensor] | None:
    """States moved on by Newton's method while that brings them nearer, and how far they would move yet, [k n]."""
    n = orbit.shape[1]
    size = torch.maximum(orbit.abs(), units).flatten()
    best: tuple[list[arb_mat], Tensor] | None = None
    for _ in range(_POLISHES):
        move = preconditioner @ equation.gaps(near)
        step = uppers(move)
        if best is not None and not bool((step / size).max() < (best[1] / size).max() / 2):
            return best
        if not bool((step / size).max() < _FARTHEST):
            return best
        best = near, step
        near = [(here - part).mid() for here, part in zip(near, split(move, n), strict=True)]
    return best


def _first_box(
    equation: CycleEquation, preconditioner: Preconditioner, near: list[arb_mat], step: Tensor, units: Tensor
) -> tuple[float, Defect] | Obstacle:
    """A radius, in units, that Krawczyk's operator takes into its interior, and I - C DG over the box."""
    least = float((step / units.repeat(len(near))).max()) * _UP
    radius = max(4 * least, _LEAST)
    for _ in range(_WIDENINGS):
        wide = [around(state, (radius * units).tolist()) for state in near]
        defect = preconditioner.defect(equation.slopes(wide)[0])
        norm = defect.norm(units)
        if (least + norm * radius) * _UP < radius:
            return radius, defect
        if norm < 1:
            radius = max(2 * radius, 2 * least / (1 - norm))
        elif radius > 4 * least > 0:
            radius = 4 * least
        else:
            break
    at_point = preconditioner.defect(equation.slopes(near)[0]).norm(units)
    return Obstacle.NOT_ENCLOSED if at_point < 1 else Obstacle.SINGULAR


_UP = 1 + 2.0**-40
"""Above what a few products and sums of floats may lose."""


def _sharpened(
    map: Enclosure,
    preconditioner: Preconditioner,
    near: Sequence[arb_mat],
    radius: float,
    defect: Defect,
    units: Tensor,
    bits: int,
) -> tuple[Tensor, Tensor, tuple[arb_mat, ...], tuple[arb_mat, ...], bool]:
    """K(Y), K of that and so on: the state to the last digit of a float, or as near as the boxes shrink."""
    with precision(bits):
        equation = CycleEquation(map, bits)
        radii = radius * units.expand(len(near), -1)
        boxes = _image(equation, preconditioner, near, defect, radii)
        for _ in range(_SHRINKINGS):
            before = radii
            centers = [box.mid() for box in boxes]
            slopes, kinked = equation.slopes(boxes)
            radii = torch.stack([uppers(box - center) for box, center in zip(boxes, centers, strict=True)])
            boxes = _image(equation, preconditioner, centers, preconditioner.defect(slopes), radii)
            if bool((radii <= _ROUNDED * midpoints_of(boxes).abs()).all()) or not bool((radii < 0.9 * before).any()):
                break
        states = midpoints_of(boxes)
        errors = torch.stack([uppers(box - exact(state)) for box, state in zip(boxes, states, strict=True)])
    return states, errors, tuple(boxes), tuple(slopes), kinked


_SHRINKINGS = 8
_ROUNDED = 2.0**-56
"""Of a coordinate: boxes smaller than this have one float nearest to them."""


def _image(
    equation: CycleEquation, preconditioner: Preconditioner, near: Sequence[arb_mat], defect: Defect, radii: Tensor
) -> list[arb_mat]:
    """K of the boxes with these centers and radii."""
    moves = split(defect.carries(radii) - preconditioner @ equation.gaps(near), radii.shape[1])
    return [center + move for center, move in zip(near, moves, strict=True)]
