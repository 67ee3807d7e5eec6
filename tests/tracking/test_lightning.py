"""The tracker as a callback of Lightning."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

import rnn_dynamics as rd
from rnn_dynamics.tasks import CopyFirstInput

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of Lightning's own imports
    pl = pytest.importorskip("lightning.pytorch")
    from rnn_dynamics.tracking.lightning import AttractorCallback

TASK = CopyFirstInput(40, 5, seed=0)


class Module(pl.LightningModule):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.readout = nn.GRU(1, 4, batch_first=True), nn.Linear(4, 1)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        inputs, targets, lengths = batch
        loss = TASK.loss(self.readout(self.rnn(inputs)[0]), targets, lengths)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [None, "rnn"])
def test_it_looks_before_during_and_after(name: str | None, tmp_path: Any) -> None:
    tracker = rd.AttractorTracker(
        TASK, hold=[0.0], every=4, effort=rd.Effort(n=8, horizon=20, searched=16), budget=None
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        trainer = pl.Trainer(
            max_epochs=2,
            callbacks=[AttractorCallback(tracker, name)],
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        trainer.fit(Module(), DataLoader(TASK, batch_size=8, collate_fn=TASK.collate))
    history = tracker.history
    assert history.steps.tolist() == [0, 4, 8, 10]
    assert bool(history.scalars("loss")[1:].isfinite().all())
