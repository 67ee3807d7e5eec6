"""What the training figures share: how an ensemble is trained, and what is measured of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput, Denoising, PixelSequences, SequenceTask, digits

from ..runs import Row

VARIANTS = ("plain", "warm", "parallel")
T_MAX = 600


@dataclass(frozen=True)
class Case:
    """One ensemble: a task, a cell, one of ``VARIANTS``, and so many seeds."""

    task: str
    length: int
    blank: int
    cell: str
    hidden: int
    variant: str
    seeds: int
    epochs: int
    sequences: int
    horizon: int
    observe_every: int
    """Updates; 0 for the first and the last only."""

    warmup_steps: int = 100

    def __str__(self) -> str:
        return f"{self.cell} {self.variant}, {self.task} {self.length}"


class Looker:
    """A tracker that looks at given updates, and validates there itself."""

    def __init__(
        self, tracker: rd.AttractorTracker, model: nn.Module, validation: SequenceTask, looks: frozenset[int]
    ) -> None:
        self._tracker, self._model, self._looks = tracker, model, looks
        self._batch, self._loss = validation.batch(slice(None)), validation.loss
        self.every = math.gcd(*looks)

    def observe(self, step: int, module: nn.Module, *, force: bool = False, **scalars: float) -> None:
        """Look, if this is one of the updates."""
        if force or step in self._looks:
            inputs, targets, lengths = self._batch
            with torch.no_grad():
                error = float(self._loss(self._model(inputs), targets, lengths))
            self._tracker.observe(step, module, force=True, **{**scalars, "validation_loss": error})


def tasks_of(case: Case) -> tuple[SequenceTask, SequenceTask, SequenceTask]:
    """For training, validation and test."""
    if case.task == "copy":
        sizes = zip((case.sequences, 1000, 2000), (0, 1, 2), strict=True)
        train, validation, test = (CopyFirstInput(n, case.length, seed=seed) for n, seed in sizes)
    elif case.task == "denoising":
        sizes = zip((case.sequences, 1000, 2000), (0, 1, 2), strict=True)
        train, validation, test = (Denoising(n, case.length, seed=seed) for n, seed in sizes)
    else:
        readers = {
            "rows": PixelSequences.by_row,
            "pixels": PixelSequences.by_pixel,
            "permuted": PixelSequences.permuted,
        }
        read = readers[case.task]
        (images, labels), held_out = digits()
        most = min(case.sequences, len(labels))
        cut = int(0.85 * most)
        train, validation = (
            read(images[:cut], labels[:cut], blank=case.blank),
            read(images[cut:most], labels[cut:most], blank=case.blank),
        )
        test = read(*held_out, blank=case.blank)
    return train, validation, test


def measure_ensemble(case: Case, looks: frozenset[int] = frozenset()) -> list[Row]:
    """Train the ensemble and look at what it reaches: a row for each seed.

    Every network is looked at and validated at the updates of ``looks``; at those of the case if there are none.
    """
    task, validation, test = tasks_of(case)
    spec = f"{case.cell}+{case.cell}-{case.hidden}" if case.variant == "parallel" else f"{case.cell}-{case.hidden}"
    models = []
    for seed in range(case.seeds):
        module = module_from_spec(spec, task.input_size, seed, T_MAX)
        if case.variant != "plain":
            rd.warm_up(module, task.inputs[:640], case.warmup_steps, seed=seed)
        models.append(rd.SequenceModel(module, task.target_size, seed=seed))
    every = case.observe_every or 10**9
    trackers = [
        rd.AttractorTracker(
            validation,
            every=every,
            effort=rd.Effort(horizon=case.horizon, fixed_points=False, settle=rd.Settle(horizon=1e5)),
            budget=None,
            time_limit=30.0,
            seed=seed,
        )
        for seed in range(case.seeds)
    ]
    lookers = [Looker(tracker, model, validation, looks) for tracker, model in zip(trackers, models, strict=True)]
    runs = rd.train_ensemble(
        models,
        task,
        validation=validation,
        settings=rd.TrainSettings(epochs=case.epochs, lr=1e-3, clip_norm=1.0),
        trackers=lookers if looks else trackers,
    )
    rows = []
    for run, model, tracker in zip(runs, models, trackers, strict=True):
        with torch.no_grad():
            inputs, targets, lengths = test.batch(slice(None))
            score = test.score(model(inputs), targets, lengths)
        history = tracker.history
        rows.append(
            {
                "seed": run.seed,
                "status": run.status,
                "epoch_steps": run.epoch_steps.tolist(),
                "validation_losses": run.validation_losses.tolist(),
                "validation_scores": run.validation_scores.tolist(),
                "test_score": score,
                "baseline": test.baseline,
                "validation_baseline": validation.baseline,
                "score_name": run.score_name,
                "steps": history.steps.tolist(),
                "seen_losses": history.scalars("validation_loss").tolist(),
                "vaas": history.vaas.tolist(),
                "counts": history.counts.tolist(),
                "kinds": [o.sets.counts for o in history.observations],
                "outcomes": [list(o.outcomes) for o in history.observations],
                "cut_off": [o.cut_off for o in history.observations],
            }
        )
    return rows


def extent(cases: Sequence[Case]) -> str:
    """How much was trained, beside what the paper trains."""
    case = cases[0]
    seeds, hidden = ("/".join(map(str, sorted({getattr(c, name) for c in cases}))) for name in ("seeds", "hidden"))
    updates = sorted({c.epochs * -(-len(tasks_of(c)[0]) // 32) for c in cases})
    span = " to ".join(f"{number:,}" for number in dict.fromkeys((updates[0], updates[-1])))
    return (
        f"one layer of {hidden} units, {seeds} seeds, {span} updates of 32 sequences, Adam at 1e-3, gradients clipped "
        f"at 1; VAA of n = 32 states after {case.horizon:,} steps under one held input; drifts followed for 100,000 "
        "steps. The paper trains 2 layers of 256 units for 75,000 updates: this is far smaller."
    )
