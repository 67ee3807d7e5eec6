"""What the training of an agent did, episode by episode and evaluation by evaluation."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from ..checks import Words
from ..results import evenly
from ..store import storable
from ..tables import Table
from ..warmup import Warmup
from .settings import AgentSettings

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class AgentTraining(
    Table,
    whole=(
        "seed",
        "returns",
        "episode_steps",
        "losses",
        "gradient_norms",
        "updates",
        "evaluated",
        "gamma",
        "optimal_return",
        "best",
        "status",
        "warmup",
        "advice",
    ),
    in_order=True,
):
    """The history of an agent's training; ``len`` counts its evaluations, the first of them before any training.

    ``training[-5:]`` is a choice of evaluations (see ``tables.Table``); all episodes and updates stay.
    """

    _dimensions: ClassVar = {
        **dict.fromkeys(("returns", "episode_steps"), ("episode",)),
        **dict.fromkeys(("losses", "gradient_norms"), ("update",)),
    }

    seed: int
    """Of the episodes and of what is replayed."""

    returns: Tensor
    """Discounted return of each episode that was played to learn from, [episodes]."""

    episode_steps: Tensor
    """Steps of each, [episodes]."""

    losses: Tensor
    """Mean squared temporal difference of each update's batch, before the update, [updates]."""

    gradient_norms: Tensor
    """Norm of the whole gradient, before any clipping, [updates]."""

    episodes: Tensor
    """Episodes played by the time of each evaluation, [evaluations]."""

    since: Tensor
    """Those played by the time of the evaluation before; 0 for the first, [evaluations]."""

    evaluated_returns: Tensor
    """Mean discounted return of the greedy policy, [evaluations]."""

    evaluated_sums: Tensor
    """Mean sum of rewards of the greedy policy, [evaluations]."""

    evaluated_steps: Tensor
    """Mean number of steps of the greedy policy, [evaluations]."""

    optimal_fractions: Tensor
    """Share of an evaluation's episodes that got the optimal return; NaN if nobody knows it, [evaluations]."""

    updates: int
    """After each episode."""

    evaluated: int
    """Episodes in an evaluation."""

    gamma: float
    """The discount of a step's future."""

    optimal_return: float
    """The discounted return of the best policy; NaN if nobody knows it."""

    best: int
    """Number of the evaluation whose weights the model has, the last of those with the highest return; -1 for none."""

    status: str
    """"finished", "interrupted" (Ctrl-C) or "not finite": see ``advice``."""

    warmup: Warmup | None = None
    """What warmup did before the first episode, if it was asked for."""

    advice: tuple[str, ...] = ()  # pyright: ignore[reportIncompatibleMethodOverride]
    """What to do, if it did not finish."""

    @property
    def finished(self) -> bool:
        """Whether all episodes were played."""
        return self.status == "finished"

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it: training may go on from its folder."""
        return self.status == "interrupted"

    @property
    def solved(self) -> bool | None:
        """Whether the model that it left gets the optimal return in every episode of its evaluation; None if nobody
        knows what is optimal.
        """
        if math.isnan(self.optimal_return):
            return None
        return self.best >= 0 and float(self.optimal_fractions[self.best]) == 1.0

    def to_pandas(self) -> "pd.DataFrame":
        """One row per evaluation; return and loss are means since the evaluation before."""
        import pandas as pd

        ends = self.episodes.tolist()
        spans = [slice(before, end) for before, end in zip(self.since.tolist(), ends, strict=True)]
        updates = [slice(span.start * self.updates, span.stop * self.updates) for span in spans]
        return pd.DataFrame(
            {
                "episode": ends,
                "return": [_mean(self.returns[span]) for span in spans],
                "loss": [_mean(self.losses[span]) for span in updates],
                "evaluated_return": self.evaluated_returns.numpy(),
                "evaluated_sum": self.evaluated_sums.numpy(),
                "evaluated_steps": self.evaluated_steps.numpy(),
                "optimal_fraction": self.optimal_fractions.numpy(),
            },
            index=pd.RangeIndex(len(self), name="evaluation"),
        )

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        return {"best": rows.index(self.best) if self.best in rows else -1}

    def told(self, settings: AgentSettings, words: Words) -> "AgentTraining":
        """The same, its advice with arguments in other words."""
        advice = agent_advice(self.status, len(self.losses), settings, words)
        return replace(self, advice=(advice,) if advice else ())

    def summary(self) -> str:
        """One line."""
        head = f"agent, seed {self.seed}, {len(self.returns)} episodes, {len(self.losses)} updates ({self.status})"
        if self.best < 0:
            none = "no evaluation" if self.chosen_from is None else "the best evaluation is not among them"
            return f"{head}: {none}"
        reached = float(self.evaluated_returns[self.best])
        known = "" if math.isnan(self.optimal_return) else f" of {self.optimal_return:.4g}"
        share = float(self.optimal_fractions[self.best])
        runs = "" if math.isnan(share) else f", {share:.0%} of greedy runs optimal"
        at = int(self.episodes[self.best])
        return f"{head}: discounted return {reached:.4g}{known}{runs} after {at} episodes"

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())


def agent_advice(status: str, updates: int, settings: AgentSettings, words: Words | None = None) -> str:
    """What to do about a training that ended so after so many updates, with its arguments in ``words``."""
    words = words or Words()
    if status == "interrupted":
        return (
            "Ctrl-C: the model has the weights of its best evaluation; "
            f"{words.setting('resume', True)} goes on from its folder."
        )
    if status != "not finite":
        return ""
    return (
        f"The loss or its gradient was not finite after {updates} updates: try "
        f"{words.lower('clip_norm', settings.clip_norm, 1.0)}, or {words.lower('lr', settings.lr)}. The model has the "
        "weights of its best evaluation."
    )


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else math.nan
