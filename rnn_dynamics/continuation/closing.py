"""Whether a walk has come back to where it set out."""

from ..families import Span
from .locating import point_between
from .points import Point, covector, length

_SAME = 1e-6
"""In arclength: a curve that passes this near to a point passes it."""

_LEAST_COSINE = 0.5
_MOST_ROUNDS = 8


def passes(span: Span, home: Point, before: Point, after: Point, tolerance: float) -> bool:
    """Whether the curve from one point to the next passes ``home``, in its direction.

    The point of the curve in the plane across ``home``'s tangent is found by the secant method; it is ``home`` itself,
    or that of another turn.
    """
    row = covector(home.tangent, home.scale)

    def beyond(point: Point) -> float:
        return float(row @ (point.coordinates - home.coordinates))

    behind, ahead = beyond(before), beyond(after)
    reach = length(after.coordinates - before.coordinates, home.scale)
    if not behind < 0 <= ahead or length(before.coordinates - home.coordinates, home.scale) > 2 * reach:
        return False
    low, high = (0.0, behind), (1.0, ahead)
    point = after
    for _ in range(_MOST_ROUNDS):
        if abs(beyond(point)) <= 0.01 * _SAME:
            break
        share = low[0] - low[1] * (high[0] - low[0]) / (high[1] - low[1])
        found = point_between(span, before, after, share, tolerance)
        if found is None:
            return False
        point, value = found, beyond(found)
        low, high = ((share, value), high) if value < 0 else (low, (share, value))
    near = length(point.coordinates - home.coordinates, home.scale) <= _SAME
    return near and float(row @ point.tangent) > _LEAST_COSINE
