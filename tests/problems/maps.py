"""Maps without inputs, and drawn states."""

from collections.abc import Callable

import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.systems import HeldMap


def held(
    step: Callable[[Tensor], Tensor], n: int, *, box: float | None = None, dtype: torch.dtype = torch.float64
) -> HeldMap:
    """H' = step(h) of n units; ``box`` is the half-width of a cube that it maps into itself."""
    bounds = None if box is None else (torch.full((n,), -box), torch.full((n,), box))
    return rd.as_map(lambda state, _: step(state), state_size=n, input_size=0, box=bounds).hold(dtype=dtype)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers that depend on the seed alone."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
