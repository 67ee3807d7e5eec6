"""Circle, torus or chaos: what the Lyapunov exponents of an orbit say, and when they say nothing yet."""

import math

import torch
from torch import Tensor

from ...lyapunov import spectrum_of
from ..starts import Limits
from .orbit import MovingOrbit
from .samples import as_curve

_SURE, _SURE_ENOUGH = 10.0, 3.0
"""By how many times an exponent must pass the threshold: while there are more steps to take, and when there are not."""

_SHELLS = (0.06, 0.2)
"""Radii, as shares of the extent, between which the dimension of a set of samples is read off."""


def judge(orbit: MovingOrbit, limits: Limits, last: bool) -> None:
    """Give ``orbit`` its kind, if its exponents tell: "circle", "torus", "chaotic"; "contracting" or "neutral".

    An exponent is positive above a threshold and three standard errors, zero within the threshold, by a factor of ten
    (three if it is the ``last`` look). A zero must be one in either half of the orbit, and a circle the same curve
    throughout, since on the way to a cycle or fixed point exponents pass through zero. An orbit with a coordinate that
    drifts steadily, or is still on its way, is on no attractor yet.
    """
    if not orbit.growth:
        return
    orbit.drifts = bool(orbit.drifting(limits.settle.horizon).any())
    spectrum, threshold = orbit.spectrum, limits.settle.exponent_tolerance
    values, error = spectrum.weighted[0].tolist(), float(spectrum.errors[0, 0])
    sure = _SURE_ENOUGH if last else _SURE
    if not spectrum.weighted.isfinite().all():
        return
    if values[0] < -sure * threshold:
        orbit.kind, orbit.margin = "contracting", -values[0] / threshold
    elif not orbit.halves.recurrent or orbit.halves.transient or orbit.drifts:
        return
    elif len(values) == spectrum.n > 1 and abs(sum(values)) <= threshold:
        orbit.kind = "neutral"  # volumes stay the same: nothing is attracted
    elif values[0] > sure * threshold and float(spectrum.exponents[0, 0]) > 3 * error:
        orbit.kind, orbit.margin = "chaotic", min(values[0] / threshold, values[0] / max(error, 1e-300) / 3 * _SURE)
    else:
        _judge_zeros(orbit, values, threshold, sure)


def _judge_zeros(orbit: MovingOrbit, values: list[float], threshold: float, sure: float) -> None:
    zeros = sum(abs(value) <= threshold / sure for value in values)
    rest = values[zeros:]
    if zeros == 0 or (rest and rest[0] > -sure * threshold) or not _zero_throughout(orbit, zeros, threshold):
        return
    if zeros == 1 and not orbit.is_stationary():
        return
    margins = [threshold / max(abs(value), 1e-300) for value in values[:zeros]] + [-v / threshold for v in rest[:1]]
    orbit.margin = min(margins)
    if zeros > 1 and dimension(orbit.cloud) < zeros - 0.5:
        orbit.kind = "neutral"
    else:
        orbit.kind = "circle" if zeros == 1 else "torus"
        if zeros == 1:
            orbit.halves = as_curve(orbit.cloud, orbit.halves)


def _zero_throughout(orbit: MovingOrbit, zeros: int, threshold: float) -> bool:
    rates = torch.cat(orbit.growth)
    halves = (spectrum_of(half.unsqueeze(1), len(orbit.state), 0).weighted[0, :zeros] for half in rates.chunk(2))
    return all(bool((half.abs() <= threshold).all()) for half in halves)


def dimension(samples: Tensor) -> float:
    """The correlation dimension: the slope of ln C(r), C(r) the share of pairs nearer than r.

    Source: Grassberger and Procaccia 1983, doi:10.1103/PhysRevLett.50.346.
    """
    few = samples[torch.linspace(0, len(samples) - 1, min(len(samples), 1024)).long().to(samples.device)]
    distance = torch.pdist(few)
    extent = float(distance.max())
    inner, outer = (distance < share * extent for share in _SHELLS)
    return float((outer.double().mean() / inner.double().mean()).log()) / math.log(_SHELLS[1] / _SHELLS[0])
