"""What a task is: sequences, their lengths, and an answer asked at each sequence's last steps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import ClassVar, Self, TypeAlias

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from ..checks import ArgumentError, Count, checked

Batch: TypeAlias = tuple[Tensor, Tensor, Tensor]  # inputs [b, T, m], targets, lengths [b]
Rows: TypeAlias = Tensor | Sequence[int] | slice


@checked
class SequenceTask(Dataset[tuple[Tensor, Tensor]], ABC):
    """n sequences, of which sequence i has T_i steps and is asked for an answer at its last ``asked`` steps.

    Step t = 0, 1, ... is asked if T_i - asked <= t < T_i; with ``asked`` >= T_i that is every step. Nothing else that a
    network puts out enters ``loss`` or ``score``.

    A new task extends ``RegressionTask`` or ``ClassificationTask`` and hands its tensors to their ``__init__``, which
    sets to zero what lies after a sequence's end.

    Attributes:
        inputs: [n, T, m] with T = max T_i, zero after each sequence's end.
        targets: of a regression [n, T, target_size], zero where nothing is asked; of a classification labels [n].
        lengths: T_i, int64 [n].
        input_size, target_size: m, and the width of the outputs that ``loss`` takes.
        asked: at how many last steps the answer is asked.
        baseline: the score of the best constant answer, which a network has to beat.
        score_name: what ``score`` is.
    """

    score_name: ClassVar[str]

    def __init__(self, inputs: Tensor, targets: Tensor, lengths: Tensor, *, target_size: int, asked: Count) -> None:
        n = len(lengths)
        if n == 0 or lengths.dtype != torch.int64 or inputs.ndim != 3 or len(inputs) != n or len(targets) != n:
            given = f"{list(inputs.shape)}, {list(targets.shape)} and {lengths.dtype} {list(lengths.shape)}"
            raise ValueError(
                f"inputs [n, T, m], targets or labels, and int64 lengths [n] must agree on n >= 1, got {given}"
            )
        if int(lengths.min()) < 1 or int(lengths.max()) != inputs.shape[1]:
            ends = f"{int(lengths.min())} to {int(lengths.max())}"
            raise ArgumentError("lengths", f"must be at least 1 and the longest T = {inputs.shape[1]}, got {ends}")
        self.inputs = torch.where(last_steps(lengths, inputs.shape[1]).unsqueeze(-1), inputs, 0.0)
        self.targets, self.lengths = targets, lengths
        self.input_size, self.target_size, self.asked = inputs.shape[2], target_size, asked

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Input [T_i, m] and target: [T_i, target_size], or a label []."""
        length, target = int(self.lengths[index]), self.targets[index]
        return self.inputs[index, :length], target[:length] if target.ndim else target

    @property
    def sequences(self) -> Tensor | list[Tensor]:
        """The inputs as ``sample_states`` and ``reachability`` take them: [n, T, m], or [T_i, m] each if T_i differ."""
        if int(self.lengths.min()) == self.inputs.shape[1]:
            return self.inputs
        return [inputs[:length] for inputs, length in zip(self.inputs, self.lengths.tolist(), strict=True)]

    @checked
    def batch(self, rows: Rows) -> Batch:
        """What ``collate`` gives for these rows, by indexing at once: the longest of them ends the batch."""
        rows = self._rows(rows)
        lengths, targets = self.lengths[rows], self.targets[rows]
        time = int(lengths.max())
        return self.inputs[rows][:, :time], targets[:, :time] if targets.ndim > 1 else targets, lengths

    @checked
    def select(self, rows: Rows) -> Self:
        """The same task with only these sequences, for instance to split off a validation set."""
        selected = copy(self)
        selected.inputs, selected.targets, selected.lengths = self.batch(rows)
        return selected

    def _rows(self, rows: Rows) -> Tensor | slice:
        """Rows that there are, one at least."""
        n = len(self)
        if isinstance(rows, slice):
            if not range(n)[rows]:
                raise ArgumentError("rows", "are empty: at least one sequence is needed")
            return rows
        chosen = torch.as_tensor(rows)
        if not chosen.numel():
            raise ArgumentError("rows", "are empty: at least one sequence is needed")
        mask = chosen.dtype is torch.bool and chosen.shape == (n,) and bool(chosen.any())
        whole = chosen.dtype is not torch.bool and not chosen.is_floating_point() and chosen.ndim == 1
        if not mask and not (whole and -n <= int(chosen.min()) and int(chosen.max()) < n):
            given = f"{str(chosen.dtype).removeprefix('torch.')} {list(chosen.shape)}"
            raise ArgumentError(
                "rows", f"must be whole numbers from {-n} to {n - 1}, a mask [{n}] or a slice, got {given}"
            )
        return chosen if mask else chosen.long()

    @staticmethod
    def collate(batch: Sequence[tuple[Tensor, Tensor]]) -> Batch:
        """For ``DataLoader(task, collate_fn=task.collate)``: inputs [b, T, m] padded with zeros, targets, lengths."""
        inputs, targets = zip(*batch, strict=True)
        lengths = torch.tensor([len(input) for input in inputs])
        together = pad_sequence(list(targets), batch_first=True) if targets[0].ndim else torch.stack(targets)
        return pad_sequence(list(inputs), batch_first=True), together, lengths

    @property
    @abstractmethod
    def baseline(self) -> float: ...

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """The mean loss [] over the asked steps of ``outputs`` [b, T, target_size]; ``targets`` as in a batch."""

    @abstractmethod
    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor) -> float:
        """How well ``outputs`` [b, T, target_size] do at the asked steps, in the units of ``baseline``."""

    def _asked(self, outputs: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """The rows and steps of ``outputs`` that are asked for: no mask, which a GPU would have to count."""
        if (
            lengths.ndim != 1
            or lengths.is_floating_point()
            or lengths.dtype is torch.bool
            or not lengths.numel()
            or int(lengths.min()) < 1
        ):
            given = f"{str(lengths.dtype).removeprefix('torch.')} {list(lengths.shape)}"
            raise ArgumentError("lengths", f"must be whole numbers [b] of at least 1, got {given}")
        if not outputs.is_floating_point():
            raise ArgumentError("outputs", f"must be floating-point numbers, got {outputs.dtype}")
        if outputs.ndim != 3 or len(outputs) != len(lengths) or outputs.shape[2] != self.target_size:
            wanted = f"[{len(lengths)}, T, {self.target_size}]"
            raise ArgumentError(
                "outputs", f"must have shape {wanted}, got {list(outputs.shape)} for {len(lengths)} lengths"
            )
        longest = int(lengths.max())
        if longest > outputs.shape[1]:
            raise ArgumentError("outputs", f"must have a step for each of {longest} inputs, got {outputs.shape[1]}")
        asked = last_steps(lengths, outputs.shape[1], self.asked)
        return tuple(index.to(outputs.device) for index in asked.nonzero(as_tuple=True))


def last_steps(lengths: Tensor, time: int, n: int | None = None) -> Tensor:
    """Which of ``time`` steps [b, time] are a sequence's own, or only its last ``n``."""
    steps, ends = torch.arange(time, device=lengths.device), lengths.unsqueeze(-1)
    return steps < ends if n is None else (steps < ends) & (steps >= ends - n)
