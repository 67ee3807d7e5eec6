"""A map that stops whatever analyses it once a time is over."""

import time

import torch
from torch import Tensor

from ..systems import AutonomousMap, Box, Linearization, NoBox


class OutOfTime(KeyboardInterrupt):
    """The time is over; analyses keep what they have by then, as they do on Ctrl-C."""


class Clock:
    """When the time is over; ``seconds`` None is never."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self.rang = False

    def check(self) -> None:
        """Ring, once: what is found by then is still put together afterwards."""
        if self._end is not None and not self.rang and time.monotonic() > self._end:
            self.rang = True
            raise OutOfTime


class TimedMap(AutonomousMap):
    """A map that looks at the clock whenever it is evaluated."""

    def __init__(self, system: AutonomousMap, clock: Clock) -> None:
        self.system, self.clock = system, clock

    @property
    def state_size(self) -> int:
        return self.system.state_size

    @property
    def dtype(self) -> torch.dtype:
        return self.system.dtype

    @property
    def device(self) -> torch.device:
        return self.system.device

    @property
    def acting(self) -> Tensor | None:
        return self.system.acting

    @property
    def box(self) -> Box | NoBox:
        return self.system.box

    @property
    def bytes_per_linearization(self) -> int:
        return self.system.bytes_per_linearization

    def __call__(self, states: Tensor) -> Tensor:
        self.clock.check()
        return self.system(states)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        self.clock.check()
        return self.system.linearize(states)

    def input_jacobian(self, states: Tensor) -> Tensor | None:
        return self.system.input_jacobian(states)

    def ungated(self) -> "TimedMap":
        return TimedMap(self.system.ungated(), self.clock)
