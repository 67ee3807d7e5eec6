"""Copy the first input: hold one real number for a whole sequence."""

import torch

from ..checks import Count, checked, generator_of
from .arguments import Length, draw_lengths
from .regression import RegressionTask


@checked
class CopyFirstInput(RegressionTask):
    """Give the first input at the last step.

    x_t ~ N(0, 1) for t = 1..T; the answer, asked at step T only, is x_1. A constant does no better than an error of 1.

    Args:
        n: how many sequences.
        length: T, or (min, max) for lengths uniform on {min, ..., max}; x_1 must be held for T - 1 steps. 50 is where
            this project measured the published warmup.
        seed: of lengths and inputs: the same seed gives the same bits. A generator is moved on.

    Raises:
        ValueError: for sizes that are not whole and positive, or a pair that is not (min, max).

    Source: Vecoven et al. 2021, arXiv 2006.05252; Lambrechts et al., arXiv 2106.01001.
    """

    def __init__(self, n: Count, length: Length = 50, *, seed: int | torch.Generator) -> None:
        generator = generator_of(seed)
        lengths = draw_lengths(length, n, 1, generator)
        inputs = torch.randn(n, int(lengths.max()), 1, generator=generator)
        super().__init__(inputs, inputs[:, :1].expand_as(inputs), lengths, asked=1)
