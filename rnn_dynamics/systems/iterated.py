"""The k-th iterate of a map: its fixed points are the cycles whose period divides k."""

from dataclasses import replace

import torch
from torch import Tensor

from .autonomous import AutonomousMap, WrappedMap
from .boxes import Box, NoBox
from .linearization import Linearization


class IteratedMap(WrappedMap):
    """F^k, differentiated by the chain rule: DF^k(h) = DF(F^(k-1)(h)) ... DF(h)."""

    def __init__(self, system: AutonomousMap, period: int) -> None:
        super().__init__(system)
        self.period = period

    def __repr__(self) -> str:
        return f"{self.system!r}, {self.period} steps at once"

    def __call__(self, states: Tensor) -> Tensor:
        return self.system.iterate(states, self.period)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        states, linearization = self.system.linearize(states)
        product = linearization.dense()
        for _ in range(self.period - 1):
            states, linearization = self.system.linearize(states)
            product = linearization.apply(product)
        return states, Linearization([product], [])

    @property
    def bytes_per_linearization(self) -> int:
        itemsize = torch.finfo(self.dtype).bits // 8
        return super().bytes_per_linearization + 4 * itemsize * self.state_size**2

    @property
    def box(self) -> Box | NoBox:
        box = super().box
        return box if isinstance(box, NoBox) else replace(box, reason=f"{box.reason}, and so does every iterate")
