"""A map that stops whatever analyses it once a time is over."""

import time

from torch import Tensor

from ..systems import AutonomousMap, Linearization, Pushforward, WrappedMap


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


class TimedMap(WrappedMap):
    """A map that looks at the clock whenever it is evaluated."""

    def __init__(self, system: AutonomousMap, clock: Clock) -> None:
        super().__init__(system)
        self.clock = clock

    def __call__(self, states: Tensor) -> Tensor:
        self.clock.check()
        return self.system(states)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        self.clock.check()
        return self.system.linearize(states)

    def pushforward(self, states: Tensor, vectors: int) -> Pushforward:
        self.clock.check()
        return self.system.pushforward(states, vectors)

    def input_jacobian(self, states: Tensor) -> Tensor | None:
        return self.system.input_jacobian(states)

    def ungated(self) -> "TimedMap":
        return TimedMap(self.system.ungated(), self.clock)
