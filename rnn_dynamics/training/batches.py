"""Which sequences a training sees when, and which data these are."""

import hashlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..checks import ArgumentError
from ..tasks import SequenceTask


@lru_cache(maxsize=64)  # each update asks for its part
def epoch_order(n: int, seed: int, epoch: int) -> Tensor:
    """The order [n] of the sequences in an epoch, which follows from the seed and the epoch alone."""
    return torch.from_numpy(np.random.default_rng(np.random.SeedSequence([seed, epoch])).permutation(n))


def draw_seed(seed: int, step: int) -> int:
    """The seed of what a model itself draws at an update, such as dropout."""
    return int(np.random.SeedSequence([seed, step, 1]).generate_state(1, np.uint64)[0]) >> 1


def split_off(task: SequenceTask, validation: SequenceTask | float) -> tuple[SequenceTask, SequenceTask]:
    """The sequences to train on and those to validate on; a share is the same split whatever the seed.

    Raises:
        ValueError: for a share outside (0, 1), too few sequences to split, or a validation task of other sizes.
    """
    if isinstance(validation, SequenceTask):
        sizes = [(part.input_size, part.target_size) for part in (task, validation)]
        if sizes[0] != sizes[1]:
            raise ArgumentError(
                "validation", f"must have the task's (input_size, target_size) = {sizes[0]}, got {sizes[1]}"
            )
        return task, validation
    if isinstance(validation, bool) or not isinstance(validation, int | float) or not 0 < validation < 1:
        raise ArgumentError("validation", f"must be a SequenceTask or a share between 0 and 1, got {validation!r}")
    if len(task) < 2:
        raise ValueError("a task of one sequence cannot be split: give validation= a task of its own")
    order = torch.from_numpy(np.random.default_rng(np.random.SeedSequence(0)).permutation(len(task)))
    held_out = min(len(task) - 1, max(1, round(validation * len(task))))
    return task.select(order[held_out:].sort().values), task.select(order[:held_out].sort().values)


def asked_steps(task: SequenceTask, rows: Tensor | slice) -> int:
    """At how many steps of these sequences an answer is asked: the weight of a mean over them."""
    return int(task.lengths[rows].clamp(max=task.asked).sum())


def means(
    task: SequenceTask, size: int, evaluate: Callable[[slice], tuple[Tensor, list[float]]]
) -> tuple[list[float], list[float]]:
    """Means over the asked steps of a task, of losses [E] and scores that ``evaluate`` gives for ``size`` rows."""
    losses: Tensor | float = 0.0
    scores: list[float] = []
    asked = 0
    for first in range(0, len(task), size):
        rows = slice(first, first + size)
        weight = asked_steps(task, rows)
        own_losses, own_scores = evaluate(rows)
        losses = losses + weight * own_losses
        before = scores or [0.0] * len(own_scores)
        scores = [total + weight * score for total, score in zip(before, own_scores, strict=True)]
        asked += weight
    assert isinstance(losses, Tensor)  # a task has sequences
    return (losses / asked).tolist(), [total / asked for total in scores]


def fingerprint(task: SequenceTask) -> str:
    """A digest of all that a training sees of a task."""
    digest = hashlib.sha256(f"{type(task).__name__} {task.asked} {task.target_size}".encode())
    for tensor in (task.inputs, task.targets, task.lengths):
        array = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()
