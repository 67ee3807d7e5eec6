"""Tanh and the logistic function of many intervals, with a proved error and no trust in a library's own."""

from functools import cache

import torch
from torch import Tensor

from .intervals import Intervals

_STEPS = 512
"""Grid points a unit: the nearest is at most d = 2^-10 away."""

_REACH = 20
"""Beyond it tanh is 1 up to 1e-17."""

_SLACK = 1e-15
"""At least twice what ``_tanh`` can err by: the table 2.3e-16, the remainder max|tanh^(5)| d^5 / 5! = 16 / 120 2^-50 =
1.2e-16, the last sum 1.1e-16, and all other roundings, which are multiplied by d, 1e-18."""


@cache
def _table() -> Tensor:
    """Tanh on the grid, each rounded from a ball of 53 bits."""
    from flint import arb

    half = [float((arb(i) / _STEPS).tanh()) for i in range(_REACH * _STEPS + 1)]
    positive = torch.tensor(half, dtype=torch.float64)
    return torch.cat([-positive[1:].flip(0), positive])


def _tanh(x: Tensor) -> Tensor:
    """Taylor's polynomial of degree 4 about the nearest grid point.

    With t = tanh and s = 1 - t^2 the derivatives are s, -2 t s, -2 s (1 - 3 t^2), 8 t s (2 - 3 t^2), and the fifth,
    s (16 - 120 t^2 + 120 t^4), is at most 16.
    """
    x = x.clamp(-_REACH, _REACH)
    nearest = (x * _STEPS).round()
    t = _table()[nearest.long() + _REACH * _STEPS]
    d = x - nearest / _STEPS
    q = t.square()
    s = 1.0 - q
    cubic = -s * (1.0 - 3.0 * q) / 3.0 + d * (t * s * (2.0 - 3.0 * q) / 3.0)
    return t + d * (s + d * (-t * s + d * cubic))


def tanh(x: Intervals) -> Intervals:
    """Tanh, which rises."""
    return Intervals((_tanh(x.lower) - _SLACK).clamp(min=-1.0), (_tanh(x.upper) + _SLACK).clamp(max=1.0))


def sigmoid(x: Intervals) -> Intervals:
    """(1 + tanh(x / 2)) / 2, which rises."""
    low, high = (0.5 + 0.5 * _tanh(end / 2) for end in (x.lower, x.upper))
    return Intervals((low - _SLACK).clamp(min=0.0), (high + _SLACK).clamp(max=1.0))
