"""The weights at two looks and at the steps known between them, as a polygon of maps."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..families import Interpolation, named_weights
from ..systems import AutonomousMap, DrivenMap, HeldMap
from .passages import Line


class WeightPath:
    """From the weights of one look through those known since to those of the next; numbered from 0."""

    def __init__(
        self,
        before: tuple[int, DrivenMap],
        between: Sequence[tuple[int, list[Tensor]]],
        after: tuple[int, DrivenMap],
        input: Tensor,
    ) -> None:
        """Put the path together; ``before`` and ``after`` are steps with frozen networks of one architecture."""
        first, self._network = named_weights(before[1], "before")
        last = named_weights(after[1], "after")[0]
        corners = [(before[0], list(first.values())), *between, (after[0], list(last.values()))]
        shapes = [weight.shape for weight in first.values()]
        # Whoever changes the shape of a module on the way loses the weights, and not the look.
        corners = [corner for corner in corners if [weight.shape for weight in corner[1]] == shapes]
        self.steps = [step for step, _ in corners]
        self._weights = [weights for _, weights in corners]
        self.input = input
        self._straights: dict[tuple[int, int], float] = {}
        self._lengths = [
            math.sqrt(self._product(index + 1, index, index + 1, index)) for index in range(len(corners) - 1)
        ]

    def family(self, first: int, last: int) -> Line:
        """The maps on the straight line from one corner to another."""
        return Line(Interpolation(self._at(first), self._at(last), self._network, self.input, "between two updates"))

    def system(self, corner: int) -> AutonomousMap:
        """The map at a corner."""
        return HeldMap(self._network(self._at(corner)), self.input)

    def length(self, first: int, last: int) -> float:
        """Of the path between two corners."""
        return sum(self._lengths[first:last])

    def straight(self, first: int, last: int) -> float:
        """From one corner to another."""
        if (first, last) not in self._straights:
            self._straights[first, last] = math.sqrt(self._product(last, first, last, first))
        return self._straights[first, last]

    def farthest(self, first: int, last: int) -> int:
        """The corner between two others that lies farthest from their straight line; of equal ones the middle one."""
        straight = self._product(last, first, last, first)
        distances = []
        for corner in range(first + 1, last):
            along = self._product(corner, first, last, first)
            away = self._product(corner, first, corner, first)
            share = min(max(along / straight, 0.0), 1.0) if straight > 0 else 0.0
            distances.append(max(away - 2 * share * along + share * share * straight, 0.0))  # but for rounding
        most = max(distances) * (1 - 1e-9)
        middle = 0.5 * (last - first) - 1
        best = min((i for i, far in enumerate(distances) if far >= most), key=lambda i: abs(i - middle))
        return first + 1 + best

    def _at(self, corner: int) -> list[Tensor]:
        return [weight.to(self.input.device, torch.float64) for weight in self._weights[corner]]

    def _product(self, a: int, b: int, c: int, d: int) -> float:
        """(W_a - W_b) . (W_c - W_d)."""
        total = torch.zeros((), dtype=torch.float64, device=self.input.device)
        for one, two, three, four in zip(*(self._at(corner) for corner in (a, b, c, d)), strict=True):
            total += ((one - two) * (three - four)).sum()
        return float(total)
