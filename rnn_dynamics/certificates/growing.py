"""The largest radius at which a bound still holds, with few evaluations of it."""

import math
from collections.abc import Callable

LARGEST = 2.0**20
"""In units: no radius beyond it is tried, as of a linear map any would do."""

_TRIES = 8
_CLOSE = 1.05
"""A radius that fails is no more than this factor above the one returned, if the tries suffice."""


def largest_radius(norm: Callable[[float], float], start: float, least: float = 0.0) -> float | None:
    """A radius r >= ``least`` with norm(r) < 1, near to the largest: of norms that rise about as a + b r.

    Returns:
        None if ``norm`` was not below 1 at any radius tried.
    """
    passed, failed = None, math.inf
    inner: tuple[float, float] | None = None
    radius = start
    for _ in range(_TRIES):
        value = norm(radius)
        if value < 1:
            passed = radius
        else:
            failed = radius
        if radius >= LARGEST and value < 1:
            break
        guess = _crossing(inner, (radius, value))
        if value < 1:
            inner = (radius, value)
        if passed is None:
            radius = min(max(guess, radius / 2.0**16), radius / 2)
        elif math.isinf(failed):
            radius = min(max(guess, 2 * radius), 2.0**8 * radius, LARGEST)
        else:
            radius = guess if passed * _CLOSE < guess < failed / _CLOSE else math.sqrt(passed * failed)
        if failed < _CLOSE * (passed or 0.0) or radius < least:
            break
    return passed


def _crossing(inner: tuple[float, float] | None, outer: tuple[float, float]) -> float:
    """Where the line through two points, or one and the origin, comes a little below 1."""
    (r0, v0), (r1, v1) = inner or (0.0, 0.0), outer
    if not math.isfinite(v1):
        return r1 / 16
    slope = (v1 - v0) / (r1 - r0) if r1 != r0 else math.inf
    return LARGEST if slope <= 0 else max(0.0, r0 + 0.98 * (1 - v0) / slope)
