"""Worker processes of this machine: each is given one job at a time, and replaced if it dies."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from ..progress import sign_of_life
from .computing import Job, Outcome, compute
from .engines import Answer, Answers
from .gpus import see_one

_GLANCE = 0.5
"""Seconds between two looks at the bar while nothing is done."""

_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
"""Never a fork of this process, whose threads (torch has some) would be missing in it."""

_MOST_STILLBORN = 3
"""Workers that may end one after the other before any has begun."""


class Processes:
    """So many processes, which live for one round."""

    def __init__(self, count: int, gpus: tuple[str, ...]) -> None:
        self._count, self._gpus = count, gpus
        self._context = multiprocessing.get_context(_METHOD)
        if _METHOD == "forkserver":
            self._context.set_forkserver_preload(["rnn_dynamics.sweeps"])  # with torch it is imported once

    def run(self, jobs: Sequence[Job]) -> Answers:
        """Give each worker the next job when it has none."""
        waiting = deque(jobs)
        workers = [_Worker(self._context, slot, self._gpus) for slot in range(min(self._count, len(jobs)))]
        stillborn = 0
        try:
            while waiting or any(worker.job for worker in workers):
                for connection in wait([worker.connection for worker in workers], _GLANCE):
                    slot = next(slot for slot, worker in enumerate(workers) if worker.connection is connection)
                    worker = workers[slot]
                    answer = worker.heard()
                    if worker.alive and waiting:
                        worker.give(waiting.popleft())
                    elif not worker.alive:
                        worker.end()
                        stillborn = 0 if worker.ready else stillborn + 1
                        if stillborn == _MOST_STILLBORN:
                            raise ValueError(
                                "workers end before they begin: a script that sweeps with workers must do so under "
                                "if __name__ == '__main__':, as each worker imports it"
                            )
                        workers[slot] = _Worker(self._context, slot, self._gpus)
                    if answer is not None:
                        yield answer
                sign_of_life()
        finally:
            for worker in workers:
                worker.end()


class _Worker:
    """A process and what it is at."""

    def __init__(self, context: Any, slot: int, gpus: tuple[str, ...]) -> None:
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, slot, gpus))
        self._process.start()
        theirs.close()  # so that it reads as closed once the process has ended
        self.job: Job | None = None
        self.alive, self.ready = True, False

    def give(self, job: Job) -> None:
        """Let it compute."""
        self.job = job
        with suppress(OSError):  # it has just died, as reading will tell
            self.connection.send(job)

    def heard(self) -> Answer | None:
        """What became of its job; None of what it says first, and if it dies without any."""
        try:
            said = self.connection.recv()
            self.ready = True
        except (EOFError, OSError):
            self.alive = False
            said = Outcome("lost", "it was killed, or ran out of memory")
        job, self.job = self.job, None
        return None if job is None else (job, said)

    def end(self) -> None:
        """End the process; what it is at is lost."""
        self.connection.close()
        if self.job or not self.ready:
            self._process.kill()
        self._process.join()


def _serve(parent: Connection, slot: int, gpus: tuple[str, ...]) -> None:
    """Compute jobs until the parent has no more, or is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides
    see_one(gpus, slot)
    try:
        parent.send(None)  # ready
        while True:
            parent.send(compute(parent.recv()))
    except (EOFError, OSError):
        return
