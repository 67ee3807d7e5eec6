"""Where a branch crosses a kink of F, at which DF jumps: border collisions, between two steps of a walk."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...continuation import Point, covector, length, point_between
from ...families import Span
from .table import Row, action_at, row_at

_FASTER = 3.0
"""A step on which DF changes so many times faster, along the branch, than on the step before may hold a kink."""

_NOTHING = 1e-9
"""Changes of DF, relative to it, that say nothing."""

_SMOOTH = 0.1
"""Of the change of DF over the step: where less of it is left in a piece it was spread out, so F is smooth there. Of a
smooth change half is left in a half, three halvings on an eighth."""

_WIDTH, _SHARE, _FINEST = 1e-7, 1e-3, 2e-9
"""In arclength: a bracket as short as the first, and this share of the step, is a kink if DF still jumps over it; the
tangents at both its ends then meet on the kink to rounding. Shorter ones than the last lie within a difference by the
parameter."""

_SURE = 0.02
"""Of the step: where no point is found in a bracket longer than this, nothing can be said."""


_PIECES, _AT_ONCE = 8, 0.6
"""On a straight way in so many pieces a jump is in one of them, whose change is more than this share of all."""


@dataclass(frozen=True, eq=False)
class Kink:
    """Rows on both sides of a kink, as near to it as can be told, and the point of the branch on it."""

    before: Row
    after: Row
    point: Point

    @property
    def turns(self) -> bool:
        """Whether the branch turns back at the kink: a nonsmooth fold."""
        return self.before.point.pace * self.after.point.pace < 0


def rate(before: Row, after: Row) -> float:
    """How fast DF changes between two rows along the branch, by its action on one fixed vector."""
    return _change(before, after) / max(_apart(before, after), 1e-300)


def suspected(before: Row, after: Row, usual: float | None, refused: int) -> bool:
    """Whether there may be a kink between two rows: steps were refused, or DF changes faster than is ``usual``."""
    if not _changes(before, after):
        return False
    return refused > 0 or usual is None or rate(before, after) > _FASTER * usual


def kink_between(span: Span, before: Row, after: Row, tolerance: float) -> Kink | None:
    """The kink between two rows where most of the change of DF happens; None where DF changes smoothly."""
    whole = _change(before, after)
    if not _changes(before, after):
        return None
    low, high = before, after
    reach = _apart(before, after)
    wanted = max(min(_WIDTH, _SHARE * reach), _FINEST)
    while _apart(low, high) > wanted:
        middle = _middle(span, low, high, tolerance)
        if middle is None:
            break
        low, high = max(((low, middle), (middle, high)), key=lambda pair: _change(*pair))
        if _change(low, high) < _SMOOTH * whole:
            return None
    if _apart(low, high) > _SURE * reach or not _jumps(span, low, high):
        return None
    return Kink(low, high, _corner(low.point, high.point))


def _jumps(span: Span, low: Row, high: Row) -> bool:
    """Whether DF jumps on the straight way between two rows; between two branches of a smooth F it does not."""
    chord = high.point.coordinates - low.point.coordinates
    places = [low.point.coordinates + share / _PIECES * chord for share in range(_PIECES + 1)]
    actions = torch.stack([action_at(span, place[:-1], min(max(float(place[-1]), 0.0), 1.0))[1] for place in places])
    return float(actions.diff(dim=0).norm(dim=-1).max()) > _AT_ONCE * _change(low, high)


def _apart(low: Row, high: Row) -> float:
    return length(high.point.coordinates - low.point.coordinates, low.point.scale)


def _change(before: Row, after: Row) -> float:
    return float((after.action - before.action).norm())


def _changes(before: Row, after: Row) -> bool:
    return _change(before, after) > _NOTHING * max(1.0, float(before.action.norm()))


def _middle(span: Span, low: Row, high: Row, tolerance: float) -> Row | None:
    for share in (0.5, 0.35, 0.65, 0.2, 0.8):
        point = point_between(span, low.point, high.point, share, tolerance)
        if point is None:
            continue
        chord = length(high.point.coordinates - low.point.coordinates, low.point.scale)
        if length(point.coordinates - low.point.coordinates, low.point.scale) <= 2 * chord:
            row = covector(low.point.tangent, low.point.scale)
            forwards = float(row @ point.tangent) >= 0 or low.point.pace * high.point.pace < 0
            return row_at(span, point if forwards else point.reversed())
    return None


def _corner(low: Point, high: Point) -> Point:
    """Where the tangents at both ends meet: on the kink, as far as F is linear beside it; else halfway."""
    scale = low.scale
    first, last = _scaled(low.tangent, scale), _scaled(high.tangent, scale)
    chord = _scaled(high.coordinates - low.coordinates, scale)
    reach = float(chord.norm())
    columns = torch.stack([first, last], dim=1)
    sizes = torch.linalg.svdvals(columns)
    place = 0.5 * (low.coordinates + high.coordinates)
    if float(sizes[-1]) > 1e-6 and reach > 0:
        along = torch.linalg.lstsq(columns, chord.unsqueeze(-1)).solution.squeeze(-1)
        if 0 <= float(along[0]) <= 2 * reach and 0 <= float(along[1]) <= 2 * reach:
            place = low.coordinates + along[0] * low.tangent
    s = min(max(float(place[-1]), 0.0), 1.0)
    return Point(place[:-1], s, low.tangent, low.orientation, low.log_determinant, low.residual)


def _scaled(vector: Tensor, scale: float) -> Tensor:
    scaled = vector.clone()
    scaled[:-1] /= scale
    return scaled
