"""The k-th iterate of a map: its fixed points are the cycles whose period divides k."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from .autonomous import AutonomousMap, WrappedMap
from .boxes import Box, NoBox
from .linearization import Linearization

_AT_ONCE = 8 * 2**20
"""Bytes of Jacobians that are made at once: calls are saved until they fill the caches, and not beyond."""


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
        """F^k and its derivative; the phases of few or small states are differentiated at once."""
        at_once = self._at_once(len(states))
        product: Tensor | None = None
        for begin in range(0, self.period, at_once):
            phases = [states]
            for _ in range(min(at_once, self.period - begin) - 1):
                phases.append(self.system(phases[-1]))
            values, linearization = self.system.linearize(torch.cat(phases) if len(phases) > 1 else states)
            for phase in range(len(phases)):
                step = linearization.rows(slice(phase * len(states), (phase + 1) * len(states)))
                product = step.dense() if product is None else step.apply(product)
            states = values[len(values) - len(states) :]
        assert product is not None  # a period is 1 at least
        return states, Linearization([product], [])

    def companions(self, roots: Tensor) -> Tensor:
        """The other phases of their cycles."""
        images = [roots]
        for _ in range(self.period - 1):
            images.append(self.system(images[-1]))
        return torch.stack(images)[1:]

    def phases(self, states: Tensor) -> Iterator[Tensor]:
        """The states [p, r, n] that F^k takes states [r, n] through, a few phases at a time."""
        at_once = self._at_once(len(states))
        for begin in range(0, self.period, at_once):
            path = [states]
            for _ in range(min(at_once, self.period - begin)):
                path.append(self.system(path[-1]))
            yield torch.stack(path[:-1])
            states = path[-1]

    def _at_once(self, rows: int) -> int:
        return max(1, min(self.period, _AT_ONCE // max(1, rows * self.system.bytes_per_linearization)))

    @property
    def bytes_per_linearization(self) -> int:
        itemsize = torch.finfo(self.dtype).bits // 8
        return super().bytes_per_linearization + 4 * itemsize * self.state_size**2

    @property
    def box(self) -> Box | NoBox:
        box = super().box
        return box if isinstance(box, NoBox) else replace(box, reason=f"{box.reason}, and so does every iterate")
