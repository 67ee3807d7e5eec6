"""What a training did, update by update and epoch by epoch."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from ..checks import Words
from ..results import evenly
from ..store import storable
from ..tables import Table
from .settings import TrainSettings

if TYPE_CHECKING:
    import pandas as pd


@storable
@dataclass(frozen=True, eq=False)
class Training(
    Table,
    whole=("seed", "losses", "gradient_norms", "score_name", "baseline", "best_epoch", "status", "advice"),
    in_order=True,
):
    """The history of a training; ``len`` counts its whole epochs.

    ``training[-5:]`` is a choice of epochs (see ``tables.Table``); all updates stay.
    """

    _dimensions: ClassVar = dict.fromkeys(("losses", "gradient_norms"), ("update",))

    seed: int
    """Of the order of the batches, and of what the model draws."""

    losses: Tensor
    """Of each update's batch, before the update, [steps]."""

    gradient_norms: Tensor
    """Norm of the whole gradient, before any clipping, [steps]."""

    epoch_steps: Tensor
    """Updates made by the end of each epoch, [epochs]."""

    train_losses: Tensor
    """Mean over the epoch's batches while they were trained on, [epochs]."""

    validation_losses: Tensor
    """At the end of each epoch, [epochs]."""

    validation_scores: Tensor
    """At the end of each epoch, in the units of ``baseline``, [epochs]."""

    score_name: str
    """What the score is: "accuracy", "mean squared error"."""

    baseline: float
    """The validation score of the best constant answer."""

    best_epoch: int
    """Index of the epoch with the lowest validation loss, whose weights the model has; -1 if there is none."""

    status: str
    """"finished", "stopped early", "interrupted" (Ctrl-C) or "not finite": see ``advice``."""

    advice: tuple[str, ...] = ()  # pyright: ignore[reportIncompatibleMethodOverride]
    """What to do, if it did not finish."""

    @property
    def finished(self) -> bool:
        """Whether it ended as asked for: after all epochs, or early for want of a better validation loss."""
        return self.status in ("finished", "stopped early")

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it: training may go on from its folder."""
        return self.status == "interrupted"

    def to_pandas(self) -> "pd.DataFrame":
        """One row per epoch."""
        import pandas as pd

        return pd.DataFrame(
            {
                "step": self.epoch_steps.numpy(),
                "train_loss": self.train_losses.numpy(),
                "validation_loss": self.validation_losses.numpy(),
                "validation_score": self.validation_scores.numpy(),
            },
            index=pd.RangeIndex(len(self), name="epoch"),
        )

    def _of_a_choice(self, rows: list[int], /) -> dict[str, Any]:
        return {"best_epoch": rows.index(self.best_epoch) if self.best_epoch in rows else -1}

    def told(self, settings: TrainSettings, words: Words) -> "Training":
        """The same, its advice with arguments in other words."""
        advice = training_advice(self.status, len(self.losses), settings, words)
        return replace(self, advice=(advice,) if advice else ())

    def summary(self) -> str:
        """One line."""
        steps = len(self.losses)
        head = f"training, seed {self.seed}, {self._counted('epoch')} of {steps} updates ({self.status})"
        if self.best_epoch < 0:
            none = "no epoch was validated" if self.chosen_from is None else "the best epoch is not among them"
            return f"{head}: {none}"
        score = float(self.validation_scores[self.best_epoch])
        loss = float(self.validation_losses[self.best_epoch])
        return (
            f"{head}: {self.score_name} {score:.3g} (baseline {self.baseline:.3g}), validation loss {loss:.3g} "
            f"at epoch {self.best_epoch}"
        )

    def _shown(self) -> "pd.DataFrame":
        return evenly(self.to_pandas())


def training_advice(status: str, updates: int, settings: TrainSettings, words: Words | None = None) -> str:
    """What to do about a training that ended so after so many updates, with its arguments in ``words``."""
    words = words or Words()
    if status == "interrupted":
        return (
            "Ctrl-C: the model has its best weights, or its last ones if no epoch had ended; "
            f"{words.setting('resume', True)} goes on from its folder."
        )
    if status != "not finite":
        return ""
    return (
        f"The loss, its gradient or the validation loss was not finite after {updates} updates: try "
        f"{words.lower('clip_norm', settings.clip_norm, 1.0)}, or {words.lower('lr', settings.lr)}. The model has its "
        "best weights, or its first ones if no epoch had ended."
    )
