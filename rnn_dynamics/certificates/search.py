"""``certify``: what a search found, proved row by row."""

from typing import Annotated

import torch

from ..checks import ArrayLike, Positive, Size, checked
from ..systems import AutonomousMap
from .claims import Found, claims_of
from .results import Certificates

_TOLERANCE = 1e-6
"""Searches merge what is nearer than this: a state farther away is another than the one proved."""


@checked
@torch.no_grad()
def certify(
    system: AutonomousMap,
    found: Found,
    starts: ArrayLike | None = None,
    *,
    steps: Size = 1000,
    tolerance: Annotated[float, Positive()] = _TOLERANCE,
    progress: bool | None = None,
) -> Certificates:
    """Prove what was found: that it is there, alone, where, of which stability, and which starts go to it.

    Each fixed point or cycle x = F^k(x) is located by Krawczyk's operator in ball arithmetic, in which every rounding
    is contained; where 53 bits do not do, 106 and 212 are tried. What is proved holds for the map that the analysis
    runs, whose weights are the very floats that it holds. What cannot be proved is a row with a reason.

    Args:
        system: the map.
        found: what was found of it: ``FixedPoints``, ``Cycles`` or ``Attractors``; or states [k, n] or [n], each of
            which is claimed to be a fixed point.
        starts: states [s, n] that are to be proved to go to one of the stable things found; of ``Attractors``, give
            the starts of the search.
        steps: the budget of each start: so many are followed.
        tolerance: how far a state may be from the solution proved, in units of max(u_i, |h_i|): a millionth, as
            searches merge what is nearer.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Raises:
        ValueError: for states that do not fit.

    Sources: Krawczyk 1969 (doi:10.1007/BF02234767), Rump 2010 (doi:10.1017/S096249291000005X), Johansson 2017
    (doi:10.1109/TC.2017.2690633).
    """
    from .proving import prove  # which brings python-flint

    claims = claims_of(system, found)
    begin = None if starts is None else system.as_states(starts, "starts")
    return prove(system, claims, begin, steps, tolerance, progress)
