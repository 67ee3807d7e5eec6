"""The smallest pulse of each input that leaves an attractor."""

import torch
from torch import Tensor

from ..systems import HeldMap
from .bisection import first_exits
from .sides import Sides, references

_WIDTH = 1e-6
"""To what share of its size a pulse is bisected."""


def smallest_pulses(sides: Sides, system: HeldMap, row: int, steps: int, largest: float) -> tuple[Tensor, Tensor]:
    """The smallest pulses up and down of each input that leave an attractor, [m, 2], and where each leads, [m, 2].

    For ``steps`` steps the held input b is b + A e_j, or b - A e_j; then b is held again. Of a cycle the phase (of
    circles and chaos one of 16 samples) from which the least A suffices counts. NaN and the attractor itself where no
    A up to ``largest`` was seen to leave it.
    """
    states, m = references(sides.attractors, row), len(system.input)
    count = len(states)
    signs = torch.tensor([1.0, -1.0]).to(system.input)
    pulses = (torch.eye(m).to(system.input)[:, None] * signs[:, None]).flatten(0, 1)  # [2 m, m]

    def way(rows: Tensor, shares: Tensor) -> Tensor:
        rows = rows.to(states.device)
        inputs = system.input + largest * shares.to(states)[:, None] * pulses[rows // count]
        after = states[rows % count]
        for _ in range(steps):
            after = system.network.step(after, inputs)
        return after

    own = torch.full((2 * m * count,), row)
    _, high, targets = first_exits(way, own, sides, _WIDTH)
    sizes = largest * high.nan_to_num(nan=torch.inf).view(2 * m, count)
    best = sizes.argmin(dim=1)
    smallest = sizes.gather(1, best[:, None])[:, 0]
    smallest = torch.where(smallest.isinf(), torch.nan, smallest)
    return smallest.view(m, 2), targets.view(2 * m, count).gather(1, best[:, None]).view(m, 2)
