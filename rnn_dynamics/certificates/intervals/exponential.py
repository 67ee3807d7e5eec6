"""The exponential function and softplus of many intervals, with a proved error and no trust in a library's own."""

from functools import cache

import torch
from torch import Tensor

from .intervals import Intervals

_STEPS = 512
"""Grid points a unit: the nearest is at most d = 2^-10 away."""

_FARTHEST = 700
"""Beyond it exp comes near to the largest and the least of floats."""

_RELATIVE = 2e-15
"""At least twice what ``_exp`` can err by: both tables 2 u, two products 2 u, the last sum u, u = 1.1e-16; the
remainder d^5 / 5! e^d = 7.5e-18; and all other roundings, which are multiplied by d, 1e-18."""

_REACH = 40
"""Beyond it softplus is x, or 0, up to 5e-18."""

_SLACK = 1e-15
"""Of 1 + softplus, at least twice what ``_softplus`` can err by: the table and the last sum 2 u, the remainder
d^5 / 5! / 4 = 1.9e-18, and all other roundings, which are multiplied by d, 1e-18."""


@cache
def _exp_tables() -> tuple[Tensor, Tensor]:
    """Exp of whole numbers, and of fractions on the grid from -1/2 to 1/2, each rounded from a ball of 53 bits."""
    from flint import arb

    whole = [float(arb(i).exp()) for i in range(-_FARTHEST, _FARTHEST + 1)]
    parts = [float((arb(i) / _STEPS).exp()) for i in range(-_STEPS // 2, _STEPS // 2 + 1)]
    return torch.tensor(whole, dtype=torch.float64), torch.tensor(parts, dtype=torch.float64)


def _exp(x: Tensor) -> Tensor:
    """E^i e^(j / 512) e^d, the last by Taylor's polynomial of degree 4; i, j and d are exact."""
    i = x.round()
    rest = x - i
    j = (rest * _STEPS).round()
    d = rest - j / _STEPS
    whole, parts = _exp_tables()
    series = 1.0 + d * (1.0 + d * (0.5 + d * (1.0 / 6.0 + d / 24.0)))
    return whole[i.long() + _FARTHEST] * parts[j.long() + _STEPS // 2] * series


def exp(x: Intervals) -> Intervals:
    """Exp, which rises."""
    low = _exp(x.lower.clamp(-_FARTHEST, _FARTHEST)) * (1.0 - _RELATIVE)
    high = _exp(x.upper.clamp(-_FARTHEST, _FARTHEST)) * (1.0 + _RELATIVE)
    return Intervals(torch.where(x.lower < -_FARTHEST, 0.0, low), torch.where(x.upper > _FARTHEST, torch.inf, high))


@cache
def _softplus_tables() -> tuple[Tensor, Tensor]:
    """Softplus and its derivative on the grid, each rounded from a ball of 128 bits, as log (1 + e^x) loses some."""
    import flint
    from flint import arb

    values, slopes = [], []
    with flint.ctx.workprec(128):
        for i in range(-_REACH * _STEPS, _REACH * _STEPS + 1):
            power = (arb(i) / _STEPS).exp()
            values.append(float(power.log1p()))
            slopes.append(float(power / (1 + power)))
    return torch.tensor(values, dtype=torch.float64), torch.tensor(slopes, dtype=torch.float64)


def _softplus(x: Tensor) -> Tensor:
    """Taylor's polynomial of degree 4 about the nearest grid point.

    With s the logistic function and q = s (1 - s) the derivatives are s, q, q (1 - 2 s), q (1 - 6 q), and the fifth,
    q (1 - 2 s) (1 - 12 q), is at most 1/4.
    """
    inner = x.clamp(-_REACH, _REACH)
    nearest = (inner * _STEPS).round()
    values, slopes = _softplus_tables()
    place = nearest.long() + _REACH * _STEPS
    s = slopes[place]
    d = inner - nearest / _STEPS
    q = s * (1.0 - s)
    near = values[place] + d * (s + d * (q / 2.0 + d * (q * (1.0 - 2.0 * s) / 6.0 + d * (q * (1.0 - 6.0 * q) / 24.0))))
    return torch.where(x > _REACH, x, near)


def softplus(x: Intervals) -> Intervals:
    """Log(1 + e^x), which rises."""
    low, high = _softplus(x.lower), _softplus(x.upper)
    return Intervals((low - _SLACK * (1.0 + low)).clamp(min=0.0), high + _SLACK * (1.0 + high))
