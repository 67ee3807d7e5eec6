"""A tracker as a callback of Lightning: ``pip install rnn-dynamics[lightning]``."""

from typing import Any

from torch import nn

from ..systems import recurrent_module
from .tracker import AttractorTracker

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError:
    try:
        from pytorch_lightning import Callback, LightningModule, Trainer
    except ImportError as error:
        raise ImportError("AttractorCallback needs Lightning: pip install rnn-dynamics[lightning]") from error


class AttractorCallback(Callback):  # pyright: ignore[reportGeneralTypeIssues]
    """Show a tracker the network before training, every ``tracker.every`` optimiser steps, and at the end.

    At the other steps it takes a copy of the weights, by which it locates events to the step.

    What the training logs to the progress bar or a logger is kept beside each observation:

        trainer = Trainer(callbacks=[AttractorCallback(AttractorTracker(sequences, every=100))])
    """

    def __init__(self, tracker: AttractorTracker, module: str | None = None) -> None:
        """Choose what is tracked.

        Args:
            tracker: holds the history.
            module: the name of the recurrent network within the LightningModule, such as "encoder.rnn"; the only one by
                default.
        """
        super().__init__()
        self.tracker, self.module = tracker, module

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._observe(trainer, pl_module, force=True)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self._observe(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._observe(trainer, pl_module, force=True)

    def _observe(self, trainer: Trainer, pl_module: LightningModule, force: bool = False) -> None:
        step, latest = trainer.global_step, self.tracker.latest_step
        if not trainer.is_global_zero or (latest is not None and step <= latest):
            return  # several batches may make one step, and training may end right after an observation
        network: nn.Module = pl_module if self.module is None else pl_module.get_submodule(self.module)
        # As tensors: they are brought to the host only if the tracker looks.
        self.tracker.observe(step, recurrent_module(network), force=force, **trainer.callback_metrics)  # pyright: ignore[reportArgumentType]
