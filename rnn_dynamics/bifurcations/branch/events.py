"""What lies between two steps of a walk: every eigenvalue that crosses the unit circle, located."""

from dataclasses import dataclass, replace

from torch import Tensor

from ...continuation import Path, Point, Special, corrected, covector, eigenvalues_at, known_special, length
from ...families import Span
from .brackets import LOCATED, bracketed, interval_of, nearest
from .kinks import Kink, kink_between
from .table import Row

_TOGETHER = 1e-5
"""In arclength: crossings of one kind nearer than this happen at once; a fold this near to a branch point is that of a
pitchfork's arms."""

_EQUAL = 1e-5
"""Eigenvalues this near to one another at a crossing cross at once: a symmetry makes them equal."""

_AT_KINK = 2e-5
"""In arclength: the walk passes a kink by a step of 1e-5 at most."""

_SECANTS = 8
_ON_CIRCLE = 1e-13


@dataclass(frozen=True, eq=False)
class BorderCollision(Special):
    """Where the branch meets a kink of F."""

    kink: Kink | None = None


def passed_between(
    span: Span, before: Row, after: Row, known: tuple[Special, ...], tolerance: float, suspected: bool = False
) -> list[Special]:
    """All that lies between two rows, in order; kinks of F are looked for where there may be one (``suspected``)."""
    kink = kink_between(span, before, after, tolerance) if suspected else None
    if kink is None:
        return _smooth_between(span, before, after, known, tolerance)
    row = covector(after.point.coordinates - before.point.coordinates, before.point.scale)
    low, high = (float(row @ side.point.coordinates) for side in (kink.before, kink.after))
    places = [float(row @ special.coordinates) for special in known]
    # What the walk saw at the kink itself, as a fold, is the kink.
    near = [length(special.coordinates - kink.point.coordinates, kink.point.scale) for special in known]
    others = [(special, at) for special, at, off in zip(known, places, near, strict=True) if off > _AT_KINK]
    found = _collision(kink)
    first = tuple(special for special, at in others if at <= low)
    last = tuple(special for special, at in others if at >= high)
    return [
        *passed_between(span, before, kink.before, first, tolerance, _far(before, kink.before)),
        found,
        *passed_between(span, kink.after, after, last, tolerance, _far(kink.after, after)),
    ]


def _collision(kink: Kink) -> BorderCollision:
    at, sides = kink.point, (kink.before.point, kink.after.point)
    width = length(sides[1].coordinates - sides[0].coordinates, at.scale)
    return BorderCollision(
        "border collision",
        at.state,
        at.s,
        at,
        eigenvalues=kink.before.eigenvalues,
        interval=interval_of(*sides, at, width),
        status="located" if width <= LOCATED else "bracketed",
        kink=kink,
    )


def _far(one: Row, other: Row) -> bool:
    return length(other.point.coordinates - one.point.coordinates, one.point.scale) > 10 * _AT_KINK


def _smooth_between(span: Span, before: Row, after: Row, known: tuple[Special, ...], tolerance: float) -> list[Special]:
    """Folds and branch points that the walk found, flips, Neimark-Sacker points and hidden ones, in order."""
    ends = [(row.point.state, row.point.s) for row in (before, after)]
    placed = []
    for special in known:
        distance = float((special.state - ends[0][0]).norm()) + abs(special.s - ends[0][1])
        placed.append(known_special(span, special, (0, distance)))
    path = Path(span, ends, placed, tolerance)
    path.given(0, before.eigenvalues)
    path.given(1, after.eigenvalues)
    crossings = path.crossings()
    plus = sum(special.kind in ("fold", "branch point") for special in crossings)
    if (plus - len(known)) % 2:
        # The walk has seen every odd crossing of +1: this one is that of an eigenvalue that is 1 to 1e-9.
        crossings = tuple(each for each in crossings if each.kind != "branch point" or each.point is not None)
    chord = after.point.coordinates - before.point.coordinates
    row = covector(chord, before.point.scale)
    across = row / length(chord, before.point.scale)
    passed = [special for each in crossings if (special := _sharp(span, each, across, tolerance)) is not None]
    passed.sort(key=lambda each: float(row @ (each.coordinates - before.point.coordinates)))
    step = length(chord, before.point.scale)
    return [
        bracketed(span, each, interval_of(before.point, after.point, each.located, step), tolerance)
        for each in _gathered(passed)
    ]


def _sharp(span: Span, special: Special, across: Tensor, tolerance: float) -> Special | None:
    """With its very point and eigenvalues; None where Newton's method does not find the point."""
    point = special.point
    if point is None:
        point = corrected(span, special.coordinates, across, tolerance, exact=True)
    if point is None:
        return None
    if special.kind in ("flip", "Neimark-Sacker"):
        point = sharpened(span, point, special.eigenvalue, tolerance)
    eigenvalues = eigenvalues_at(span, point.state, point.s)
    value = nearest(eigenvalues, special.eigenvalue)
    together = int(((eigenvalues - value).abs() < _EQUAL).sum())
    return replace(Special.at(special.kind, point), eigenvalue=value, eigenvalues=eigenvalues, multiplicity=together)


def sharpened(span: Span, point: Point, value: complex, tolerance: float) -> Point:
    """The point of the branch where the eigenvalue's modulus is 1 to rounding, by secants from near it."""

    def excess(at: Point) -> tuple[float, complex]:
        there = nearest(eigenvalues_at(span, at.state, at.s), value)
        return abs(there) - 1.0, there

    here, (error, value) = point, excess(point)
    place, step = 0.0, 1e-5
    row = covector(point.tangent, point.scale)
    other = corrected(span, point.coordinates + step * point.tangent, row, tolerance, exact=True)
    if other is None:
        return point
    place_before, error_before = step, excess(other)[0]
    for _ in range(_SECANTS):
        if abs(error) <= _ON_CIRCLE or error == error_before:
            break
        move = -error * (place - place_before) / (error - error_before)
        if not abs(place + move) < 1e-3:
            break
        there = corrected(span, point.coordinates + (place + move) * point.tangent, row, tolerance, exact=True)
        if there is None:
            break
        place_before, error_before = place, error
        place, (moved, value) = place + move, excess(there)
        if abs(moved) >= abs(error):
            break
        here, error = there, moved
    return here


def _gathered(passed: list[Special]) -> list[Special]:
    """Crossings that happen at once as one; the fold of a pitchfork's arms is its branch point."""
    kept: list[Special] = []
    for each in passed:
        twin = next((k for k, other in enumerate(kept) if _together(each, other)), None)
        if twin is None:
            kept.append(each)
        elif {each.kind, kept[twin].kind} == {"fold", "branch point"}:
            kept[twin] = each if each.kind == "branch point" else kept[twin]
        else:
            kept[twin] = replace(kept[twin], multiplicity=max(2, kept[twin].multiplicity))
    return kept


def _together(one: Special, other: Special) -> bool:
    plus_one = {"fold", "branch point"}
    if one.kind != other.kind and not {one.kind, other.kind} <= plus_one:
        return False
    if one.kind == "Neimark-Sacker" and abs(one.eigenvalue - other.eigenvalue) > 1e-3:
        return False
    return length(one.coordinates - other.coordinates, one.located.scale) < _TOGETHER
