"""Networks of a sweep: made, warmed up, trained on a task, and asked what they reach."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch

from ..attractors import Settle
from ..cells import CELL_NAMES, Specification, module_from_spec
from ..checks import ArgumentError, AtLeast, CheckedInside, Count, OrInfinite, Positive, checked, whole_number
from ..files import replacing
from ..multistability import horizons_up_to, reachability
from ..systems import as_map
from ..tasks import TASK_NAMES, TASK_OPTIONS, NamedTask, task_by_name
from ..training import SequenceModel, Training, TrainSettings, evaluate, train, train_ensemble
from ..warmup import warm_up
from .cases import Row
from .functions import nearest

_TOGETHER = {"GRU": 128, "nBRC": 64}
"""Up to how many units ten networks were measured to train faster together on a CPU, 1.4 to 3.8 times; LSTMs 1.3."""

_PACKED = 10

_SETTLE = Settle(horizon=1e5)
"""Drifts are followed for 100,000 steps, as the figures of trainings do."""


@checked
@dataclass(frozen=True)
class TrainedNetworks:
    """What a plan computes that names no function: networks trained on a task, with what they reach before and after.

    Called, it returns a row for each seed: ``test_score`` of the weights of the best epoch on other sequences, what the
    ``score`` is, and the ``baseline`` that the best constant answer has; ``test_loss``, ``validation_loss``,
    ``updates``, and how the ``training`` ended; the published ``vaa``, the number of ``attractors`` that the task's
    inputs reach and the share of the starts that ``settled``; and these three before training, after any warmup.

    Args:
        cell: RNN, LSTM, GRU, MGU, BRC, nBRC, leaky, Dale, minGRU, minLSTM or chrono, in any case.
        task: copy, denoising, flip-flop, rows, pixels or permuted, as of ``rnn-dynamics train``.
        warmup: "plain" for none, "warm" as published, "parallel" of the first of two cells side by side.
        length: steps of a sequence; the task's own by default.
        seed: of weights, warmup and batches; several are trained together. The data are always the same.
        hidden: units of a layer.
        layers: how many.
        t_max: of chrono cells.
        pad, bits, blank, sequences, data: of tasks, as of ``rnn-dynamics train``.
        epochs, batch_size, lr, clip_norm, patience: of ``TrainSettings``.
        warmup_steps: updates of the warmup.
        n: states of the published measure, which depends on it.
        horizon: steps of the published measure; 0 leaves out everything about what is reached.
        device: where to train.

    Raises:
        ValueError: for names that there are not, and options of other tasks.
    """

    cell: Annotated[str, CheckedInside()] = "GRU"
    task: Annotated[str, CheckedInside()] = "copy"
    warmup: Literal["plain", "warm", "parallel"] = "plain"
    length: Count | None = None
    seed: Annotated[int | Sequence[int], CheckedInside()] = 0
    hidden: Count = 64
    layers: Count = 1
    t_max: Annotated[float, Positive()] = 600.0
    pad: Annotated[int, AtLeast(0)] | None = None
    bits: Count | None = None
    blank: Annotated[int, AtLeast(0)] | None = None
    sequences: Annotated[int, AtLeast(2)] | None = None
    data: str | None = None
    epochs: Count = 10
    batch_size: Count = 32
    lr: Annotated[float, Positive()] = 1e-3
    clip_norm: Annotated[float, OrInfinite(), Positive()] | None = 1.0
    patience: Count | None = None
    warmup_steps: Count = 100
    n: Annotated[int, AtLeast(2)] = 32
    horizon: Annotated[int, AtLeast(0)] = 10_000
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.task not in TASK_NAMES:
            raise ArgumentError("task", f"must be one by name, got {self.task!r}{nearest(str(self.task), TASK_NAMES)}")
        for name, tasks in TASK_OPTIONS.items():
            if getattr(self, name) is not None and self.task not in tasks:
                raise ArgumentError(name, f"is for {', '.join(tasks)}, not for {self.task}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ArgumentError("seed", f"must be a whole number, or several that differ, got {self.seed!r}")
        for name in self.cell.split("+") if isinstance(self.cell, str) else [""]:
            if name.lower() not in [known.lower() for known in CELL_NAMES]:
                raise ArgumentError("cell", f"must be one by name, got {self.cell!r}{nearest(name, CELL_NAMES)}")
        self.network  # noqa: B018  # refuses units that cells side by side cannot share

    @property
    def seeds(self) -> list[int]:
        """One or several."""
        several = list(self.seed) if isinstance(self.seed, Sequence) else [self.seed]
        return [whole_number(seed, "seed", 0) for seed in several]

    @property
    def network(self) -> Specification:
        """The network by name."""
        cells = f"{self.cell}+{self.cell}" if self.warmup == "parallel" else self.cell
        return Specification.parse(f"{cells}-{self.hidden}x{self.layers}")

    def __call__(self, folder: Path) -> list[Row]:
        """Train, or go on with what ``folder`` holds, and measure."""
        own = {name: getattr(self, name) for name in TASK_OPTIONS}
        task = task_by_name(self.task, **own | {"data": None if self.data is None else Path(self.data)})
        models = [self._model(task, seed) for seed in self.seeds]
        before = self._before(models, task, folder / "before.json", begun=(folder / "state.pt").exists())
        runs = self._trained(models, task, folder)
        rows = [
            {"seed": seed, **_measures(run, model, task), **self._reached(model, task, seed), **first}
            for seed, run, model, first in zip(self.seeds, runs, models, before, strict=True)
        ]
        (folder / "state.pt").unlink()  # there is nothing to go on with
        (folder / "before.json").unlink()
        return rows

    def _model(self, task: NamedTask, seed: int) -> SequenceModel:
        module = module_from_spec(self.network, task.train.input_size, seed, self.t_max)
        return SequenceModel(module, task.train.target_size, seed=seed).to(self.device)

    def _before(self, models: Sequence[SequenceModel], task: NamedTask, path: Path, *, begun: bool) -> list[Row]:
        """What is reached before training, of networks that are warmed up first; kept, as training is gone on with."""
        if begun:
            return json.loads(path.read_text())
        if self.warmup != "plain":
            for model, seed in zip(models, self.seeds, strict=True):
                warm_up(model.recurrent, task.train, self.warmup_steps, seed=seed)
        reached = [self._reached(model, task, seed) for model, seed in zip(models, self.seeds, strict=True)]
        rows = [{f"{name}_before": value for name, value in row.items()} for row in reached]
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(rows))
        return rows

    def _trained(self, models: Sequence[SequenceModel], task: NamedTask, folder: Path) -> Sequence[Training]:
        settings = TrainSettings(self.epochs, self.batch_size, self.lr, self.clip_norm, self.patience)
        options: dict[str, Any] = {"settings": settings, "folder": folder, "resume": True}
        if len(models) == 1:
            return [train(models[0], task.train, seed=self.seeds[0], **options)]
        return train_ensemble(models, task.train, seeds=self.seeds, **options)

    def _reached(self, model: SequenceModel, task: NamedTask, seed: int) -> Row:
        if not self.horizon:
            return {}
        # Between its pulses the flip-flop has no input: that is where it must remember.
        hold = torch.zeros(task.train.input_size) if self.task == "flip-flop" else None
        horizons = horizons_up_to(self.horizon)
        network = as_map(model.recurrent)
        reach = reachability(network, task.train, hold, n=self.n, horizons=horizons, seed=seed, settle=_SETTLE)
        return {"vaa": reach.vaa, "attractors": reach.count, "settled": reach.outcomes.get("settled", 0.0)}


def seeds_together(parameters: Mapping[str, Any]) -> int:
    """How many seeds to train in one program, where that is known to be faster; else 1."""
    if parameters.get("device", "cpu") != "cpu":
        return 1
    names = {name.lower(): most for name, most in _TOGETHER.items()}
    most = names.get(str(parameters.get("cell", TrainedNetworks.cell)).lower(), 0)
    hidden = parameters.get("hidden", TrainedNetworks.hidden)
    return _PACKED if isinstance(hidden, int) and hidden <= most else 1


def _measures(run: Training, model: SequenceModel, task: NamedTask) -> Row:
    loss, score = evaluate(model, task.test)
    best = run.best_epoch
    return {
        "test_score": score,
        "score": run.score_name,
        "baseline": task.test.baseline,
        "test_loss": loss,
        "validation_loss": float(run.validation_losses[best]) if best >= 0 else float("nan"),
        "updates": len(run.losses),
        "training": run.status,
    }
