"""The states of a cycle: how many there are, which comes first, which states are among them."""

import torch
from torch import Tensor

from ..systems import AutonomousMap, ranks, relative


def cycle_states(system: AutonomousMap, state: Tensor, period: int) -> Tensor:
    """The states [period, n] of the cycle through ``state`` [n]."""
    states = [state]
    for _ in range(period - 1):
        states.append(system(states[-1]))
    return torch.stack(states)


def minimal_period(system: AutonomousMap, state: Tensor, period: int, tolerance: float, units: Tensor) -> int:
    """The smallest divisor of ``period`` after which ``state`` [n] is back in every coordinate, to within the tolerance
    times max(u_i, |h_i|).
    """
    current = state
    for step in range(1, period + 1):
        current = system(current)
        if period % step == 0 and relative(current - state, state, units) <= tolerance:
            return step
    return period


def leading_phase(orbit: Tensor, units: Tensor) -> Tensor:
    """A cycle [k, n] from the phase of smallest coordinates on, so that it does not depend on which orbit found it."""
    first = min(range(len(orbit)), key=ranks(orbit, units).__getitem__)
    return orbit.roll(-first, dims=0)


def is_on(orbit: Tensor, state: Tensor, merge_tolerance: float, units: Tensor) -> bool:
    """Whether ``state`` [n] is one of ``orbit`` [k, n] in every coordinate, to the tolerance times max(u_i, |h_i|)."""
    return bool(relative(orbit - state, state, units).min() <= merge_tolerance)
