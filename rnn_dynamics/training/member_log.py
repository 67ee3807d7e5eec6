"""What is known of one member of a training so far."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch

from .members import Moments, Weights
from .training_results import Training

PER_UPDATE = ("losses", "gradient_norms")
PER_EPOCH = ("train_losses", "validation_losses", "validation_scores")


@dataclass
class MemberLog:
    """A member's history, its best weights, and how it ended, if it did."""

    seed: int
    best: Weights
    status: str = ""
    """Empty while it is in training."""

    advice: str = ""
    best_epoch: int = -1
    losses: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    epoch_steps: list[int] = field(default_factory=list)
    train_losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    asked: int = 0
    """Answers asked for in the present epoch."""

    asked_loss: float = 0.0
    """The sum of their losses."""

    last: Weights = field(default_factory=dict)
    """When it ended, as are the ``moments``."""

    moments: Moments = field(default_factory=dict)

    def updated(self, loss: float, gradient_norm: float, asked: int) -> None:
        """Take down an update whose batch asked for so many answers."""
        self.losses.append(loss)
        self.gradient_norms.append(gradient_norm)
        self.asked += asked
        self.asked_loss += asked * loss

    def validated(self, loss: float, score: float) -> bool:
        """Take down the end of an epoch; whether its weights are the best so far."""
        self.epoch_steps.append(len(self.losses))
        self.train_losses.append(self.asked_loss / self.asked)
        self.validation_losses.append(loss)
        self.validation_scores.append(score)
        self.asked, self.asked_loss = 0, 0.0
        better = math.isfinite(loss) and (self.best_epoch < 0 or loss < self.validation_losses[self.best_epoch])
        if better:
            self.best_epoch = len(self.validation_losses) - 1
        return better

    def end(self, status: str, advice: str = "") -> None:
        self.status, self.advice = status, advice

    def final(self, present: Weights) -> Weights:
        """What the model ends with: the best weights; ``present`` ones if none were validated and all were finite."""
        return present if self.best_epoch < 0 and self.status != "not finite" else self.best

    def scalars(self) -> dict[str, float]:
        """The latest numbers, for trackers."""
        names = {"loss": self.losses, "validation_loss": self.validation_losses}
        names["validation_score"] = self.validation_scores
        return {name: values[-1] if values else math.nan for name, values in names.items()}

    def result(self, score_name: str, baseline: float) -> Training:
        numbers: dict[str, Any] = {name: _doubles(getattr(self, name)) for name in (*PER_UPDATE, *PER_EPOCH)}
        return Training(
            seed=self.seed,
            epoch_steps=torch.tensor(self.epoch_steps, dtype=torch.int64),
            score_name=score_name,
            baseline=baseline,
            best_epoch=self.best_epoch,
            status=self.status or "running",
            advice=(self.advice,) if self.advice else (),
            **numbers,
        )

    def packed(self) -> dict[str, Any]:
        """All of it as tensors, numbers, strings and dicts."""
        numbers = {name: _doubles(getattr(self, name)) for name in (*PER_UPDATE, *PER_EPOCH)}
        return {**vars(self), **numbers}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> "MemberLog":
        numbers = {name: packed[name].tolist() for name in (*PER_UPDATE, *PER_EPOCH)}
        return cls(**{**packed, **numbers})


def _doubles(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)
