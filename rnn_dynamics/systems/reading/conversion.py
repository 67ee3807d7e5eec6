"""Weights of other libraries, put under torch's names and into its order of gates."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_TORCH = {"RNN": "n", "GRU": "rzn", "GRU-reset-before": "rzn", "LSTM": "ifgo"}
"""A letter for each block of rows, as in the layers."""


@dataclass(frozen=True)
class Gates:
    """How a library orders the blocks of rows of its weights."""

    library: str
    orders: Mapping[str, str]
    """By cell, in the letters of the layers."""

    def ours(self, cell: str, weight: Tensor) -> Tensor:
        """A weight [gates n, ...] of theirs in torch's order.

        Raises:
            ValueError: if its rows are not so many blocks.
        """
        order = self.orders[cell.removesuffix("-reset-before")]
        if not weight.ndim or weight.shape[0] % len(order):
            raise ValueError(
                f"a weight of {self.library}'s {cell} must have {len(order)} blocks of rows, got {list(weight.shape)}"
            )
        blocks = dict(zip(order, weight.chunk(len(order)), strict=True))
        return torch.cat([blocks[letter] for letter in _TORCH[cell]])


KERAS = Gates("Keras", {"RNN": "n", "GRU": "zrn", "LSTM": "ifgo"})
ONNX = Gates("ONNX", {"RNN": "n", "GRU": "zrn", "LSTM": "iofg"})
