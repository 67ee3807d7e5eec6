"""Training a model on a task."""

import os
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from ..checks import ArgumentError, CheckedInside, Size, Told, checked, require_positive, whole_number
from ..systems import DEFAULT_MEMORY_BUDGET, recurrent_module
from ..tasks import SequenceTask
from .batches import fingerprint, split_off
from .loop import Loop, Tracker
from .members import Members, OneModel, device_and_dtype, in_mode, own_draws, shapes_of
from .run_folder import RunFolder, kept_in
from .settings import TrainSettings
from .stacked import StackedModels, require_alike
from .training_results import Training


@checked
@torch.inference_mode(mode=False)  # a caller may be within inference_mode(), whose tensors cannot be trained
def train(
    model: nn.Module,
    task: SequenceTask,
    *,
    validation: SequenceTask | float = 0.2,
    settings: TrainSettings | None = None,
    seed: int = 0,
    tracker: Tracker | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    snapshot_every: Size | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: bool | None = None,
) -> Training:
    """Train a model on a task, in place, by Adam; it ends with the weights of the lowest validation loss.

    Each epoch goes through all sequences in a new order, a smaller remainder included, and then validates. Losses and
    scores of an epoch are means over the asked steps, whatever the batches. On the CPU, a run that was killed and is
    resumed ends with the same weights, bit for bit, as one that was not.

    Args:
        model: any module from inputs [b, T, m] to outputs [b, T, d], such as a ``SequenceModel``. It is trained in
            training mode: dropout is live, and its draws follow ``seed``.
        task: what is learnt, m = ``input_size`` and d = ``target_size``.
        validation: a task of its own, or the share of ``task`` to split off, the same for every seed.
        settings: epochs, batches and steps of Adam.
        seed: of the batches and of what the model draws; the weights are the caller's. The global random state is left
            as it was. It is borrowed for each run through the model, as dropout knows no other: trainings in several
            threads take turns there, and a thread of your own that draws meanwhile needs a generator of its own.
        tracker: an ``AttractorTracker`` or its like, shown the recurrent module before training, at every step that is
            a multiple of its ``every``, and at the end; if it has the methods ``record`` and ``flush``, it is given the
            weights of all other updates, by which it locates events to the update. What it keeps is its own: give it a
            folder too, and a resumed run is tracked as one that was not stopped.
        folder: where to keep ``state.pt``, written after each epoch and each minute, and ``seed-S`` with the weights
            ``best.safetensors`` and ``last.safetensors``, and ``history.csv``.
        resume: go on from what is in ``folder``, or begin if it holds nothing yet. ``settings.epochs`` may have grown.
        snapshot_every: also keep the weights of each so many updates, of the first and of the last, in
            ``folder/seed-S/checkpoints``, for ``track_checkpoints``.
        memory_budget: bytes for validating.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The history. If a loss or gradient is not finite, or Ctrl-C is pressed, it ends early and says so in ``status``
        and ``advice``.

    Raises:
        ValueError: for a model and a task that do not fit, settings out of range, a folder that cannot be written or
            holds another training, or a disk that is full; ``folder`` can then be resumed from its last good state.
    """
    seed = whole_number(seed, "seed", 0)
    settings = settings or TrainSettings()
    require_positive(memory_budget=memory_budget)
    run_folder = kept_in(folder, resume, snapshot_every)
    parts = require_task(task, validation)
    require_fitting(model, task)
    require_tracker(tracker, model)
    share = "a task" if isinstance(validation, SequenceTask) else float(validation)  # a NumPy number cannot be resumed
    members = OneModel(model, settings.lr, seed)
    return run_loop(members, [model], [seed], parts, share, settings, [tracker], run_folder, memory_budget, progress)[0]


