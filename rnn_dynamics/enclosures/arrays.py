"""What a node of a traced step holds: numbers as they are, or balls with the slopes that they have by the state."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import torch
from flint import arb, arb_mat
from torch import Tensor

Slope: TypeAlias = dict[int, arb] | None
"""The derivative of one number: a combination of rows of a ``Tape``, by their numbers; None for a constant."""

Row: TypeAlias = list[arb]

Truth: TypeAlias = bool | None
"""What a comparison comes to; None where a ball lies on both its sides."""

Entry: TypeAlias = Any
"""An ``arb`` or, of a comparison, a ``Truth``: what arrays of objects hold."""


class Balls:
    """An array of balls or truths, ``entries``, and of their slopes; None where none depends on the state."""

    def __init__(self, entries: np.ndarray, slopes: np.ndarray | None = None) -> None:
        self.entries = entries
        self.slopes = slopes

    @classmethod
    def of(cls, entries: Sequence[Entry], slopes: Sequence[Slope] | None, shape: Sequence[int]) -> "Balls":
        depends = slopes is not None and any(slopes)
        return cls(_array(entries, shape), _array(slopes, shape) if slopes is not None and depends else None)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.entries.shape

    def flat(self) -> list[Entry]:
        return self.entries.ravel().tolist()

    def flat_slopes(self) -> list[Slope]:
        return [None] * self.entries.size if self.slopes is None else self.slopes.ravel().tolist()

    @property
    def transposed(self) -> "Balls":
        return Balls(self.entries.T, None if self.slopes is None else self.slopes.T)

    @cached_property
    def matrix(self) -> arb_mat:
        """Of an array [r, c]."""
        rows, columns = self.shape
        return arb_mat(rows, columns, self.flat())

    @cached_property
    def rows(self) -> list[Row]:
        return self.entries.tolist()


class Constant:
    """A tensor of a traced step that is the same for all states: its numbers are exact."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor.detach().cpu()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @cached_property
    def balls(self) -> Balls:
        numbers = self.tensor.flatten().tolist()
        return Balls.of(numbers if self.tensor.dtype is torch.bool else list(map(arb, numbers)), None, self.shape)

    @cached_property
    def transposed(self) -> "Constant":
        return Constant(self.tensor.T)

    @property
    def matrix(self) -> arb_mat:
        return self.balls.matrix

    @property
    def rows(self) -> list[Row]:
        return self.balls.rows


Array: TypeAlias = Balls | Constant


def balls_of(operand: Array | arb | float | bool) -> Balls:
    """An operand of any kind as balls; a Python number is the dyadic number that it is."""
    if isinstance(operand, Balls):
        return operand
    if isinstance(operand, Constant):
        return operand.balls
    return Balls.of([operand if isinstance(operand, bool) else arb(operand)], None, ())


def _array(items: Sequence[Entry], shape: Sequence[int]) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(shape)
