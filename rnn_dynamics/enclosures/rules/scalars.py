"""Functions of one ball: what they come to, and their slopes, over all numbers in it.

Arb's own functions are narrow for narrow balls, and rightly rounded always; over wide balls some give far more than
the range (tanh of [0 +- 3] comes to [0 +- 402]), which the ends tell: of what grows, or falls on both sides of 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from flint import arb

from ..tape import NOTHING, ONE

Real: TypeAlias = Callable[[arb], arb]

HALF = arb(0.5)
BETWEEN = arb(0.5, 0.5)
"""[0, 1]: the slopes that a ReLU has at its kink, and the shares of two branches that may both be."""

THIN = arb(2) ** -12
"""Radius below which a function is taken of the whole ball: what is lost is of its square."""


@dataclass(frozen=True)
class Smooth:
    """A function of one number with its slope."""

    value: Real
    slope: Real

    def kinked(self, x: arb) -> bool:  # noqa: ARG002
        """Whether the slope may not exist within the ball."""
        return False


@dataclass(frozen=True)
class Bent:
    """A continuous function made of ``pieces`` that meet at ``breaks``, in order; with slopes that differ there.

    Across a break the slope is the hull of those on its two sides, which contains Clarke's generalised derivative:
    F(x) - F(y) lies in the slopes over [x, y] times x - y (Lebourg's theorem: Clarke 1983, "Optimization and
    Nonsmooth Analysis", 2.3.7), which is what Newton's and Krawczyk's operators need. The derivative at a point on the
    break does not exist, and the ball is told to be kinked.
    """

    breaks: tuple[arb, ...]
    pieces: tuple[Smooth, ...]

    def value(self, x: arb) -> arb:
        return self._hull(x, lambda piece: piece.value)

    def slope(self, x: arb) -> arb:
        return self._hull(x, lambda piece: piece.slope)

    def kinked(self, x: arb) -> bool:
        return any(x.overlaps(place) for place in self.breaks)

    def _hull(self, x: arb, of: Callable[[Smooth], Real]) -> arb:
        if not x.is_finite():
            return _ANYTHING
        total: arb | None = None
        for index, piece in enumerate(self.pieces):
            below = self.breaks[index - 1] if index else None
            above = self.breaks[index] if index < len(self.breaks) else None
            if (below is not None and x < below) or (above is not None and x > above):
                continue
            part = of(piece)(_cut(x, below, above))
            total = part if total is None else total.union(part)
        return _ANYTHING if total is None else total


_ANYTHING = arb(0, float("inf"))


def _cut(x: arb, below: arb | None, above: arb | None) -> arb:
    """The part of a ball between two numbers, either of which may be none."""
    low = below if below is not None and not x > below else None
    high = above if above is not None and not x < above else None
    if low is None and high is None:
        return x
    low = x.lower() if low is None else low
    high = x.upper() if high is None else high
    # A ball's ends are rounded outwards, and may pass one another where it only touches the break.
    return low.union(high)


def growing(function: Real) -> Real:
    """A function that grows everywhere, of balls of any width."""

    def value(x: arb) -> arb:
        return function(x) if x.rad() < THIN else function(x.lower()).union(function(x.upper()))

    return value


def falling_off(function: Real) -> Real:
    """An even function that falls on both sides of 0, of balls of any width."""

    def value(x: arb) -> arb:
        return function(x) if x.rad() < THIN else function(x.abs_lower()).union(function(x.abs_upper()))

    return value


def reciprocal(x: arb) -> arb:
    """1 / x."""
    if x.rad() < THIN or x.contains(0):
        return ONE / x
    return (ONE / x.lower()).union(ONE / x.upper())


def times(x: arb, y: arb) -> arb:
    """X y. Of two wide balls Arb's product has the right midpoint but up to twice the radius that it needs."""
    if x.rad() < THIN or y.rad() < THIN or not (x.is_finite() and y.is_finite()):
        return x * y
    low, high, least, most = x.lower(), x.upper(), y.lower(), y.upper()
    return (low * least).union(low * most).union(high * least).union(high * most)


def _logistic(x: arb) -> arb:
    return ONE / (ONE + (-x).exp())


def _logistic_slope(x: arb) -> arb:
    falling = (-x).exp()
    return falling / whole_power(ONE + falling, 2)


def _bell(x: arb) -> arb:
    return (-whole_power(x, 2)).exp() * 2 / arb.const_sqrt_pi()


def whole_power(x: arb, exponent: int) -> arb:
    """The ball to a whole power: of an even one never below 0."""
    if exponent < 0:
        return reciprocal(whole_power(x, -exponent))
    if x.rad() < THIN and not x.contains(0):
        return _multiplied(x, exponent)
    if exponent % 2:
        return _multiplied(x.lower(), exponent).union(_multiplied(x.upper(), exponent))
    return _multiplied(x.abs_lower(), exponent).union(_multiplied(x.abs_upper(), exponent))


def _multiplied(x: arb, exponent: int) -> arb:
    total, factor = ONE, x
    while exponent:
        if exponent & 1:
            total = total * factor
        exponent >>= 1
        factor = factor * factor if exponent else factor
    return total


def power(exponent: float) -> Smooth | Bent:
    """The power x^p; for an exponent that is no whole number, of balls that are not below 0."""
    if exponent == int(exponent):
        whole = int(exponent)
        return Smooth(
            lambda x: whole_power(x, whole), lambda x: NOTHING if not whole else whole * whole_power(x, whole - 1)
        )
    p = arb(exponent)

    def raised(x: arb, p: arb) -> arb:
        if x > 0:
            return (p * x.log()).exp()
        if x >= 0 and p > 0:
            return NOTHING.union((p * x.upper().log()).exp()) if x.upper() > 0 else NOTHING
        return _ANYTHING if x.upper() > 0 else arb("nan")

    return Smooth(lambda x: raised(x, p), lambda x: p * raised(x, p - 1))


logistic = growing(_logistic)
logistic_slope = falling_off(_logistic_slope)
exp = growing(lambda x: x.exp())
identity = Smooth(lambda x: x, lambda _: ONE)
nothing = Smooth(lambda _: NOTHING, lambda _: NOTHING)

SIGMOID = Smooth(logistic, logistic_slope)
TANH = Smooth(growing(arb.tanh), falling_off(lambda x: whole_power(x.sech(), 2)))
EXP = Smooth(exp, exp)
SQRT = Smooth(growing(lambda x: x.sqrt()), lambda x: HALF / growing(lambda x: x.sqrt())(x))
RECIPROCAL = Smooth(reciprocal, lambda x: -whole_power(x, -2))

FUNCTIONS: dict[str, Smooth | Bent] = {
    "neg": Smooth(lambda x: -x, lambda _: -ONE),
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "exp": EXP,
    "exp2": Smooth(lambda x: exp(x * arb.const_log2()), lambda x: exp(x * arb.const_log2()) * arb.const_log2()),
    "expm1": Smooth(growing(lambda x: x.expm1()), exp),
    "log": Smooth(growing(lambda x: x.log()), reciprocal),
    "log2": Smooth(lambda x: x.log() / arb.const_log2(), lambda x: ONE / (x * arb.const_log2())),
    "log10": Smooth(lambda x: x.log() / arb.const_log10(), lambda x: ONE / (x * arb.const_log10())),
    "log1p": Smooth(growing(lambda x: x.log1p()), lambda x: ONE / (ONE + x)),
    "sqrt": SQRT,
    "rsqrt": Smooth(lambda x: ONE / SQRT.value(x), lambda x: -HALF / (SQRT.value(x) * x)),
    "reciprocal": RECIPROCAL,
    "square": power(2),
    "sin": Smooth(arb.sin, arb.cos),
    "cos": Smooth(arb.cos, lambda x: -x.sin()),
    "tan": Smooth(arb.tan, lambda x: whole_power(x.sec(), 2)),
    "sinh": Smooth(growing(arb.sinh), arb.cosh),
    "cosh": Smooth(arb.cosh, growing(arb.sinh)),
    "asin": Smooth(arb.asin, lambda x: (ONE - whole_power(x, 2)).rsqrt()),
    "acos": Smooth(arb.acos, lambda x: -(ONE - whole_power(x, 2)).rsqrt()),
    "atan": Smooth(growing(arb.atan), lambda x: ONE / (ONE + whole_power(x, 2))),
    "asinh": Smooth(growing(arb.asinh), lambda x: (ONE + whole_power(x, 2)).rsqrt()),
    "atanh": Smooth(growing(arb.atanh), lambda x: ONE / (ONE - whole_power(x, 2))),
    "erf": Smooth(growing(arb.erf), falling_off(_bell)),
    "erfc": Smooth(arb.erfc, lambda x: -falling_off(_bell)(x)),
    "relu": Bent((NOTHING,), (nothing, identity)),
    "abs": Bent((NOTHING,), (Smooth(lambda x: -x, lambda _: -ONE), identity)),
    "softsign": Smooth(growing(lambda x: x / (ONE + abs(x))), falling_off(lambda x: whole_power(ONE + abs(x), -2))),
    "log_sigmoid": Smooth(growing(lambda x: -(-x).exp().log1p()), lambda x: logistic(-x)),
    "silu": Smooth(lambda x: times(x, logistic(x)), lambda x: logistic(x) + times(x, logistic_slope(x))),
}
"""By torch's names."""
