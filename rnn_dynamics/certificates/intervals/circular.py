"""Sine and cosine of many intervals, with a proved error and no trust in a library's own."""

import math
from functools import cache

import torch
from torch import Tensor

from .intervals import Intervals

_STEPS = 512
"""Grid points a unit: the nearest is at most d = 2^-10 away."""

_FARTHEST = 1000.0
"""Beyond it any value may be: so many turns are taken off exactly."""

_HIGH = math.ldexp(round(math.ldexp(2 * math.pi, 37)), -37)
"""The first 40 bits of 2 pi, so that up to 160 times it are exact."""

_SLACK = 4e-15
"""At least twice what ``_sine_and_cosine`` can err by: x less its turns 9e-16, the table and the last sum 2.2e-16, the
remainder d^5 / 5! = 7.4e-18, and all other roundings, which are multiplied by d, 1e-18."""

_NEAR = 1e-12
"""In turns: nearer to an end than this, a maximum may lie inside; (x - c) / 2 pi errs by 1e-13 at most."""


@cache
def _tables() -> tuple[Tensor, Tensor, float]:
    """Sine and cosine on the grid, each rounded from a ball of 53 bits, and 2 pi less its first bits."""
    import flint
    from flint import arb

    places = [arb(i) / _STEPS for i in range(-4 * _STEPS, 4 * _STEPS + 1)]
    sine, cosine = ([float(getattr(place, name)()) for place in places] for name in ("sin", "cos"))
    with flint.ctx.workprec(128):
        low = float(2 * arb.pi() - arb(_HIGH))
    return torch.tensor(sine, dtype=torch.float64), torch.tensor(cosine, dtype=torch.float64), low


def _sine_and_cosine(x: Tensor) -> tuple[Tensor, Tensor]:
    """Of |x| <= 1000 by Taylor's polynomials of degree 4 about the nearest grid point to x less whole turns."""
    sines, cosines, low = _tables()
    turns = (x / (2 * math.pi)).round()
    x = (x - turns * _HIGH) - turns * low
    nearest = (x * _STEPS).round()
    place = nearest.long() + 4 * _STEPS
    s, c = sines[place], cosines[place]
    d = x - nearest / _STEPS
    sine = s + d * (c - d * (s / 2.0 + d * (c / 6.0 - d * (s / 24.0))))
    cosine = c - d * (s + d * (c / 2.0 - d * (s / 6.0 + d * (c / 24.0))))
    return sine, cosine


def _between(x: Intervals, which: int, highest: float) -> Intervals:
    """One of the two, the first maximum of which above 0 is at ``highest``."""
    known = (x.lower >= -_FARTHEST) & (x.upper <= _FARTHEST)
    ends = [_sine_and_cosine(torch.where(known, end, 0.0))[which] for end in (x.lower, x.upper)]
    low = torch.minimum(*ends) - _SLACK
    high = torch.maximum(*ends) + _SLACK
    up, down = (_passes(x, place) | ~known for place in (highest, highest - math.pi))
    return Intervals(
        torch.where(down, -1.0, low).clamp(min=-1.0).to(x.lower), torch.where(up, 1.0, high).clamp(max=1.0).to(x.lower)
    )


def _passes(x: Intervals, place: float) -> Tensor:
    """Whether a point that is whole turns from ``place`` may lie within."""
    first, last = ((end - place) / (2 * math.pi) for end in (x.lower, x.upper))
    return (last + _NEAR).floor() >= (first - _NEAR).ceil()


def sin(x: Intervals) -> Intervals:
    """Sine."""
    return _between(x, 0, math.pi / 2)


def cos(x: Intervals) -> Intervals:
    """Cosine."""
    return _between(x, 1, 0.0)
