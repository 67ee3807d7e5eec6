"""What counts as large and small in each coordinate of a state: its own size, never that of the whole state."""

import scipy
import torch
from torch import Tensor

from .autonomous import AutonomousMap
from .boxes import Box

_TYPICAL = 0.75
"""A coordinate's unit follows the upper quartile of its absolute values: a few starts far out do not set it."""

_ROUNDED = 64.0
"""Units are powers of 64, and 1 for all that lies between 1/8 and 8: what counts as zero depends on the order of
magnitude of the starts, not on which they are, and is the same for all networks whose units fire between -1 and 1. To
divide by them loses no digit."""

_OF_BOX = 1 / 64
"""Starts crowded at one place do not make the unit smaller than this share of the box."""


_NOTHING, _SMALL = 1e-11, 1e-2
"""Of a few fixed points all of whose coordinates are below the first, Newton's method tells no more than that they are
0; below the second they say that the map is small. Larger ones may grow to 1 within a walk."""

_LARGE = 3e3
"""A walk sees what is of size 1 beside coordinates up to this, whose unit is therefore 1."""


@torch.no_grad()
def units_of(system: AutonomousMap, states: Tensor) -> Tensor:
    """The unit u_i of each coordinate, [n], positive: below it, values are as good as zero.

    From the ``states`` [k, n] that an analysis starts from; for coordinates that are zero in all of them from the
    system's box, or else that of the other coordinates, 1 if there is none, or what one step makes of them if that is
    more.
    """
    units = _typical(states)
    box = system.box
    if isinstance(box, Box):
        half = ((box.upper - box.lower) / 2).to(units)
        # The cells of an LSTM may have a box that is wider than any state by far. They are half of all coordinates, and
        # torch's median is the lower of the two in the middle, as it should be here: that of the outputs.
        units = torch.maximum(units, _OF_BOX * torch.minimum(half, half.median()).nan_to_num(posinf=0.0))
    if (units == 0).any():
        known = units[units > 0]
        least = known.median() if len(known) else units.new_ones(())
        units = torch.where(units > 0, units, torch.maximum(_typical(system(states)), least))
    return _rounded(units)


@torch.no_grad()
def walk_units(system: AutonomousMap, states: Tensor, sampled: bool = False) -> Tensor:
    """The units [n] in which branches through ``states`` [k, n] are walked: those of ``units_of``, but not too small.

    Units are 1 for coordinates up to 3,000, beside which what is of size 1 is seen, and larger for larger ones. A walk
    goes far from where it sets out, so that a coordinate which is small there says little: no unit is below 1,
    or half the box where that is less. Of a map without a box none is below 1, or the largest coordinate of all states
    where that is less than 0.01; unless these are many, ``sampled`` all over, and tell themselves what is small.
    """
    box, largest = system.box, states.abs().max()
    if not sampled and largest <= _NOTHING:
        states = torch.zeros_like(states)
    units, typical = units_of(system, states), _typical(states)
    units = torch.where((typical > 0) & (typical <= _LARGE), units.clamp(max=1.0), units)
    if isinstance(box, Box):
        half = ((box.upper - box.lower) / 2).to(units)
        return torch.maximum(units, _rounded(torch.minimum(half, half.median()).nan_to_num(nan=1.0).clamp(max=1.0)))
    if sampled:
        return units
    small = _NOTHING < largest < _SMALL
    return torch.maximum(units, _rounded(largest) if small else torch.ones_like(largest))


def balancing_units(matrix: Tensor) -> Tensor:
    """The units u [n] in which rows and columns of a Jacobian, J_ij u_j / u_i, are of one order of magnitude.

    They tell coordinates apart where states do not, as at a fixed point 0; 1 for most (LAPACK's gebal, rounded).
    """
    _, (scale, _) = scipy.linalg.matrix_balance(matrix.cpu().numpy(), permute=False, separate=True)
    return _rounded(torch.from_numpy(scale).to(matrix))


def sizes(states: Tensor, units: Tensor) -> Tensor:
    """s_i = max(u_i, |h_i|) of states [..., n]: what a difference in coordinate i is compared with."""
    return torch.maximum(states.abs(), units)


def relative(differences: Tensor, states: Tensor, units: Tensor) -> Tensor:
    """The largest |d_i| / s_i of differences [..., n] at states [..., n], [...]; NaN is infinite."""
    return (differences.abs() / sizes(states, units)).nan_to_num(nan=torch.inf).amax(dim=-1)


def scaled_norm(differences: Tensor, states: Tensor, units: Tensor) -> Tensor:
    """|d / s|_2 of differences [..., n] at states [..., n], [...]; NaN is infinite."""
    return (differences / sizes(states, units)).norm(dim=-1).nan_to_num(nan=torch.inf)


def apart(state: Tensor, others: Tensor, units: Tensor) -> Tensor:
    """Distances |h' - h| / max(1, |h|) of states h' [..., n] from one h [n], both in units [n]: [...]."""
    units = units.to(state)
    return ((others - state) / units).norm(dim=-1) / (state / units).norm().clamp(min=1.0)


def warped(states: Tensor, units: Tensor) -> Tensor:
    """y_i = asinh(h_i / u_i) of states [..., n]: differences of y are |d_i| / u_i below a unit, |d_i| / |h_i| above."""
    return (states / units).asinh()


def ranks(states: Tensor, units: Tensor) -> list[list[float]]:
    """Keys by which states [k, n] are sorted by their coordinates, the same whatever the last digits are."""
    return [[round(y, 6) for y in row] for row in warped(states, units).tolist()]


def _rounded(sizes: Tensor) -> Tensor:
    """The nearest powers of 64, by their ratio."""
    log = sizes.double().log() / torch.tensor(_ROUNDED, dtype=torch.float64).log()
    return (_ROUNDED ** log.round()).to(sizes.dtype)


def _typical(states: Tensor) -> Tensor:
    """The upper quartile of |h_i| over the rows, the maximum where that is zero."""
    size = states.abs().nan_to_num(nan=0.0, posinf=0.0)
    if not len(size):
        return size.new_zeros(size.shape[1])
    rank = min(len(size) - 1, int(_TYPICAL * len(size)))
    quartile = size.sort(dim=0).values[rank]
    return torch.where(quartile > 0, quartile, size.amax(dim=0))
