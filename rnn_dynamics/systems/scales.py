"""What counts as large and small in each coordinate of a state: its own size, never that of the whole state."""

import torch
from torch import Tensor

from .autonomous import AutonomousMap
from .boxes import Box

_TYPICAL = 0.75
"""A coordinate's unit is the upper quartile of its absolute values: a few starts far out do not set it."""

_OF_BOX = 1e-3
"""Starts crowded at one place do not make the unit smaller than this share of the box."""


@torch.no_grad()
def units_of(system: AutonomousMap, states: Tensor) -> Tensor:
    """The unit of each coordinate, [n], positive: the size below which its values are taken as near zero.

    From the ``states`` [k, n] that an analysis starts from; for coordinates that are zero in them from the system's
    box, or else from where one step takes them; 1 where all of this is zero.
    """
    units = _typical(states)
    box = system.box
    if isinstance(box, Box):
        half = ((box.upper - box.lower) / 2).to(units)
        # The cells of an LSTM may have a box that is wider than any state by far.
        units = torch.maximum(units, _OF_BOX * torch.minimum(half, half.median()).nan_to_num(posinf=0.0))
    if (units == 0).any():
        units = torch.where(units > 0, units, _typical(system(states)))
    return torch.where(units > 0, units, 1.0)


def sizes(states: Tensor, units: Tensor) -> Tensor:
    """max(unit_i, |h_i|) of states [..., n]: what a difference in coordinate i is compared with."""
    return torch.maximum(states.abs(), units)


def relative(differences: Tensor, states: Tensor, units: Tensor) -> Tensor:
    """The largest |d_i| / max(unit_i, |h_i|) of differences [..., n] at states [..., n], [...]; NaN is infinite."""
    return (differences.abs() / sizes(states, units)).nan_to_num(nan=torch.inf).amax(dim=-1)


def _typical(states: Tensor) -> Tensor:
    """The upper quartile of |h_i| over the rows, the maximum where that is zero."""
    size = states.abs().nan_to_num(nan=0.0, posinf=0.0)
    rank = min(len(size) - 1, int(_TYPICAL * len(size)))
    quartile = size.sort(dim=0).values[rank]
    return torch.where(quartile > 0, quartile, size.amax(dim=0))
