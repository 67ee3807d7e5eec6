"""The way through the weights of many checkpoints as one family of maps over the training step."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from ..checks import ArgumentError, ArrayLike, checked
from ..systems import AutonomousMap, DrivenMap
from .interpolation import Interpolation, between


class Through:
    """F(h, t) of the network of training step t, on straight lines from checkpoint to checkpoint; see ``through``."""

    def __init__(self, steps: list[float], legs: list[Interpolation]) -> None:
        self.steps, self._legs = tuple(steps), legs

    def __repr__(self) -> str:
        return f"through {len(self.steps)} checkpoints, steps {self.steps[0]:g} to {self.steps[-1]:g}"

    def __call__(self, t: float, /) -> AutonomousMap:
        leg, s = self._at(t)
        return self._legs[leg](s)

    def derivative(self, states: Tensor, t: float, /) -> Tensor:
        """dF/dt at states [k, n]; at a checkpoint that of the line which begins there."""
        leg, s = self._at(t)
        return self._legs[leg].derivative(states, s) / (self.steps[leg + 1] - self.steps[leg])

    def _at(self, t: float) -> tuple[int, float]:
        """Which line, and where on it from 0 to 1; beyond the ends the first and last lines go on."""
        leg = min(max(bisect_right(self.steps, t) - 1, 0), len(self._legs) - 1)
        return leg, (t - self.steps[leg]) / (self.steps[leg + 1] - self.steps[leg])


@checked
def through(checkpoints: Sequence[tuple[float, nn.Module | DrivenMap]], input: ArrayLike | None = None) -> Through:
    """The family over a training: at each checkpoint's step its very network, between two the line between weights.

    Args:
        checkpoints: (step, module or map) pairs in rising order of steps, two or more, as for ``between``.
        input: [m], held; zeros by default.

    Raises:
        ValueError: for fewer than two checkpoints, steps that do not rise, and networks that ``between`` refuses.
    """
    steps = [float(step) for step, _ in checkpoints]
    if len(steps) < 2 or not all(map(math.isfinite, steps)) or any(a >= b for a, b in pairwise(steps)):
        raise ArgumentError("checkpoints", f"must be two or more, with steps that rise, got steps {steps[:12]}")
    return Through(steps, [between(before, after, input) for (_, before), (_, after) in pairwise(checkpoints)])
