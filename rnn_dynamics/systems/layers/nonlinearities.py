"""What the units of leaky networks may do to their drive, each with its slope and its range."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor


@dataclass(frozen=True)
class Nonlinearity:
    """An increasing function f of a drive, unit by unit."""

    function: Callable[[Tensor], Tensor]

    slope: Callable[[Tensor], Tensor]
    """f' of the drive."""

    lower: float
    upper: float
    """f lies between these."""

    @property
    def bounded(self) -> bool:
        return self.upper < inf


def _softplus(drive: Tensor) -> Tensor:
    # Torch's own is linear from 20 on, 2e-9 beside ln(1 + e^x), where its slope jumps.
    return torch.logaddexp(drive, torch.zeros_like(drive))


def _sigmoid_slope(drive: Tensor) -> Tensor:
    return drive.sigmoid() * (-drive).sigmoid()


NONLINEARITIES = {
    "tanh": Nonlinearity(torch.tanh, lambda drive: 1.0 - drive.tanh().square(), -1.0, 1.0),
    "relu": Nonlinearity(torch.relu, lambda drive: (drive > 0).to(drive.dtype), 0.0, inf),
    "softplus": Nonlinearity(_softplus, torch.sigmoid, 0.0, inf),
    "sigmoid": Nonlinearity(torch.sigmoid, _sigmoid_slope, 0.0, 1.0),
    "softsign": Nonlinearity(
        lambda drive: drive / (1.0 + drive.abs()), lambda drive: (1.0 + drive.abs()).reciprocal().square(), -1.0, 1.0
    ),
}
"""By name."""
