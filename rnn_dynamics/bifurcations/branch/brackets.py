"""Between which parameters a special point lies: points of the branch on both sides of it that have it between them."""

from dataclasses import replace

from torch import Tensor

from ...continuation import Point, Special, corrected, covector, eigenvalues_at, length
from ...families import Span

_WIDTHS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
"""In arclength, how far to both sides it is looked, one after the other."""

LOCATED = 1e-6
"""In arclength: a point that is known to lie this near is located; one that is not so sure is only bracketed."""

_BLURRED = 1e-8
"""Of the span: to the root of rounding a branch point, and the points of a branch beside it, are known."""

Interval = tuple[float, float]


def bracketed(span: Span, special: Special, within: Interval, tolerance: float) -> Special:
    """A special point with the narrowest interval of s that is seen to hold it, ``within`` where none is.

    Of two points of the branch beside it what it does must be seen: s turns at a fold, the bordered determinant changes
    its sign at a branch point, or an eigenvalue is inside the unit circle on one side and outside on the other.
    """
    at = special.located
    for width in _WIDTHS:
        before, after = (_beside(span, at, distance, tolerance) for distance in (-width, width))
        if before is None or after is None or not _between(span, special, before, after):
            continue
        low, high = interval_of(before, after, at, reach=2 * width)
        known = _BLURRED if special.kind == "branch point" else tolerance
        interval = max(low - known, 0.0), min(high + known, 1.0)
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


def _beside(span: Span, at: Point, distance: float, tolerance: float) -> Point | None:
    """The point of the branch in the plane across its tangent at a distance along it."""
    guess = at.coordinates + distance * at.tangent
    point = corrected(span, guess, covector(at.tangent, at.scale), tolerance, exact=True)
    if point is None or length(point.coordinates - guess, at.scale) > abs(distance):
        return None
    return point


def nearest(eigenvalues: Tensor, value: complex) -> complex:
    """The eigenvalue next to a value."""
    found = complex(eigenvalues[(eigenvalues - value).abs().argmin()])
    return found if abs(found.imag) > 0 else complex(found.real, 0.0)


def _between(span: Span, special: Special, before: Point, after: Point) -> bool:
    """Whether the special point is seen to lie between two points."""
    if special.kind == "fold":
        return before.pace * after.pace < 0
    if special.kind == "branch point" and before.orientation != after.orientation:
        return True
    values = [nearest(eigenvalues_at(span, point.state, point.s), special.eigenvalue) for point in (before, after)]
    return (abs(values[0]) < 1.0) != (abs(values[1]) < 1.0)
