"""What is known of one agent in training so far."""

from dataclasses import dataclass, field
from typing import Any

import torch

from ..training import Moments, Weights
from ..warmup import Warmup
from .agent_results import AgentTraining
from .playing import History

PER_EPISODE = ("returns",)
PER_UPDATE = ("losses", "gradient_norms")
PER_EVALUATION = ("evaluated_returns", "evaluated_sums", "evaluated_steps", "optimal_fractions")
NUMBERS = (*PER_EPISODE, *PER_UPDATE, *PER_EVALUATION)
COUNTS = ("episode_steps", "episodes")


@dataclass
class AgentLog:
    """An agent's history, the weights of its best evaluation, and how it ended, if it did."""

    seed: int
    best_weights: Weights
    status: str = ""
    """Empty while it is in training."""

    advice: str = ""
    best: int = -1
    returns: list[float] = field(default_factory=list)
    episode_steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    episodes: list[int] = field(default_factory=list)
    evaluated_returns: list[float] = field(default_factory=list)
    evaluated_sums: list[float] = field(default_factory=list)
    evaluated_steps: list[float] = field(default_factory=list)
    optimal_fractions: list[float] = field(default_factory=list)
    last: Weights = field(default_factory=dict)
    """When it ended, as are the ``moments`` and the weights of the ``target`` network."""

    moments: Moments = field(default_factory=dict)
    target: Weights = field(default_factory=dict)

    def played(self, history: History, gamma: float) -> None:
        """Take down an episode to learn from."""
        self.returns.append(history.discounted(gamma))
        self.episode_steps.append(history.steps)

    def updated(self, loss: float, gradient_norm: float) -> None:
        self.losses.append(loss)
        self.gradient_norms.append(gradient_norm)

    def evaluated(self, histories: list[History], gamma: float, optimal: float) -> bool:
        """Take down an evaluation; whether its weights are the best so far, the later of equal ones."""
        returns = [history.discounted(gamma) for history in histories]
        self.episodes.append(len(self.returns))
        self.evaluated_returns.append(_mean(returns))
        self.evaluated_sums.append(_mean([float(history.rewards.sum()) for history in histories]))
        self.evaluated_steps.append(_mean([history.steps for history in histories]))
        reached = [value >= optimal - _ROUNDING * max(1.0, abs(optimal)) for value in returns]
        self.optimal_fractions.append(_mean(reached) if optimal == optimal else optimal)
        better = self.best < 0 or self.evaluated_returns[-1] >= self.evaluated_returns[self.best]
        if better:
            self.best = len(self.episodes) - 1
        return better

    def end(self, status: str, advice: str = "") -> None:
        self.status, self.advice = status, advice

    def scalars(self) -> dict[str, float]:
        """The latest numbers, for trackers."""
        names = {"loss": self.losses, "return": self.returns, "evaluated_return": self.evaluated_returns}
        names["optimal_fraction"] = self.optimal_fractions
        return {name: values[-1] if values else float("nan") for name, values in names.items()}

    def result(self, whole: dict[str, Any], warmup: Warmup | None) -> AgentTraining:
        """The history; ``whole`` has what all agents share: updates, evaluated, gamma, optimal_return."""
        columns: dict[str, Any] = {name: _doubles(getattr(self, name)) for name in NUMBERS}
        columns |= {name: torch.tensor(getattr(self, name), dtype=torch.int64) for name in COUNTS}
        return AgentTraining(
            seed=self.seed,
            since=torch.tensor([0, *self.episodes], dtype=torch.int64)[: len(self.episodes)],
            best=self.best,
            status=self.status or "running",
            warmup=warmup,
            advice=(self.advice,) if self.advice else (),
            **columns,
            **whole,
        )

    def packed(self) -> dict[str, Any]:
        """All of it as tensors, numbers, strings and dicts."""
        return {**vars(self), **{name: _doubles(getattr(self, name)) for name in NUMBERS}}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> "AgentLog":
        return cls(**{**packed, **{name: packed[name].tolist() for name in NUMBERS}})


_ROUNDING = 1e-6
"""Rewards come in single precision."""


def _mean(values: list[Any]) -> float:
    return sum(values) / len(values)


def _doubles(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)
