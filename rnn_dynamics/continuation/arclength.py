"""The pseudo-arclength walk: along a curve of fixed points, round its folds and straight through its branch points."""

import math
from collections.abc import Generator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..families import Span
from .locating import branch_test, fold_test, locate, smoothed
from .points import Point, along_s, corrected, covector, length
from .special import Special

_FIRST_STEP = 0.02
_LONGEST_STEP = 0.2
_SHORTEST_STEP = 1e-8

_WANTED_BEND = 0.1
"""Of the step, how far the curve may leave its tangent before steps are shortened: a turn by about 0.2 rad."""

_MOST_BEND = 0.25
_LEAST_COSINE = 0.85
_MOST_MISMATCH = 0.1

_KINK = 1e-5
"""At a kink, where DF jumps, no step is short enough to look straight; below this one counts if it converged."""

_SINGULAR, _ASIDE = 6.0, 1e-3
"""A step longer than the second whose end has a determinant of exp(-6) of that at its beginning ended upon a branch
point, where the curve is not well determined; another length is taken."""

_RISES = 0.3
"""Of the fall that was expected: a little less than the half by which it rises beyond a pitchfork."""

OUT_OF_SIGHT = 1e6
"""|h| beyond which a branch has run off to infinity: its parameter then differs from the limit by about 1e-6."""


def far(span: Span, point: Point, max_norm: float = OUT_OF_SIGHT) -> bool:
    """Whether |h / max(1, u)| is beyond a bound: a branch that begins near 0 is small there, and not its unit."""
    state = point.state if span.units is None else point.state * span.units.clamp(max=1.0)
    return float(state.norm()) > max_norm


@dataclass(frozen=True, eq=False)
class Step:
    """One accepted step: where it ended and what it passed."""

    point: Point
    passed: tuple[Special, ...] = ()
    """Folds and branch points between the step before and this one."""

    refused: int = 0
    """Attempts since the step before that were too long."""


def first_point(span: Span, state: Tensor, s: float, tolerance: float) -> Point | None:
    """The point of the curve at s from a state [n] on it, its tangent towards rising s; None where none is found."""
    guess = torch.cat([state, state.new_tensor([s])])
    point = corrected(span, guess, along_s(state), tolerance)
    if point is None:  # at a fold s cannot be kept; any row but that does
        row = torch.linspace(1.0, 2.0, len(guess), dtype=guess.dtype, device=guess.device)
        point = corrected(span, guess, row / row.norm(), tolerance)
    if point is None:
        return None
    return point if point.pace >= 0 else point.reversed()


def walk(
    span: Span,
    first: Point,
    *,
    tolerance: float = 1e-11,
    max_steps: int = 2000,
    longest_step: float = _LONGEST_STEP,
    max_norm: float = OUT_OF_SIGHT,
) -> Generator[Step, None, str]:
    """Accepted steps along the curve of F(h, s) = h from a point, in the direction of its tangent.

    Each step predicts along the tangent by a length d and corrects in the plane across it. It is accepted if Newton's
    method halves the residual every time, the curve left the tangent by at most d / 4 and turned by at most 32 degrees,
    the chord is the mean of the tangents at both ends to a tenth, no two folds are hidden, and the bordered determinant
    kept its sign or is found to go through zero between: a change without a zero is a jump to another curve, and so is
    a zero that was due but did not come. No step ends upon a branch point. Then d is multiplied by 0.1 d / (distance
    from the tangent), at most doubled; a refused step is halved. The walk ends at s = 0 or 1, which it meets exactly,
    beyond |h / max(1, u)| = ``max_norm``, after ``max_steps`` attempts, or when no step of 1e-8 is accepted, and
    returns which: "span", "bound", "steps" or "stalled".

    Args:
        span: the family.
        first: where to begin; ``first.reversed()`` walks the other way.
        tolerance: of |F(h) - h| / max(1, |h|).
        max_steps: attempts.
        longest_step: in arclength, where the whole span is 1 and a state's own size is 1.
        max_norm: u being the span's units; 1e6 by default, where a branch that runs off to infinity is within 1e-6 of
            its limit.

    Source: Keller (1977) in Applications of Bifurcation Theory, 359-384; branch points: Govaerts (2000), section 4.3.
    """
    here, size, refused = first, min(_FIRST_STEP, longest_step), 0
    before: tuple[Point, float] | None = None
    for _ in range(max_steps):
        if size < _SHORTEST_STEP:
            return "stalled"
        taken, row, guess = _predicted(here, size)
        if taken <= 0:  # the walk sets out from an end of the span, outwards
            return "span"
        step = _attempt(span, here, guess, row, taken, tolerance)
        if step is None:
            size, refused = taken / 2, refused + 1
            continue
        if taken > _ASIDE and step.point.log_determinant < here.log_determinant - _SINGULAR:
            size, refused = 0.77 * taken, refused + 1
            continue
        if before is not None and _turned_back(*before, here, step.point, taken):
            size, refused = taken / 2, refused + 1
            continue
        yield replace(step, refused=refused)
        refused, before = 0, (here, taken)
        bend = length(step.point.coordinates - guess, here.scale) / taken
        here = step.point
        if here.s in (0.0, 1.0):
            return "span"
        if far(span, here, max_norm):
            return "bound"
        size = min(size * min(2.0, max(0.5, _WANTED_BEND / max(bend, 1e-12))), longest_step)
    return "steps"


