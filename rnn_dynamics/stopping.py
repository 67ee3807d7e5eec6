"""When work is to stop and keep what it has: on Ctrl-C, or once its time is over.

What can keep a part of its result does its work ``with stoppable() as stop``, and tells by ``stop`` that it is a part.
All work around it is stopped too, and ends at its next ``go_on()``; of a time limit only what the limit is for.
"""

import time
import weakref
from threading import local
from types import TracebackType
from typing import Literal, Self


class _OutOfTime(KeyboardInterrupt):
    """The time of a ``limited`` work is over: what is within it ends as it does on Ctrl-C."""

    def __init__(self, work: "stoppable") -> None:
        super().__init__("the time is over")
        self.work = work


class stoppable:  # called as a function is
    """Work that ends early and keeps what it has; true once it was stopped."""

    def __init__(self) -> None:
        self._end: float | None = None
        self._cause: KeyboardInterrupt | None = None

    def __bool__(self) -> bool:
        return self._cause is not None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C stopped it, and not the time."""
        return self._cause is not None and not isinstance(self._cause, _OutOfTime)

    def __enter__(self) -> Self:
        _here.works.append(weakref.ref(self))
        _here.timed |= self._end is not None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        around = _open()
        around = around[: around.index(self) + 1]
        _here.works[:] = [weakref.ref(work) for work in around[:-1]]
        _here.timed = any(work._end is not None for work in around[:-1])
        if not isinstance(error, KeyboardInterrupt):
            return False
        for work in reversed(around):
            work._cause = work._cause or error.with_traceback(None)
            if isinstance(error, _OutOfTime) and work is error.work:
                break
        return True


class limited(stoppable):  # called as a function is
    """Work of parts that keep what they have, each stopped once a time is over; what none of them keeps is lost."""

    def __init__(self, seconds: float | None) -> None:
        """Begin the time; None is no limit."""
        super().__init__()
        self._end = None if seconds is None else time.monotonic() + seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        super().__exit__(kind, error, trace)
        return False


def go_on() -> None:
    """End the innermost work here if what it consists of was stopped, but not at its own limit."""
    for work in _open()[-1:]:
        if work._cause is not None and getattr(work._cause, "work", None) is not work:
            raise work._cause


def look_at_the_clock() -> None:
    """End the innermost work here, once, if the time of one around it is over, which goes on with what was kept."""
    if not _here.timed:  # it is asked at every step of a map
        return
    for work in _open()[:-1]:
        if work._end is not None and not work and time.monotonic() > work._end:
            raise _OutOfTime(work)


class _Works(local):
    """The works of this thread, outermost first; weakly, so that one that an exception left open is forgotten."""

    def __init__(self) -> None:
        self.works: list[weakref.ref[stoppable]] = []
        self.timed = False


_here = _Works()


def _open() -> list[stoppable]:
    return [work for one in _here.works if (work := one()) is not None]
