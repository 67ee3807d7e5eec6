"""How many steps starts take to come near their attractors."""

import torch
from torch import Tensor

from ..attractors import Attractors
from ..systems import AutonomousMap

_NEAR = 1e-3
"""Times max(1, |h|) of the attractor: three digits of a memory are back."""


def arrival_times(system: AutonomousMap, found: Attractors, starts: Tensor, labels: Tensor, longest: int) -> Tensor:
    """For starts [k, n] the first step at which each is within a thousandth of max(1, |h|) of its attractor, [k].

    Of circles, tori and chaos samples are known, and near is within the largest distance from one to the next.
    NaN for starts without an attractor, and where ``longest`` steps do not lead there.
    """
    times = torch.full((len(starts),), torch.nan, dtype=torch.float64)
    for row in range(len(found)):
        mine = (labels == row).nonzero().flatten()
        if not len(mine):
            continue
        orbit = found.orbits[row].to(starts)
        near = _nearness(orbit, periodic=bool(found.periods[row]))
        states, waiting = starts[mine.to(starts.device)], mine
        for step in range(longest + 1):
            arrived = (torch.cdist(states, orbit).amin(dim=1) <= near).cpu()
            times[waiting[arrived]] = float(step)
            states, waiting = states[~arrived.to(states.device)], waiting[~arrived]
            if not len(waiting):
                break
            states = system(states)
    return times


def _nearness(orbit: Tensor, *, periodic: bool) -> float:
    near = _NEAR * max(1.0, float(orbit.norm(dim=-1).max()))
    if periodic or len(orbit) < 2:
        return near
    apart = torch.cdist(orbit, orbit)
    apart.fill_diagonal_(torch.inf)
    return max(near, float(apart.amin(dim=1).max()))
