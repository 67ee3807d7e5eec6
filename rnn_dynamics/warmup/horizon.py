"""How far ahead each step of warmup looks."""

from dataclasses import dataclass
from typing import Annotated

import torch

from ..checks import MOST, AtLeast, CheckedInside, checked


@checked
@dataclass(frozen=True)
class Horizon:
    """At update s, M ~ U{1, ..., m_s} held steps (or M = m_s), with m_s = min(start + growth s, longest).

    It starts short because states that a single attractor has already drawn together, closer than epsilon, give no
    gradient any more. The defaults are the published ones (arXiv 2106.01001); ``Horizon(start=200, growth=0,
    random=False)`` is a fixed horizon.
    """

    start: Annotated[int, CheckedInside()] = 1
    growth: Annotated[int, CheckedInside()] = 10
    longest: Annotated[int, CheckedInside()] = 200
    random: bool = True

    def __post_init__(self) -> None:
        """Refuse what is no schedule.

        Raises:
            ValueError: unless 1 <= start <= longest and growth >= 0, all whole numbers.
        """
        whole = all(isinstance(value, int) and value <= MOST for value in (self.start, self.growth, self.longest))
        if not whole or self.growth < 0 or not 1 <= self.start <= self.longest:
            raise ValueError(f"Horizon needs whole numbers, 1 <= start <= longest and growth >= 0, got {self}")

    @checked
    def draw(self, step: Annotated[int, AtLeast(0)], generator: torch.Generator) -> int:
        """M at update ``step``."""
        most = min(self.start + self.growth * step, self.longest)
        return int(torch.randint(1, most + 1, (), generator=generator)) if self.random else most
