"""Tasks whose answers are classes."""

import torch
from torch import Tensor
from torch.nn import functional

from ..checks import ArgumentError, Count, checked
from .base import SequenceTask


@checked
class ClassificationTask(SequenceTask):
    """A task with one label a sequence, asked at its last step: trained by cross-entropy, scored by accuracy."""

    score_name = "accuracy"

    def __init__(self, inputs: Tensor, labels: Tensor, lengths: Tensor, *, classes: Count) -> None:
        if labels.ndim != 1 or labels.is_floating_point() or not ((labels >= 0) & (labels < classes)).all():
            given = f"{labels.dtype} {list(labels.shape)}"
            if labels.numel():
                given += f" from {labels.min().item()} to {labels.max().item()}"
            raise ArgumentError("labels", f"must be whole numbers from 0 to {classes - 1} of shape [n], got {given}")
        super().__init__(inputs, labels.long(), lengths, target_size=classes, asked=1)

    @property
    def baseline(self) -> float:
        """The share of the most frequent label."""
        return self.targets.bincount().max().item() / len(self)

    @checked
    def loss(self, outputs: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        return functional.cross_entropy(self._logits(outputs, targets, lengths), targets.long().to(outputs.device))

    @checked
    @torch.no_grad()
    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor) -> float:
        guesses = self._logits(outputs, targets, lengths).argmax(dim=-1)
        return (guesses == targets.to(guesses.device)).double().mean().item()

    def _logits(self, outputs: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        asked = self._asked(outputs, lengths)
        if targets.shape != lengths.shape:
            raise ArgumentError("targets", f"must be labels of shape {list(lengths.shape)}, got {list(targets.shape)}")
        if targets.is_floating_point() or targets.dtype is torch.bool:
            raise ArgumentError("targets", f"must be labels, whole numbers, got {targets.dtype}")
        if int(targets.min()) < 0 or int(targets.max()) >= self.target_size:
            raise ArgumentError(
                "targets", f"must be labels from 0 to {self.target_size - 1}, got {targets.tolist()[:8]}"
            )
        return outputs[asked]
