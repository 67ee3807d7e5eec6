"""States on which DF jumps, as at the corner of a ReLU: eigenvalues there describe one side of it only."""

import torch
from torch import Tensor

from ..systems import AutonomousMap, IteratedMap, sizes

_NUDGES = (10.0, 0.625)
"""Square roots of the rounding unit, times each coordinate's size, to each side at which DF is compared. From the
farther pair to the nearer one the difference of a smooth DF falls sixteenfold, however it bends; at a kink it stays.
"""

_KEPT = 0.5
"""What must be left of the difference at a kink."""


def on_kink(system: AutonomousMap, states: Tensor, units: Tensor, memory_budget: int) -> Tensor:
    """Whether DF jumps at each of the states [k, n], [k]."""
    if isinstance(system, IteratedMap):  # F^k has a kink where F has one at a phase; differences of F^k would be huge
        flags = torch.zeros(len(states), dtype=torch.bool)
        for _ in range(system.period):
            flags |= on_kink(system.system, states, units, memory_budget)
            states = system.system(states)
        return flags
    generator = torch.Generator().manual_seed(0)
    kinks = [torch.zeros(0, dtype=torch.bool)]
    for part in system.chunks(len(states), memory_budget // 2):
        here = states[part]
        direction = torch.randn(here.shape, generator=generator, dtype=torch.float64).to(here)
        direction *= torch.finfo(here.dtype).eps ** 0.5 * sizes(here, units)
        far, near = (_jump(system, here, nudge * direction) for nudge in _NUDGES)
        visible = far > 0.01 * system.linearize(here)[1].dense().flatten(1).norm(dim=-1).clamp(min=1.0)
        kinks.append((visible & (near > _KEPT * far)).cpu())
    return torch.cat(kinks)


def _jump(system: AutonomousMap, states: Tensor, offset: Tensor) -> Tensor:
    before, after = (system.linearize(states + side * offset)[1].dense() for side in (-1, 1))
    return (after - before).flatten(1).norm(dim=-1)
