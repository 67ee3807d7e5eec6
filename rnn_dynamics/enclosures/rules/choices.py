"""Rules for comparisons and for what is chosen by them.

A comparison of what depends on the state is decided where the two balls are apart, for then it comes out alike in a
neighbourhood too. Where it is not, both branches may be: the value is the hull of both. Nothing is known of the slope,
since the two need not meet where they change over; ``relu``, ``clamp``, ``maximum`` and their like do meet, and have
rules that know their slopes.
"""

from collections.abc import Callable
from typing import Any

from flint import arb

from ..arrays import Balls, Slope, Truth, balls_of
from ..tape import Tape
from .elementwise import Operand, as_number, broadcast, logarithm_of_sum, multiply, unary
from .registry import rule
from .scalars import BETWEEN, NOTHING, Smooth, logistic

_DECIDED: dict[str, tuple[Callable[[arb, arb], bool], Callable[[arb, arb], bool]]] = {
    ">": (lambda x, y: x > y, lambda x, y: x <= y),
    ">=": (lambda x, y: x >= y, lambda x, y: x < y),
    "<": (lambda x, y: x < y, lambda x, y: x >= y),
    "<=": (lambda x, y: x <= y, lambda x, y: x > y),
    "=": (lambda x, y: x == y, lambda x, y: not x.overlaps(y)),
}
"""When a comparison is proved to be true, and when to be false."""


def compare(tape: Tape, how: str, one: Operand, other: Operand) -> Balls:
    """The truths of comparing two arrays; those that are not decided, for the state, have a slope that is unknown."""
    shape, *parts = broadcast(one, other)
    true, false = _DECIDED[how]
    truths: list[Truth] = []
    slopes: list[Slope] = []
    for (x, by_x), (y, by_y) in zip(*map(_pairs, parts), strict=True):
        depends = by_x is not None or by_y is not None
        undecided = (depends and x.overlaps(y)) or not (true(x, y) or false(x, y))
        truths.append(None if undecided else true(x, y))
        slopes.append(_unknown(tape) if undecided and depends else None)
    return Balls.of(truths, slopes, shape)


def _unknown(tape: Tape) -> Slope:
    tape.kinked = True
    return tape.unknown()


def _pairs(part: tuple[list[Any], list[Slope] | None]) -> list[tuple[Any, Slope]]:
    entries, slopes = part
    return list(zip(entries, slopes or [None] * len(entries), strict=True))


def choose(tape: Tape, condition: Operand, one: Operand, other: Operand) -> Balls:
    """Of each pair the first where the condition is true, and the second where it is false."""
    shape, *parts = broadcast(condition, one, other, numbers=False)
    entries: list[arb] = []
    slopes: list[Slope] = []
    for asked, first, second in zip(*map(_pairs, parts), strict=True):
        truth, jump = _truth(tape, *asked)
        x, by_x = as_number(first[0]), first[1]
        y, by_y = as_number(second[0]), second[1]
        if truth is not None:
            entries.append(x if truth else y)
            slopes.append(by_x if truth else by_y)
        else:
            entries.append(x.union(y))
            slopes.append(jump or tape.combined([(BETWEEN, by_x), (BETWEEN, by_y)]))
    return Balls.of(entries, slopes, shape)


def _truth(tape: Tape, entry: Any, slope: Slope) -> tuple[Truth, Slope]:
    """Whether an entry is true, or another number than 0; with an unknown slope if it is not decided for the state."""
    if not isinstance(entry, arb):
        return entry, slope
    if slope is not None and entry.contains(0):
        return None, _unknown(tape)
    return (None if entry.contains(0) and not entry.is_zero() else not entry.is_zero()), None


def _comparison(how: str, *names: str) -> None:
    @rule(*names)
    def compared(tape: Tape, self: Operand, other: Operand) -> Balls:
        return compare(tape, how, self, other)


_comparison(">", "gt")
_comparison(">=", "ge")
_comparison("<", "lt")
_comparison("<=", "le")
_comparison("=", "eq")


@rule("ne")
def differ(tape: Tape, self: Operand, other: Operand) -> Balls:
    return negate(tape, compare(tape, "=", self, other))


@rule("logical_not", "bitwise_not")
def negate(tape: Tape, self: Operand) -> Balls:
    shape, part = broadcast(self, numbers=False)
    truths = [_truth(tape, entry, slope) for entry, slope in _pairs(part)]
    opposites = [None if truth is None else not truth for truth, _ in truths]
    return Balls.of(opposites, [slope for _, slope in truths], shape)


@rule("logical_and", "bitwise_and")
def both(tape: Tape, self: Operand, other: Operand) -> Balls:
    return _joined(tape, self, other, False)


@rule("logical_or", "bitwise_or")
def either(tape: Tape, self: Operand, other: Operand) -> Balls:
    return _joined(tape, self, other, True)


def _joined(tape: Tape, one: Operand, other: Operand, deciding: bool) -> Balls:
    """And or or: decided as soon as one side is ``deciding``."""
    shape, *parts = broadcast(one, other, numbers=False)
    truths: list[Truth] = []
    slopes: list[Slope] = []
    for first, second in zip(*map(_pairs, parts), strict=True):
        (x, by_x), (y, by_y) = _truth(tape, *first), _truth(tape, *second)
        sides = (x, y)
        decided = deciding in sides or None not in sides
        truths.append((deciding if deciding in sides else not deciding) if decided else None)
        slopes.append(None if decided else by_x or by_y)
    return Balls.of(truths, slopes, shape)


@rule("where.self", "where.ScalarOther", "where.ScalarSelf", "where.Scalar")
def where(tape: Tape, condition: Operand, self: Operand, other: Operand) -> Balls:
    return choose(tape, condition, self, other)


@rule("masked_fill")
def masked_fill(tape: Tape, self: Operand, mask: Operand, value: Operand) -> Balls:
    return choose(tape, mask, value, self)


@rule("softplus")
def softplus(tape: Tape, self: Operand, beta: float = 1, threshold: float = 20) -> Balls:
    """As torch has it: ln(1 + e^(beta x)) / beta up to the threshold, and x beyond, where it jumps by 2e-9."""
    b, limit = arb(beta), arb(threshold)
    balls = balls_of(self)
    soft = Smooth(lambda x: logarithm_of_sum(b * x) / b, lambda x: logistic(b * x))
    beyond = compare(tape, ">", multiply(tape, balls, beta), limit)
    return choose(tape, beyond, balls, unary(tape, soft, balls))


@rule("sign", "sgn")
def sign(tape: Tape, self: Operand) -> Balls:
    positive, negative = compare(tape, ">", self, NOTHING), compare(tape, "<", self, NOTHING)
    return choose(tape, positive, 1.0, choose(tape, negative, -1.0, 0.0))


TRUTHS = frozenset(
    {
        "_to_copy",
        "bitwise_and",
        "bitwise_not",
        "bitwise_or",
        "eq",
        "ge",
        "gt",
        "le",
        "logical_and",
        "logical_not",
        "logical_or",
        "lt",
        "ne",
        "where",
    }
)
"""Operations that make truths of what depends on the state; others, as sums of truths, mean something else by them."""
