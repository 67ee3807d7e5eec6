"""Denoising: pick the marked values out of noise, hold them, and give them in order."""

from typing import Annotated

import torch
from torch import Tensor

from ..checks import ArgumentError, AtLeast, Count, checked, generator_of
from .arguments import Length, draw_lengths
from .regression import RegressionTask


@checked
class Denoising(RegressionTask):
    """Give the marked values, in order, over the last steps.

    Channel 0 holds x ~ N(0, 1), channel 1 marks: +1 at ``marks`` distinct steps, -1 at the cue, 0 elsewhere. With k =
    ``marks`` the cue stands at index T - k, counted from 0, which is the first of the last k steps: there the first
    marked value is asked for, at index T - k + j the j-th after it. From the cue on, channel 0 is 0: nothing but memory
    answers. Marks fall, each set equally likely, on the first T - max(pad, k) steps: before the last ``pad`` steps and
    before the cue, which therefore overwrites none of them, whatever ``pad`` is.

    Args:
        n: how many sequences.
        length: T, or (min, max) for lengths uniform on {min, ..., max}.
        pad: no mark falls on the last ``pad`` steps. Values up to ``marks`` mean the same, since the answers take up
            that much; larger ones make every value be held for longer.
        marks: how many values are to be given; 5 as published.
        seed: of lengths, values and marks: the same seed gives the same bits. A generator is moved on.

    Raises:
        ValueError: for sizes that are not whole, or where the shortest sequence has fewer free steps than marks.

    Source: Vecoven et al. 2021, arXiv 2006.05252; Lambrechts et al., arXiv 2106.01001.
    """

    def __init__(
        self,
        n: Count,
        length: Length = 100,
        pad: Annotated[int, AtLeast(0)] = 5,
        *,
        marks: Count = 5,
        seed: int | torch.Generator,
    ) -> None:
        generator, tail = generator_of(seed), max(pad, marks)
        lengths = draw_lengths(length, n, 1, generator)
        shortest = length[0] if isinstance(length, tuple) else length
        if shortest < marks + tail:
            free = f"length {shortest} leaves {max(shortest - tail, 0)} steps before the last max(pad, marks) = {tail}"
            raise ArgumentError(
                "length", f"must be at least marks + max(pad, marks) = {marks + tail}: {free} for {marks} marks"
            )
        values = torch.randn(n, int(lengths.max()), generator=generator)
        marked = _distinct_steps(lengths - tail, values.shape[1], marks, generator)
        answers = lengths.unsqueeze(-1) - marks + torch.arange(marks)
        targets = torch.zeros_like(values).scatter(1, answers, values.gather(1, marked))
        cues = torch.zeros_like(values).scatter(1, marked, 1.0).scatter(1, answers[:, :1], -1.0)
        inputs = torch.stack((values.scatter(1, answers, 0.0), cues), dim=-1)
        super().__init__(inputs, targets.unsqueeze(-1), lengths, asked=marks)


def _distinct_steps(free: Tensor, time: int, k: int, generator: torch.Generator) -> Tensor:
    """Steps [n, k], rising, drawn without replacement from each row's first ``free`` [n] of ``time`` steps."""
    # The places of the k largest of independent keys are a uniform draw without replacement.
    keys = torch.rand(len(free), time, generator=generator)
    keys = keys.where(torch.arange(time) < free.unsqueeze(-1), -1.0)
    return keys.topk(k, dim=1).indices.sort(dim=1).values
