"""The weights of a network since the last look, as many as a memory budget takes."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..store import storable

DEFAULT_PATH_BUDGET = 64 * 2**20
"""Bytes: every update of 26 for the published 2 x 256 units, of thousands for networks of 32 to 64; and 30 trackers of
an ensemble stay below 2 GB."""


@storable
@dataclass(frozen=True, eq=False)
class RecordedWeights:
    """A piece of what a ring was given, as its tracker's folder keeps it."""

    look: int
    """Step of the last look, since which this is."""

    first: int
    """How many records came between that look and this piece."""

    steps: Tensor
    """Of all records in this piece, [r]."""

    stride: int
    """One in so many was kept by then."""

    kept: Tensor
    """Which of them have weights here, counted from the look on, [k]."""

    weights: tuple[tuple[Tensor, ...], ...]
    """Of those, k lists."""


class WeightRing:
    """Weights at the steps since a look.

    When they exceed the budget, every other one is dropped, and from then on only every second (fourth, ...) is kept,
    so that they stay evenly spaced.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.look: int | None = None
        self._steps: list[int] = []  # of all records since the look, kept or not
        self._kept: dict[int, list[Tensor]] = {}
        self._stride = 1
        self._written = 0  # of _steps, in the folder

    def begin(self, look: int) -> None:
        """Forget all, and go on from a look at this step."""
        self.look, self._steps, self._kept, self._stride, self._written = look, [], {}, 1, 0

    @property
    def latest(self) -> int | None:
        """The last step that was recorded, or looked at."""
        return self._steps[-1] if self._steps else self.look

    def add(self, step: int, weights: Iterable[Tensor]) -> None:
        """Take a copy of the weights at a step; a step that was there already begins anew from it."""
        given = list(weights)
        capacity = self.budget // max(1, sum(weight.numel() * weight.element_size() for weight in given))
        self._rewind(step)
        index = len(self._steps) + 1
        self._steps.append(step)
        if capacity and index % self._stride == 0:
            self._kept[index] = [weight.detach().clone() for weight in given]
            while len(self._kept) > capacity:
                self._keep_every(2 * self._stride)

    def between(self, first: int, last: int) -> list[tuple[int, list[Tensor]]]:
        """The (step, weights) that lie between two looks, by rising step; those with NaN are left out."""
        if first != self.look:
            return []
        found = [(self._steps[index - 1], weights) for index, weights in sorted(self._kept.items())]
        return [
            (step, weights)
            for step, weights in found
            if first < step < last and all(bool(weight.isfinite().all()) for weight in weights)
        ]

    def unwritten(self) -> RecordedWeights | None:
        """What came since this was last asked; None if nothing did."""
        if self.look is None or self._written == len(self._steps):
            return None
        first, self._written = self._written, len(self._steps)
        kept = sorted(index for index in self._kept if index > first)
        return RecordedWeights(
            look=self.look,
            first=first,
            steps=torch.tensor(self._steps[first:], dtype=torch.int64),
            stride=self._stride,
            kept=torch.tensor(kept, dtype=torch.int64),
            weights=tuple(tuple(self._kept[index]) for index in kept),
        )

    def restore(self, pieces: Iterable[RecordedWeights]) -> None:
        """Go on from what ``unwritten`` gave, in the order in which it did; a piece that does not follow ends it."""
        for piece in pieces:
            if piece.look != self.look or piece.first > len(self._steps):
                return
            self._drop(piece.first)
            self._steps += piece.steps.tolist()
            self._written = len(self._steps)
            for index, weights in zip(piece.kept.tolist(), piece.weights, strict=True):
                self._kept[index] = list(weights)
            self._keep_every(max(self._stride, piece.stride))

    def _rewind(self, step: int) -> None:
        """A run that goes on from an earlier state takes steps again; their weights are now those of this run."""
        count = len(self._steps)
        while count and self._steps[count - 1] >= step:
            count -= 1
        self._drop(count)

    def _drop(self, count: int) -> None:
        """Keep the first ``count`` records."""
        if count < len(self._steps):
            del self._steps[count:]
            self._kept = {index: weights for index, weights in self._kept.items() if index <= count}
            self._written = min(self._written, count)

    def _keep_every(self, stride: int) -> None:
        self._stride = stride
        self._kept = {index: weights for index, weights in self._kept.items() if index % stride == 0}
