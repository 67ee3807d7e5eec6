"""How much of the training time observing may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..checks import ArgumentError, checked


@checked
class Budget:
    """An account of observing against training time; trackers of one ensemble share one.

    An observation is made if, were it to take as long as the dearer of the last two had to take,

        time spent observing <= share * time spent training.
    """

    def __init__(self, budget: float | None = 0.1) -> None:
        """Open the account.

        Args:
            budget: the share of the training time; None for no limit.

        Raises:
            ValueError: for a share that is not positive.
        """
        if budget is not None and not budget > 0:
            raise ArgumentError("budget", f"must be a positive share of the training time, or None, got {budget}")
        self.share = budget
        self.spent = 0.0
        self._earlier = 0.0  # training time of runs that this one resumes
        self._begin: float | None = None
        self._own = 0.0
        self._last: tuple[float, ...] = ()

    @property
    def training_seconds(self) -> float:
        """Time since the first observation began, but for that spent observing."""
        running = 0.0 if self._begin is None else time.perf_counter() - self._begin - self._own
        return self._earlier + running

    @property
    def allows(self) -> bool:
        """Whether another observation can be afforded."""
        expected = max(self._last, default=0.0)
        return self.left is None or expected <= self.left

    @property
    def left(self) -> float | None:
        """Seconds of observing that can be afforded now, below 0 after too dear a look; None for no limit."""
        return None if self.share is None else self.share * self.training_seconds - self.spent

    @contextmanager
    def charge(self, look: bool = True) -> Iterator[None]:
        """Book the time that the block takes; unless it is a ``look``, the next one is not expected to cost as much."""
        begin = time.perf_counter()
        self._begin = begin if self._begin is None else self._begin
        try:
            yield
        finally:
            seconds = time.perf_counter() - begin
            self.spent += seconds
            self._own += seconds
            self._last = (*self._last[-1:], seconds) if look else self._last

    def spare(self, seconds: float) -> None:
        """Do not expect of the next observation what the last one did only because it could be afforded."""
        if self._last:
            self._last = (*self._last[:-1], self._last[-1] - seconds)

    def resume(self, spent: float, training_seconds: float) -> None:
        """Add what one tracker of an earlier run, now resumed, had spent; its training time is that of all of them."""
        self.spent += spent
        self._earlier = max(self._earlier, training_seconds)
