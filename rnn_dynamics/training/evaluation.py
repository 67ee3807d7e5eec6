"""How well a model does on a task."""

import torch
from torch import nn

from ..checks import whole_number
from ..tasks import SequenceTask
from .batches import asked_steps
from .members import device_and_dtype


def evaluate(model: nn.Module, task: SequenceTask, *, batch_size: int = 512) -> tuple[float, float]:
    """The mean loss and score of a model over all asked steps of a task, in evaluation mode.

    Args:
        model: from inputs [b, T, m] to outputs [b, T, d].
        task: its sequences are taken in batches.
        batch_size: which changes the memory that it takes and nothing else.

    Returns:
        Loss and score; both are means over the asked steps, whatever the batches.

    Raises:
        ValueError: for outputs that do not fit the task.
    """
    size = whole_number(batch_size, "batch_size", 1)
    device, dtype = device_and_dtype(model)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    loss = score = 0.0
    asked = 0
    try:
        with torch.no_grad():
            for first in range(0, len(task), size):
                rows = slice(first, first + size)
                inputs, targets, lengths = task.batch(rows)
                outputs = model(inputs.to(device, dtype))
                weight = asked_steps(task, rows)
                loss += weight * float(task.loss(outputs, targets, lengths))
                score += weight * task.score(outputs, targets, lengths)
                asked += weight
    finally:
        for module, mode in modes.items():
            module.training = mode
    return loss / asked, score / asked
