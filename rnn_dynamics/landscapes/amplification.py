"""How small deviations from a fixed point or cycle grow before they die out."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..systems import AutonomousMap

_LONGEST = 10_000
"""Steps at most: what has not died out by then lasts a hundred times longer than memories of networks do."""


@dataclass(frozen=True, eq=False)
class Growth:
    """What ``transient_growth`` found."""

    reactivity: float
    amplification: float
    steps: int


def reactivity(system: AutonomousMap, orbit: Tensor) -> float:
    """The largest singular value of DF over the states of an orbit [k, n], less 1: how much some deviation grows in one
    step; negative where all shrink.
    """
    return float(torch.linalg.matrix_norm(system.jacobian(orbit), ord=2).max()) - 1


def transient_growth(system: AutonomousMap, orbit: Tensor) -> Growth:
    """Follow max over t >= 0 of |DF^t|_2 along a fixed point or cycle [k, n], from the worst of its phases.

    |DF^(T+t)| <= |DF^T| |DF^t| for every T that is a multiple of the period, so that once |DF^T| <= 1 no later t
    exceeds what was seen by then: the maximum is exact. NaN, with the steps taken, where 10,000 do not suffice.
    """
    jacobians = system.jacobian(orbit)
    period = len(orbit)
    phases = torch.arange(period, device=orbit.device)
    product = torch.eye(orbit.shape[-1], dtype=orbit.dtype, device=orbit.device).expand(period, -1, -1)
    largest, when = 1.0, 0
    for step in range(1, _LONGEST + 1):
        product = jacobians[(phases + step - 1) % period] @ product
        bound = float(torch.linalg.matrix_norm(product).max())  # Frobenius' norm, which is never less and costs nothing
        if bound > largest:
            norm = float(torch.linalg.matrix_norm(product, ord=2).max())
            if norm > largest:
                largest, when = norm, step
        if step % period == 0 and bound <= 1:
            return Growth(reactivity(system, orbit), largest, when)
    return Growth(reactivity(system, orbit), torch.nan, _LONGEST)
