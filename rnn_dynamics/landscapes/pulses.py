"""The smallest pulse of each input that leaves an attractor."""

import torch
from torch import Tensor

from ..systems import HeldMap
from .bisection import first_exits
from .sides import Sides, references

_WIDTH = 1e-6
"""To what share of its size a pulse is bisected."""


def smallest_pulses(sides: Sides, system: HeldMap, count: int, steps: int, largest: float) -> tuple[Tensor, Tensor]:
    """The smallest pulses up and down of each input that leave each of the first attractors, and where they lead.

    For ``steps`` steps the held input b is b + A e_j, or b - A e_j; then b is held again. Of a cycle the phase (of
    circles and chaos one of 16 samples) from which the least A suffices counts.

    Returns:
        Sizes and targets, [count, m, 2]; NaN and -1 where no A up to ``largest`` was seen to leave it.
    """
    m = len(system.input)
    signs = torch.tensor([1.0, -1.0]).to(system.input)
    pulses = (torch.eye(m).to(system.input)[:, None] * signs[:, None]).flatten(0, 1)  # [2 m, m]
    orbits = [references(sides.attractors, row) for row in range(count)]
    attractor = torch.arange(count).repeat_interleave(torch.tensor([len(orbit) for orbit in orbits]))
    begins = torch.cat(orbits).repeat_interleave(2 * m, dim=0)
    which = torch.arange(2 * m).repeat(len(attractor))
    own = attractor.repeat_interleave(2 * m)

    def way(rows: Tensor, shares: Tensor) -> Tensor:
        rows = rows.to(begins.device)
        inputs = system.input + largest * shares.to(begins)[:, None] * pulses[which.to(begins.device)[rows]]
        after = begins[rows]
        for _ in range(steps):
            after = system.network.step(after, inputs)
        return after

    _, high, reached = first_exits(way, own, sides, _WIDTH)
    sizes = torch.full((count, 2 * m), torch.nan, dtype=torch.float64)
    targets = torch.full((count, 2 * m), -1)
    for row in high.argsort(descending=True, stable=True).tolist():  # the least, which counts, comes last
        if bool(high[row].isfinite()):
            sizes[own[row], which[row]], targets[own[row], which[row]] = largest * high[row], reached[row]
    return sizes.view(count, m, 2), targets.view(count, m, 2)
