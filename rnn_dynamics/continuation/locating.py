"""Where between two points of a curve a test function vanishes."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import scipy
from torch import Tensor

from ..families import Span
from .points import Point, corrected, covector, length

_MOST_EVALUATIONS = 60

_WIDTH = 1e-10
"""A bracket this short, in arclength, is a point: s is then right to 1e-10 of the span."""

_AT_ZERO = 1e-7
"""A test function that fell to this share of its values at both ends, at most 0.2 apart, is at its zero to 2e-8."""

_VANISHED = 1e-6
"""A test function that is still above this share of its values at both ends when the bracket has closed has jumped."""

_BESIDE = 2e-3
"""In arclength, how far beside a branch point its curve is looked at; but within a tenth of the step, which tells how
sharply the curve bends there."""

_BLURRED = 3e-8
"""Unless its zero may be this near, in arclength: so near to a branch point, states are known to rounding / distance
and the zero, therefore, to the root of rounding. It matters where an end of the step happens to lie near the zero."""


@dataclass(frozen=True, eq=False)
class Zero:
    """The point where a bracket closed."""

    point: Point

    vanished: bool
    """Whether the test function went through zero there; a jump means that the ends lie on different curves."""


def fold_test(point: Point) -> float:
    """The pace of s along the curve, which vanishes at a fold."""
    return point.pace


def branch_test(reference: Point) -> Callable[[Point], float]:
    """The determinant of [DF - I, dF/ds; tangent], relative to that at ``reference``: zero at a branch point."""

    def test(point: Point) -> float:
        power = min(point.log_determinant - reference.log_determinant, 700.0)
        return point.orientation * reference.orientation * math.exp(power)

    return test


def locate(span: Span, begin: Point, end: Point, test: Callable[[Point], float], tolerance: float) -> Zero | None:
    """The zero of ``test`` between two points, by the Illinois variant of regula falsi; None where Newton fails.

    Guesses come from the cubic through both ends and their tangents, whose error falls with the fourth power of the
    bracket: so they stay nearer to the curve than to any other that crosses it, down to the branch point itself.
    """
    at_begin, at_end = test(begin), test(end)
    least = min(abs(at_begin), abs(at_end))
    if least == 0:
        return Zero(begin if at_begin == 0 else end, True)
    slope = (abs(at_begin) + abs(at_end)) / length(end.coordinates - begin.coordinates, begin.scale)
    weight_begin, weight_end = at_begin, at_end
    kept = 0
    for evaluation in range(_MOST_EVALUATIONS):
        share = weight_begin / (weight_begin - weight_end)
        # Bisection now and then bounds the work at a jump, where regula falsi creeps.
        share = 0.5 if evaluation % 4 == 3 else min(max(share, 1e-3), 1 - 1e-3)
        middle = point_between(span, begin, end, share, tolerance)
        if middle is None:
            # Upon a branch point Newton's method is lost; a little beside it there is another chance.
            middle = point_between(span, begin, end, 0.3 + 0.4 * share if share != 0.5 else 0.3, tolerance)
        if middle is None:
            return None
        value = test(middle)
        if abs(value) <= _AT_ZERO * least:
            return Zero(middle, True)
        if (value > 0) == (at_begin > 0):
            begin, at_begin, weight_begin = middle, value, value
            weight_end = weight_end / 2 if kept == 1 else at_end
            kept = 1
        else:
            end, at_end, weight_end = middle, value, value
            weight_begin = weight_begin / 2 if kept == -1 else at_begin
            kept = -1
        if length(end.coordinates - begin.coordinates, begin.scale) <= _WIDTH:
            break
    nearest = begin if abs(at_begin) <= abs(at_end) else end
    return Zero(nearest, min(abs(at_begin), abs(at_end)) <= max(_VANISHED * least, _BLURRED * slope))


def point_between(span: Span, begin: Point, end: Point, share: float, tolerance: float) -> Point | None:
    """The point of the curve in the plane across the chord at ``share`` of it."""
    chord = end.coordinates - begin.coordinates
    guess = _cubic(begin, end, share)
    guess[-1] = min(max(float(guess[-1]), 0.0), 1.0)
    return corrected(span, guess, covector(chord, begin.scale) / length(chord, begin.scale), tolerance, exact=True)


def smoothed(
    span: Span, at: Point, along: Tensor, size: float, tolerance: float
) -> tuple[Point, tuple[Point, Point] | None]:
    """A branch point from points of the curve on both sides of it, where the curve is well determined, and these.

    At distance d from a branch point, rounding leaves a point of the curve undetermined to eps / d. Hermite's cubic
    through points at both sides has an error of d^4 only; it is taken where it meets the plane across ``along`` that
    ``at``, the zero of the determinant, lies in. ``size`` is the length of the step that passes it.
    """
    row = covector(along, at.scale)
    sides = []
    beside = min(_BESIDE, 0.1 * size)
    for distance in (-beside, beside):
        guess = at.coordinates + distance * along
        sides.append(corrected(span, guess, row, tolerance, exact=True) if 0 <= float(guess[-1]) <= 1 else None)
    before, after = sides
    if before is None or after is None or float(row @ (after.coordinates - before.coordinates)) <= 0:
        return at, None

    def ahead(u: float) -> float:
        return float(row @ (_cubic(before, after, u) - at.coordinates))

    share = scipy.optimize.bisect(ahead, 0.0, 1.0, xtol=1e-13)
    coordinates = _cubic(before, after, share)
    state, s = coordinates[:-1], float(coordinates[-1])
    residual = float((span.system(s)(state.unsqueeze(0))[0] - state).norm())
    tangent = after.coordinates - before.coordinates
    at = Point(state, s, tangent / length(tangent, at.scale), at.orientation, at.log_determinant, residual)
    return at, (before, after)


def _cubic(begin: Point, end: Point, share: float) -> Tensor:
    """Hermite's cubic with the chord's length for the curve's."""
    first, last = begin.coordinates, end.coordinates
    size = length(last - first, begin.scale)
    u = share
    return (
        (1 + 2 * u) * (1 - u) ** 2 * first
        + u * (1 - u) ** 2 * size * begin.tangent
        + u**2 * (3 - 2 * u) * last
        - u**2 * (1 - u) * size * end.tangent
    )
