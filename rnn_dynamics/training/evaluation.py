"""How well a model does on a task."""

import torch
from torch import Tensor, nn

from ..checks import ArgumentError, Size, checked, whole_number
from ..tasks import SequenceTask
from .batches import means
from .members import device_and_dtype, in_mode


@checked
def evaluate(model: nn.Module, task: SequenceTask, *, batch_size: Size = 512) -> tuple[float, float]:
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

    def evaluated(rows: slice) -> tuple[Tensor, list[float]]:
        inputs, targets, lengths = task.batch(rows)
        try:
            outputs = model(inputs.to(device, dtype))
        except RuntimeError as error:
            raise ArgumentError("model", f"must take the task's inputs {list(inputs.shape)}: {error}") from error
        return task.loss(outputs, targets, lengths).double().unsqueeze(0), [task.score(outputs, targets, lengths)]

    with torch.no_grad(), in_mode(model, training=False):
        (loss,), (score,) = means(task, size, evaluated)
    return loss, score
