"""Tasks whose answers are numbers."""

import torch
from torch import Tensor
from torch.nn import functional

from ..checks import ArgumentError, Count, checked
from .base import SequenceTask, last_steps


@checked
class RegressionTask(SequenceTask):
    """A task scored by its mean squared error over the asked steps.

    Targets have mean 0 and variance 1, so that the best constant, 0, has an error of 1. A task whose targets are of
    another kind overrides ``baseline``.
    """

    score_name = "mean squared error"

    def __init__(self, inputs: Tensor, targets: Tensor, lengths: Tensor, *, asked: Count) -> None:
        if targets.ndim != 3 or targets.shape[:2] != inputs.shape[:2]:
            raise ArgumentError("targets", f"must have shape {[*inputs.shape[:2], 'd']}, got {list(targets.shape)}")
        super().__init__(inputs, targets, lengths, target_size=targets.shape[2], asked=asked)
        self.targets = torch.where(last_steps(lengths, targets.shape[1], asked).unsqueeze(-1), targets, 0.0)

    @property
    def baseline(self) -> float:
        return 1.0

    @checked
    def loss(self, outputs: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        asked = self._asked(outputs, lengths)
        if targets.shape != outputs.shape:
            raise ArgumentError("targets", f"must have shape {list(outputs.shape)}, got {list(targets.shape)}")
        return functional.mse_loss(outputs[asked], targets.to(outputs)[asked])

    @checked
    @torch.no_grad()
    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor) -> float:
        return self.loss(outputs, targets, lengths).item()
