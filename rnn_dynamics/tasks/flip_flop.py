"""The n-bit flip-flop: remember the sign of the last pulse on each channel."""

import torch
from torch import Tensor

from ..checks import Count, Share, Size, checked, generator_of, require_positive
from .arguments import Length, draw_lengths
from .regression import RegressionTask


@checked
def flip_flop(
    n_sequences: Size, length: Size, bits: Size = 3, pulse_rate: Share = 0.2, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Pulses and the memory that they write, y_t = the last nonzero x on the same channel up to t.

    Args:
        n_sequences, length, bits: sizes.
        pulse_rate: chance of a pulse, +1 or -1, per channel and step. Every channel gets one at the first step, so that
            its target is defined throughout.
        generator: the source of randomness.

    Returns:
        Inputs in {-1, 0, 1} and targets in {-1, 1}, both [n_sequences, length, bits].

    Source: Sussillo and Barak 2013, doi:10.1162/NECO_a_00409.
    """
    require_positive(n_sequences=n_sequences, length=length, bits=bits)
    shape = (n_sequences, length, bits)
    pulsed = torch.rand(shape, generator=generator) < pulse_rate
    pulsed[:, 0] = True
    signs = torch.randint(0, 2, shape, generator=generator).mul(2).sub(1).float()
    times = torch.arange(length).view(1, -1, 1)
    last = torch.where(pulsed, times, 0).cummax(dim=1).values
    return torch.where(pulsed, signs, 0.0), signs.gather(1, last)


@checked
class FlipFlop(RegressionTask):
    """Give, at every step and on every channel, the sign of the last pulse: ``flip_flop`` as a data set.

    x_t in {-1, 0, 1}, pulses of either sign equally likely; y_t = the last nonzero x up to t on the same channel. A
    constant does no better than an error of 1.

    Args:
        n: how many sequences.
        length: T, or (min, max) for lengths uniform on {min, ..., max}.
        bits: channels, each a memory of its own. 3 as published.
        pulse_rate: chance of a pulse per channel and step; every channel gets one at the first step.
        seed: of lengths and pulses: the same seed gives the same bits. A generator is moved on.

    Raises:
        ValueError: for sizes that are not whole and positive, or a rate outside [0, 1].

    Source: Sussillo and Barak 2013, doi:10.1162/NECO_a_00409.
    """

    def __init__(
        self, n: Count, length: Length, bits: Count = 3, pulse_rate: Share = 0.2, *, seed: int | torch.Generator
    ) -> None:
        generator = generator_of(seed)
        lengths = draw_lengths(length, n, 1, generator)
        time = int(lengths.max())
        inputs, targets = flip_flop(n, time, bits, pulse_rate, generator=generator)
        super().__init__(inputs, targets, lengths, asked=time)
