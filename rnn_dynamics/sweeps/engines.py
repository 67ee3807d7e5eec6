"""Engines: who computes jobs. Each yields what became of them, in whatever order; the files are the truth."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeAlias

from ..progress import sign_of_life
from .computing import Job, Outcome, compute

Answer: TypeAlias = tuple[Job, Outcome]
Answers: TypeAlias = Generator[Answer, None, None]

_GLANCE = 0.5
"""Seconds between two looks at the bar and at the workers while nothing is done."""


class Engine(Protocol):
    """Runs a round of jobs; what it could not run it gives back as lost or not begun."""

    def run(self, jobs: Sequence[Job]) -> Answers:
        """Compute them, each once at most."""
        ...


class Serial:
    """The process that sweeps, one job after the other."""

    def run(self, jobs: Sequence[Job]) -> Answers:
        """Compute them in order."""
        return ((job, compute(job)) for job in jobs)


class Submitting:
    """Whatever takes a function and gives a future: executors of ``concurrent.futures`` and their like."""

    def __init__(self, submit: Callable[[Job], Any], alive: Callable[[], bool] = lambda: True) -> None:
        self._submit, self._alive = submit, alive

    @classmethod
    def to(cls, executor: Executor) -> "Submitting":
        """An executor; one that breaks is not used again."""
        return cls(lambda job: executor.submit(compute, job))

    def run(self, jobs: Sequence[Job]) -> Answers:
        """Submit all at once, so that a cluster that grows with its queue does."""
        ended: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        open_jobs: dict[int, tuple[Job, Any]] = {}
        try:
            for number, job in enumerate(jobs):
                try:
                    future = self._submit(job)
                except Exception as error:  # whatever it raises that is shut, broken or without its scheduler
                    yield job, Outcome("not begun", f"{type(error).__name__}: {error}")
                    continue
                open_jobs[number] = job, future
                future.add_done_callback(lambda future, number=number: ended.put((number, future)))
            while open_jobs:
                try:
                    number, future = ended.get(timeout=_GLANCE)
                except Empty:
                    sign_of_life()
                    if not self._alive():
                        break
                    continue
                if number in open_jobs:
                    job, _ = open_jobs.pop(number)
                    yield job, _outcome(future)
            yield from ((job, Outcome("not begun", "its scheduler was lost")) for job, _ in open_jobs.values())
            open_jobs.clear()
        finally:
            for _, future in open_jobs.values():
                future.cancel()


def _outcome(future: Any) -> Outcome:
    """Of a future that has ended.

    Raises:
        ValueError: if its worker could not even begin, which no other will be able to either.
    """
    try:
        return future.result()
    except (CancelledError, BrokenExecutor) as error:
        return Outcome("not begun", f"{type(error).__name__}: {error}".rstrip(": "))
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "KilledWorker" in kinds:
            return Outcome("lost", str(error))
        if kinds & {"FutureCancelledError", "CommClosedError"}:
            return Outcome("not begun", str(error))
        raise ValueError(f"a worker could not begin: {type(error).__name__}: {error}") from error
