"""How long orbits are watched, and by which tolerances it is told what they do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from ..checks import ArgumentError, CheckedInside, Size, checked, require_positive

_LEAST = 32
"""Steps of a measurement: two of each of the 16 blocks whose means give the standard error."""


@checked
@dataclass(frozen=True)
class Watch:
    """Budgets and tolerances by which charts and orbit diagrams tell what an orbit does.

    After ``transient`` steps the growth of a tangent vector is measured over ``steps``; an orbit of which nothing is
    sure by then is measured anew, over twice as many steps each time, until ``max_steps`` are used up.

    Args:
        transient: steps before anything is measured, at least 100 of which turn the tangent vector.
        steps: of the first measurement. The error of a chaotic exponent falls as 1 / sqrt(steps).
        max_steps: of all measurements of one orbit; near a bifurcation orbits settle slowly.
        max_period: the longest cycle that is told from an aperiodic orbit.
        tolerance: a cycle counts as reached within this, in units of max(u_i, |h_i|): |F^k(h) - h| / (1 - rho^k), rho
            the measured contraction per step, bounds how far it still is; and no shorter return is nearer than ten
            times that.
        exponent_tolerance: an exponent within this of 0 counts as 0; chaos is ten times above it, and three errors.
        wraps: pairs (coordinate, length): coordinates that are angles and are the same a length further on, such as
            (0, 1.0) for a lift of a circle map.

    Raises:
        ValueError: for budgets, tolerances or lengths that are not positive.
    """

    transient: Size = 1000
    steps: Size = 1000
    max_steps: Size = 8_000
    max_period: Size = 64
    tolerance: float = 1e-6
    exponent_tolerance: float = 1e-4
    wraps: Annotated[Sequence[tuple[int, float]], CheckedInside()] = ()

    def __post_init__(self) -> None:
        names = ("transient", "steps", "max_steps", "max_period", "tolerance", "exponent_tolerance")
        require_positive(**{name: getattr(self, name) for name in names})
        if self.steps < _LEAST:
            raise ArgumentError("steps", f"must be {_LEAST} or more, to have errors, got {self.steps}")
        if self.max_steps < self.steps:
            raise ArgumentError("max_steps", f"must be {self.steps} or more, as steps are, got {self.max_steps}")
        try:
            pairs = tuple((int(place), float(length)) for place, length in self.wraps)
        except (TypeError, ValueError) as error:
            raise ArgumentError("wraps", f"must be pairs (coordinate, length), got {self.wraps!r}"[:200]) from error
        for place, length in pairs:
            if place < 0 or not 0 < length < float("inf"):
                raise ArgumentError("wraps", f"must be coordinates from 0 and positive lengths, got {place, length}")
        object.__setattr__(self, "wraps", pairs)

    def lengths(self, n: int) -> Tensor:
        """After which length each of n coordinates is the same again, [n]; infinite where it never is."""
        lengths = torch.full((n,), torch.inf, dtype=torch.float64)
        for place, length in self.wraps:
            if place >= n:
                raise ArgumentError("watch.wraps", f"must name coordinates below {n}, got {place}")
            lengths[place] = length
        return lengths


def distances(differences: Tensor, states: Tensor, units: Tensor, lengths: Tensor) -> Tensor:
    """The largest |d_i| / max(u_i, |h_i|) of differences d at states h [..., n]; of angles |d_i| / length modulo 1."""
    angles = lengths.isfinite()
    share = differences / lengths
    wrapped = (share - share.round()).abs()
    plain = differences.abs() / torch.maximum(states.abs(), units)
    return torch.where(angles, wrapped, plain).nan_to_num(nan=torch.inf).amax(dim=-1)