def _turned_back(before: Point, reach: float, here: Point, point: Point, taken: float) -> bool:
    """Whether the determinant was on its way through zero within this step, but came out with its sign kept.

    So it looks when an arm of a narrow pitchfork was left for the branch between the arms, whose own determinant rises
    half as fast; also near an imperfect one, where shorter steps then show that nothing is passed.
    """
    if point.orientation != here.orientation or before.orientation != here.orientation:
        return False
    fall = math.exp(min(before.log_determinant - here.log_determinant, 700.0)) - 1.0
    expected = 1.0 - fall * taken / reach
    return expected < 0 and math.exp(min(point.log_determinant - here.log_determinant, 700.0)) >= _RISES * -expected


def _predicted(here: Point, size: float) -> tuple[float, Tensor, Tensor]:
    """The step's length, the corrector's row and the guess; a step that would leave [0, 1] lands on its end."""
    ahead = here.s + size * here.pace
    if 0.0 < ahead < 1.0:
        return size, covector(here.tangent, here.scale), here.coordinates + size * here.tangent
    limit = 1.0 if here.pace > 0 else 0.0
    taken = (limit - here.s) / here.pace if here.s != limit else 0.0
    guess = here.coordinates + taken * here.tangent
    guess[-1] = limit
    return taken, along_s(here.state, math.copysign(1.0, here.pace)), guess


def _attempt(span: Span, here: Point, guess: Tensor, row: Tensor, size: float, tolerance: float) -> Step | None:
    # Short steps are taken where curves come near one another, and there the tolerance is wider than they are apart.
    point = corrected(span, guess, row, tolerance, exact=size < _ASIDE)
    if point is None:
        return None
    bend = length(point.coordinates - guess, here.scale)
    cosine = float(covector(here.tangent, here.scale) @ point.tangent)
    straight = bend <= _MOST_BEND * size and cosine >= _LEAST_COSINE and _fits(here, point)
    if size > _KINK and (not straight or _hides_folds(here, point)):
        return None
    if bend > size:
        return None
    passed = _passed(span, here, point, size, tolerance)
    return None if passed is None else Step(point, passed)


def _fits(here: Point, point: Point) -> bool:
    """Whether the chord is the mean of the tangents at its ends times its length, as on any smooth short arc."""
    chord = point.coordinates - here.coordinates
    size = length(chord, here.scale)
    return length(chord - 0.5 * size * (here.tangent + point.tangent), here.scale) <= _MOST_MISMATCH * size


def _hides_folds(here: Point, point: Point) -> bool:
    """Whether s turns back and forth again between two points, by the cubic through both and their tangents."""
    size = length(point.coordinates - here.coordinates, here.scale)
    if here.pace * point.pace <= 0 or size == 0:
        return False
    # With the slopes a and b at its ends its own is a (1 - 4u + 3u^2) + 6 m (u - u^2) + b (3u^2 - 2u), a parabola in u.
    mean = (point.s - here.s) / size
    curvature = 3 * here.pace - 6 * mean + 3 * point.pace
    if curvature * here.pace <= 0:
        return False
    vertex = (2 * here.pace - 3 * mean + point.pace) / curvature
    return 0 < vertex < 1 and (here.pace - curvature * vertex**2) * here.pace < 0


def _passed(span: Span, here: Point, point: Point, size: float, tolerance: float) -> tuple[Special, ...] | None:
    """What lies between two points; None where they are found to lie on different curves."""
    found = []
    stretches = [(here, point)]
    if here.orientation != point.orientation:
        zero = locate(span, here, point, branch_test(here), tolerance)
        if zero is not None and zero.vanished:
            # Its own tangent does not serve: at the branch point that is the tangent of neither curve.
            chord = point.coordinates - here.coordinates
            along = chord / length(chord, here.scale)
            at, sides = smoothed(span, zero.point, along, size, tolerance)
            found.append(Special.at("branch point", at))
            if sides is not None:
                # A narrow pitchfork looks straight: from an arm one may step over its vertex onto the branch between.
                if (sides[0].orientation, sides[1].orientation) != (here.orientation, point.orientation):
                    return None
                stretches = [(here, sides[0]), (sides[1], point)]
                if sides[0].pace * sides[1].pace < 0:  # a pitchfork's arms turn in the branch point itself
                    found.append(Special.at("fold", at))
        elif size <= _KINK:
            found.append(Special.at("branch point", point))
        else:
            return None
    for begin, end in stretches:
        if begin.pace * end.pace >= 0:
            continue
        zero = locate(span, begin, end, fold_test, tolerance)
        if zero is not None and zero.vanished:
            found.append(Special.at("fold", zero.point))
        elif size <= _KINK:
            found.append(Special.at("fold", end))
        else:
            return None
    return tuple(found)
