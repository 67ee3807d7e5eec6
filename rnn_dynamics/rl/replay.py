"""What an agent has seen: whole histories, the oldest of which make room for new ones."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


class Replay:
    """Histories end to end in one table: of an episode of T steps the T + 1 inputs that the network saw.

    An input is [previous action as one-hot, previous reward, observation], so that the inputs tell the actions and the
    rewards too; of the end only whether it was the environment's (terminated) is kept beside.
    """

    def __init__(self, capacity: int, input_size: int, like: Tensor) -> None:
        """Begin empty, for ``capacity`` transitions, on the device and in the dtype of ``like``."""
        self.capacity = capacity
        self.inputs = like.new_empty(0, input_size)
        self.lengths = torch.empty(0, dtype=torch.int64)
        self.terminated = torch.empty(0, dtype=torch.bool)

    def __len__(self) -> int:
        """How many histories there are."""
        return len(self.lengths)

    @property
    def transitions(self) -> int:
        return int(self.lengths.sum()) - len(self)

    def add(self, inputs: Tensor, terminated: bool) -> None:
        """Keep a history [T + 1, m], at most as long as all that fits, and of the oldest ones only what still does."""
        terminated = terminated and len(inputs) - 1 <= self.capacity
        inputs = inputs[: self.capacity + 1]
        steps = self.lengths - 1
        kept = steps.flip(0).cumsum(0).flip(0) + len(inputs) - 1 <= self.capacity
        dropped = int(self.lengths[~kept].sum())
        self.inputs = torch.cat([self.inputs[dropped:], inputs.to(self.inputs)])
        self.lengths = torch.cat([self.lengths[kept], torch.tensor([len(inputs)])])
        self.terminated = torch.cat([self.terminated[kept], torch.tensor([terminated])])

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs [b, T, m] of some histories, zero after their ends, their lengths [b] and whether each terminated."""
        lengths = self.lengths[rows]
        starts = (self.lengths.cumsum(0) - self.lengths)[rows]
        times = torch.arange(int(lengths.max()))
        own = times < lengths.unsqueeze(1)
        index = torch.where(own, starts.unsqueeze(1) + times, 0).to(self.inputs.device)
        inputs = self.inputs[index] * own.unsqueeze(-1).to(self.inputs)
        return inputs, lengths, self.terminated[rows]

    @property
    def sequences(self) -> list[Tensor]:
        """The histories [T + 1, m], for warmup and trackers."""
        return list(self.inputs.split(self.lengths.tolist()))

    def packed(self) -> dict[str, Tensor]:
        return {"inputs": self.inputs, "lengths": self.lengths, "terminated": self.terminated}

    def load(self, packed: dict[str, Any]) -> None:
        """Take back what ``packed`` gave."""
        self.inputs = packed["inputs"].to(self.inputs)
        self.lengths, self.terminated = packed["lengths"], packed["terminated"]


def together(batches: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """The batches of several agents as one: inputs [E, b, T, m], lengths and ends [E, b]."""
    inputs, lengths, terminated = zip(*batches, strict=True)
    padded = pad_sequence([own.transpose(0, 1) for own in inputs], batch_first=True)  # [E, T, b, m]
    return padded.transpose(1, 2), torch.stack(lengths), torch.stack(terminated)
