"""The largest radius at which a bound still holds, with few evaluations of it."""

import math
from collections.abc import Callable

LARGEST = 2.0**20
"""In units: no radius beyond it is tried, as of a linear map any would do."""

_TRIES = 7
_ENOUGH = 0.8
"""A radius is taken once its norm has used up this share of what it may rise by: the largest is a quarter more."""

_AIM = 0.92


def largest_radius(
    norm: Callable[[float], float], start: float, *, at_zero: float = 0.0, least: float = 0.0
) -> float | None:
    """A radius with norm(r) < 1, near to the largest, of a norm that rises from ``at_zero`` < 1.

    Returns:
        None if ``norm`` was not below 1 at any radius tried that is not below ``least``.
    """
    passed, failed = None, math.inf
    radius = start
    for _ in range(_TRIES):
        used = (norm(radius) - at_zero) / (1 - at_zero)
        if used < 1:
            passed = radius
            if used > _ENOUGH or radius >= LARGEST:
                break
        else:
            failed = radius
        # Where a line from 0 through here comes to what is aimed at.
        aim = radius * _AIM / used if 0 < used < math.inf else radius * (LARGEST if used <= 0 else 2.0**-4)
        if passed is None:
            radius = min(max(aim, radius / 2.0**20), radius / 2)
        elif math.isinf(failed):
            radius = min(max(aim, 1.25 * radius), 2.0**10 * radius, LARGEST)
        elif failed < 1.25 * passed:
            break
        else:
            radius = aim if 1.1 * passed < aim < failed / 1.1 else math.sqrt(passed * failed)
        if radius < least:
            break
    return passed
