"""Between which parameters a special point lies: points of the branch on both sides of it that have it between them."""

from dataclasses import replace

from ...continuation import Point, Special, corrected, covector, eigenvalues_at, length
from ...families import Span
from .nearest import nearest

_WIDTHS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
"""In arclength, how far to both sides it is looked, one after the other."""

LOCATED = 1e-6
"""In arclength: a point that is known to lie this near is located; one that is not so sure is only bracketed."""

Interval = tuple[float, float]


def bracketed(span: Span, special: Special, within: Interval, tolerance: float) -> Special:
    """A special point with the narrowest interval of s that is seen to hold it, ``within`` where none is.

    Of two points of the branch beside it what it does must be seen: s turns at a fold, the bordered determinant changes
    its sign at a branch point, or an eigenvalue is inside the unit circle on one side and outside on the other.
    """
    at = special.located
    row = covector(at.tangent, at.scale)
    for width in _WIDTHS:
        sides = []
        for distance in (-width, width):
            guess = at.coordinates + distance * at.tangent
            point = corrected(span, guess, row, tolerance, exact=True)
            if point is not None and length(point.coordinates - guess, at.scale) <= width:
                sides.append(point)
        if len(sides) == 2 and _between(span, special, *sides):
            low, high = interval_of(*sides, at, reach=2 * width)
            # A point of the branch is known to the tolerance.
            interval = max(low - tolerance, 0.0), min(high + tolerance, 1.0)
            return replace(special, interval=interval, status="located" if width <= LOCATED else "bracketed")
    return replace(special, interval=within, status="bracketed")


def interval_of(before: Point, after: Point, at: Point, reach: float) -> Interval:
    """The s that a branch passes on a short way of length ``reach`` between two points.

    Where it turns, its tangents at both ends bound how far it goes.
    """
    places = [before.s, after.s, at.s]
    if before.pace * after.pace < 0:
        places += [before.s + reach * before.pace, after.s - reach * after.pace]
    return min(places), max(places)


def _between(span: Span, special: Special, before: Point, after: Point) -> bool:
    """Whether the special point is seen to lie between two points."""
    if special.kind == "fold":
        return before.pace * after.pace < 0
    if special.kind == "branch point" and before.orientation != after.orientation:
        return True
    values = [nearest(eigenvalues_at(span, point.state, point.s), special.eigenvalue) for point in (before, after)]
    return (abs(values[0]) < 1.0) != (abs(values[1]) < 1.0)