@checked
@torch.inference_mode(mode=False)
def train_ensemble(
    models: Annotated[Sequence[nn.Module], Told("a list of one SequenceModel or more")],
    task: SequenceTask,
    *,
    seeds: Sequence[Annotated[int, CheckedInside()]] | None = None,
    validation: SequenceTask | float = 0.2,
    settings: TrainSettings | None = None,
    trackers: Sequence[Tracker | None] | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    snapshot_every: Size | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: bool | None = None,
) -> tuple[Training, ...]:
    """Train many models of one architecture on a task in one batched program, in place.

    Each is trained as ``train`` with its own seed would train it, up to rounding: it has its own batches, loss,
    clipping, best weights and end; one that stops early or is not finite leaves the others to go on.

    Args:
        models: ``SequenceModel``s of one architecture, without dropout.
        task, validation, settings, folder, resume, snapshot_every, progress: as in ``train``; ``folder`` has a
            ``seed-S`` for each.
        seeds: one for each model, all different; 0, 1, ... by default.
        trackers: one for each model, or None; let them share one ``Budget``.
        memory_budget: bytes for the activations of an update: models are taken in groups that fit.

    Returns:
        The history of each, in the order of ``models``.

    Raises:
        ValueError: as in ``train``, and for models that differ, share weights or have dropout, or seeds and trackers
            that are not one for each.
    """
    alike = require_alike(models)
    numbers = [whole_number(seed, "each seed", 0) for seed in (range(len(alike)) if seeds is None else seeds)]
    shown: list[Tracker | None] = [None] * len(alike) if trackers is None else list(trackers)
    if len(numbers) != len(alike) or len(set(numbers)) < len(numbers):
        raise ArgumentError("seeds", f"must be {len(alike)} different numbers, one for each model, got {numbers}")
    if len(shown) != len(alike):
        raise ArgumentError("trackers", f"must be {len(alike)}, one for each model, got {len(shown)}")
    settings = settings or TrainSettings()
    require_positive(memory_budget=memory_budget)
    run_folder = kept_in(folder, resume, snapshot_every)
    parts = require_task(task, validation)
    require_fitting(alike[0], task)
    for tracker, model in zip(shown, alike, strict=True):
        require_tracker(tracker, model)
    share = "a task" if isinstance(validation, SequenceTask) else float(validation)  # a NumPy number cannot be resumed
    members = StackedModels(alike, settings.lr, memory_budget)
    return run_loop(members, list(alike), numbers, parts, share, settings, shown, run_folder, memory_budget, progress)


def require_task(task: SequenceTask, validation: SequenceTask | float) -> tuple[SequenceTask, SequenceTask]:
    """The task to train on and the one to validate on."""
    if not isinstance(task, SequenceTask):
        raise ArgumentError(
            "task", f"must be a SequenceTask, like those of rnn_dynamics.tasks, got {type(task).__name__}"
        )
    return split_off(task, validation)


def require_fitting(model: nn.Module, task: SequenceTask) -> None:
    """Try a model on one sequence of a task, in evaluation mode."""
    if not isinstance(model, nn.Module):
        raise ArgumentError("model", f"must be a torch module, got {type(model).__name__}")
    device, dtype = device_and_dtype(model)
    for name, weight in model.named_parameters():
        if not bool(weight.isfinite().all()):
            raise ValueError(f"{name} of the model must be finite, but holds NaN or infinite entries")
    inputs, targets, lengths = task.batch([0])
    try:
        with torch.enable_grad(), in_mode(model, training=False), own_draws(0, device):
            outputs = model(inputs.to(device, dtype))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ArgumentError("model", f"does not take the task's inputs {list(inputs.shape)}: {what}") from error
    wanted = [1, inputs.shape[1], task.target_size]
    if not isinstance(outputs, Tensor) or list(outputs.shape) != wanted:
        got = list(outputs.shape) if isinstance(outputs, Tensor) else f"a {type(outputs).__name__}"
        raise ArgumentError(
            "model",
            f"must take inputs {list(inputs.shape)} to outputs {wanted}, got {got}: "
            f"SequenceModel(recurrent, {task.target_size}) puts a readout on a recurrent module",
        )
    if not outputs.requires_grad:
        raise ValueError("model's outputs do not depend on any weight that requires a gradient")
    task.loss(outputs.detach(), targets, lengths)


def require_tracker(tracker: Tracker | None, model: nn.Module) -> None:
    """Refuse a tracker that cannot look at the model."""
    if tracker is None:
        return
    if not callable(getattr(tracker, "observe", None)):
        raise ArgumentError(
            "tracker", f"must have a method observe, like AttractorTracker, got {type(tracker).__name__}"
        )
    whole_number(getattr(tracker, "every", None), "tracker.every", 1)
    recurrent_module(model)


def run_loop(
    members: Members,
    models: list[nn.Module],
    seeds: list[int],
    parts: tuple[SequenceTask, SequenceTask],
    validation: str | float,
    settings: TrainSettings,
    trackers: list[Tracker | None],
    folder: RunFolder | None,
    memory_budget: int,
    progress: bool | None,
) -> tuple[Training, ...]:
    """Train members, from the start or from what ``folder`` holds."""
    identity: dict[str, Any] = {
        **settings.deciding(),
        "seeds": list(seeds),
        "validation": validation,
        "training data": fingerprint(parts[0]),
        "validation data": fingerprint(parts[1]),
        "weights": shapes_of(models[0]),
    }
    state = None
    if folder is not None and (state := folder.begin()) is not None:
        folder.require_same(state["identity"], identity, state["epoch"], settings.epochs, "epochs")
    loop = Loop(members, models, seeds, *parts, settings, trackers, folder, memory_budget, identity)
    if state is not None:
        loop.resume(state)
    return loop.run(progress)
