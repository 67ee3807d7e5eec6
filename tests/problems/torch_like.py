"""Networks and starts as FixedPointFinder's users have them: torch modules that hold three bits, and NumPy."""

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from trained import trained

from rnn_dynamics.fixed_point_finder import FixedPointFinder, FixedPoints

NO_PULSE = np.zeros((1, 3))


@cache
def network(name: str) -> tuple[nn.RNNBase, np.ndarray]:
    """A trained network, and what its forward pass returns as states, [batch, time, units]."""
    flip_flop = trained(name, 0)
    with torch.no_grad():
        hidden, _ = flip_flop.module(flip_flop.test_inputs[:64].transpose(0, 1))
    return flip_flop.module, hidden.transpose(0, 1).numpy()


@cache
def found(name: str, n: int = 256) -> tuple[FixedPoints, FixedPoints]:
    """The example's search of that network."""
    module, hidden = network(name)
    finder = FixedPointFinder(module, verbose=False)
    return finder.find_fixed_points(finder.sample_states(hidden, n, noise_scale=0.5), NO_PULSE)


def line(input: Tensor, state: Tensor) -> tuple[None, Tensor]:
    """Every state on the first axis is a fixed point."""
    return None, state * torch.tensor([1.0, 0.5]) + 0 * input


def ghost(input: Tensor, state: Tensor) -> tuple[None, Tensor]:
    """No fixed point, but a passage at 0 of speed 0.001: q = 5e-7."""
    return None, state + 1e-3 + state.square() + 0 * input
