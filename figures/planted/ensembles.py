"""How an ensemble of the planted figure is made, trained and looked at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import CopyFirstInput, Denoising, FlipFlop, PixelSequences, SequenceTask, digits
from rnn_dynamics.tasks.regression import RegressionTask

from ..runs import Row
from ..training.ensembles import Looker

VARIANTS = ("plain", "warm", "planted", "refined", "parallel")
"""As initialised; the published warmup; planted; planted and refined; two cells side by side, one of them planted."""

TASKS: tuple[str, ...] = ("copy", "bits", "denoising", "digits", "flip-flop")
CELLS = ("GRU", "LSTM", "MGU")
STATES = 32
"""Whose ends are counted."""


@dataclass(frozen=True)
class Case:
    """One ensemble: a task of some length, a cell, one of ``VARIANTS``, and so many seeds."""

    task: str
    length: int
    cell: str
    variant: str
    hidden: int
    seeds: int
    epochs: int
    sequences: int
    horizon: int
    lr: float
    warmup_steps: int

    def __str__(self) -> str:
        return f"{self.task} {self.length}, {self.cell} {self.variant}"


def copy_bits(n: int, length: int, seed: int) -> RegressionTask:
    """Give the first bit at the last step: x_t in {-1, 1}, the answer is x_1."""
    generator = torch.Generator().manual_seed(seed)
    inputs = 2.0 * torch.randint(2, (n, length, 1), generator=generator) - 1.0
    return RegressionTask(inputs, inputs[:, :1].expand_as(inputs), torch.full((n,), length), asked=1)


def tasks_of(case: Case) -> tuple[SequenceTask, SequenceTask, SequenceTask]:
    """For training, validation and test."""
    sizes = list(zip((case.sequences, 500, 1000), (0, 1, 2), strict=True))
    if case.task == "digits":
        (images, labels), held_out = digits()
        most = min(case.sequences, len(labels))
        cut, blank = int(0.85 * most), case.length - images.shape[1]
        parts = (images[:cut], labels[:cut]), (images[cut:most], labels[cut:most]), held_out
        train, validation, test = (PixelSequences.by_row(*part, blank=blank) for part in parts)
        return train, validation, test
    if case.task == "copy":
        train, validation, test = (CopyFirstInput(n, case.length, seed=seed) for n, seed in sizes)
    elif case.task == "bits":
        train, validation, test = (copy_bits(n, case.length, seed) for n, seed in sizes)
    elif case.task == "denoising":
        train, validation, test = (Denoising(n, case.length, seed=seed) for n, seed in sizes)
    else:
        train, validation, test = (FlipFlop(n, case.length, seed=seed) for n, seed in sizes)
    return train, validation, test


class Made(Protocol):
    """What says how a network is made."""

    @property
    def cell(self) -> str: ...
    @property
    def variant(self) -> str: ...
    @property
    def hidden(self) -> int: ...
    @property
    def warmup_steps(self) -> int: ...


def made(case: Made, inputs: Tensor | list[Tensor], seed: int, hold: Tensor | None = None) -> nn.Module:
    """The recurrent module of a case, before any training on the task, made for sequences of inputs [T, m]."""
    both = f"{case.cell}+{case.cell}" if case.variant == "parallel" else case.cell
    module = module_from_spec(f"{both}-{case.hidden}", inputs[0].shape[-1], seed)
    if case.variant == "warm":
        rd.warm_up(module, inputs, case.warmup_steps, seed=seed)
    elif case.variant == "refined":
        rd.warm_up(module, inputs, case.warmup_steps, objective="attractors", seed=seed)
    elif case.variant != "plain":
        units = case.hidden // 2 if case.variant == "parallel" else case.hidden
        rd.plant(module, inputs, blocks=max(1, units // 2), input_scale=0.2, hold=hold, n=2, draws=1, seed=seed)
    return module


def gradient_norms(model: rd.SequenceModel, task: SequenceTask) -> Tensor:
    """|d loss / d h_t| of the mean loss of 64 sequences, for every step t, over the batch: [T]."""
    inputs, targets, lengths = task.batch(slice(0, 64))
    return state_gradients(model, inputs, lambda outputs: task.loss(outputs, targets, lengths))


def state_gradients(model: rd.SequenceModel, inputs: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """|d loss / d h_t| over a batch of inputs [k, T, m], of a loss of outputs [k, T, o]: [T]."""
    network = rd.as_map(model.recurrent)
    state = torch.zeros(len(inputs), network.state_size, requires_grad=True)
    states: list[Tensor] = []
    width = model.readout.in_features
    for input in inputs.transpose(0, 1):
        state = network.step(state, input)
        states.append(state)
    outputs = torch.stack([model.readout(state[:, :width]) for state in states], dim=1)
    return torch.stack([gradient.norm() for gradient in torch.autograd.grad(loss(outputs), states)])


def measure(case: Case) -> list[Row]:
    """Train the ensemble, and look at what it reaches before, half-way and after: a row for each seed."""
    task, validation, test = tasks_of(case)
    models = [
        rd.SequenceModel(made(case, task.inputs[:640], seed), task.target_size, seed=seed) for seed in range(case.seeds)
    ]
    updates = case.epochs * -(-len(task) // 32)
    trackers = [
        rd.AttractorTracker(
            validation,
            every=10**9,
            effort=rd.Effort(n=STATES, horizon=case.horizon, fixed_points=False, settle=rd.Settle(horizon=1e5)),
            budget=None,
            time_limit=60.0,
            seed=seed,
        )
        for seed in range(case.seeds)
    ]
    before = [gradient_norms(model, validation) for model in models]
    looks = frozenset((0, updates // 2, updates))
    runs = rd.train_ensemble(
        models,
        task,
        validation=validation,
        settings=rd.TrainSettings(epochs=case.epochs, lr=case.lr, clip_norm=1.0),
        trackers=[Looker(tracker, model, validation, looks) for tracker, model in zip(trackers, models, strict=True)],
    )
    rows = []
    for run, model, tracker, norms in zip(runs, models, trackers, before, strict=True):
        with torch.no_grad():
            inputs, targets, lengths = test.batch(slice(None))
            score = test.score(model(inputs), targets, lengths)
        history = tracker.history
        rows.append(
            {
                "seed": run.seed,
                "status": run.status,
                "epoch_steps": run.epoch_steps.tolist(),
                "validation_scores": run.validation_scores.tolist(),
                "test_score": score,
                "baseline": test.baseline,
                "score_name": run.score_name,
                "steps": history.steps.tolist(),
                "vaas": history.vaas.tolist(),
                "counts": history.counts.tolist(),
                "kinds": [o.sets.counts for o in history.observations],
                "cut_off": [o.cut_off for o in history.observations],
                "norms_before": norms.tolist(),
                "norms_after": gradient_norms(model, validation).tolist(),
            }
        )
    return rows


def cases(
    tasks: Mapping[str, tuple[int, ...]], cells: Sequence[str], variants: Sequence[str] = VARIANTS, **sizes: float
) -> tuple[Case, ...]:
    """Every combination, task by task."""
    return tuple(
        Case(task, length, cell, variant, **sizes)  # pyright: ignore[reportArgumentType]
        for cell in cells
        for task, lengths in tasks.items()
        for length in lengths
        for variant in variants
    )
