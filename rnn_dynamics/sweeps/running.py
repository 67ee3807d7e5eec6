"""Running a plan: what is not done is computed, by whatever engine."""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

from ..checks import ArgumentError, AtLeast, CheckedInside, Count, Size, checked
from ..progress import Progress, sign_of_life
from ..stopping import go_on, stoppable
from .cases import Case, Failure, Folder
from .claims import holder, remove_claims
from .computing import Job, Outcome
from .dask import dask_engine, is_client
from .engines import Engine, Serial, Submitting
from .gathering import CASES, gathered
from .gpus import MOST_GPUS, seeing_one, visible_gpus
from .plan import PlanLike, SweepPlan, as_plan
from .processes import Processes
from .results import Sweep

_MOST_LOST = 5
"""Workers that may die at a case in one run, before it is recorded as failed."""

_MOST_VAIN = 3
"""Rounds in which nothing was done though nobody else was at it, before the engine counts as lost."""

_POLL = 1.0
"""Seconds between two looks at what others compute."""


@checked
def sweep(
    plan: PlanLike,
    executor: Annotated[Any, CheckedInside()] = None,
    *,
    workers: Count = 1,
    gpus: Annotated[int, AtLeast(0, MOST_GPUS)] = 0,
    retry: bool = False,
    index: Size | None = None,
    of: Count | None = None,
    progress: bool | None = None,
) -> Sweep:
    """Compute every case of a plan that is not done, each once, whoever else runs the same plan at the same time.

    The files are the truth: a case is done once its ``result.json`` is in its folder, which is written whole. A run
    that was killed, or stopped by Ctrl-C, is gone on with by running it again; so is a plan that has grown. A case
    whose function raised is recorded with what it raised, and not computed again before ``retry``. Several runs at
    once, on machines that share the folder, share the cases; one whose worker has died is taken over, at once on the
    same machine, else after five minutes. This function returns when all cases have a result or a failure.

    Args:
        plan: a ``SweepPlan``, a file of one, or a mapping as such a file holds it.
        executor: who computes: a Dask ``Client``, or an executor of ``concurrent.futures`` or its like. By default
            ``workers`` processes of this machine, or this process for one. A script that sweeps with several does so
            under ``if __name__ == "__main__":``.
        workers: processes.
        gpus: of the first so many GPUs each process sees one, by ``CUDA_VISIBLE_DEVICES``; 0 leaves them as they are.
        retry: compute those too that have failed.
        index: of a job array, which part of the plan to compute: case i, or with ``of`` all cases i, i + of, ...
        of: into how many parts the plan is cut; one for each case by default.
        progress: whether to show a bar; by default in notebooks and at prompts, after ten seconds.

    Returns:
        A table: of each case parameters and measures, or why there are none.

    Raises:
        ValueError: for a plan that is none, naming what is wrong; for a disk that is full, or a scheduler that is lost.
            What is done stays done.
    """
    plan = as_plan(plan)
    cases = part_of(plan.all_cases, index, of)
    names = visible_gpus(gpus)
    engine = _engine(executor, workers, names)
    with (
        stoppable() as stop,
        seeing_one(names if isinstance(engine, Serial) else (), index or 0),
        Progress("sweep", progress, total=len(cases), unit="case") as bar,
    ):
        _Run(plan, cases, retry, bar).to_the_end(engine)
    return gathered(plan, cases, interrupted=bool(stop))


def part_of(cases: Sequence[Case], index: int | None, of: int | None) -> Sequence[Case]:
    """The cases of one job of an array.

    Raises:
        ArgumentError: for an index that there is not.
    """
    if index is None:
        if of is not None:
            raise ArgumentError("of", "is for a job of an array, whose index must be given too")
        return cases
    parts = of or len(cases)
    if not 0 <= index < parts:
        what = f"{len(cases)} cases" if of is None else f"{of} parts"
        raise ArgumentError("index", f"must lie between 0 and {parts - 1} for {what}, got {index}")
    return cases[index::parts]


def _engine(executor: Any, workers: int, gpus: tuple[str, ...]) -> Engine:
    if executor is None:
        return Processes(workers, gpus) if workers > 1 else Serial()
    if workers > 1:
        raise ArgumentError("workers", "is for processes of this machine: an executor has its own")
    if is_client(executor):
        return dask_engine(executor, gpus)
    if not isinstance(executor, Executor) and not callable(getattr(executor, "submit", None)):
        raise ArgumentError(
            "executor", f"must have a method submit, like a Client of Dask, got {type(executor).__name__}"
        )
    if gpus:
        raise ArgumentError("gpus", "is for processes of this machine and for Dask: an executor's workers are its own")
    return Submitting.to(executor)


class _Run:
    """One run of a plan: rounds of jobs, until nothing is left that could be computed."""

    def __init__(self, plan: SweepPlan, cases: Sequence[Case], retry: bool, bar: Progress) -> None:
        self._plan, self._bar, self._all = plan, bar, len(cases)
        try:
            (Path(plan.folder) / CASES).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"cannot write to the folder {plan.folder}: {error.strerror}") from error
        self._lost: Counter[Path] = Counter()
        self._open = {job.folder: job for case in cases if (job := self._job(case, retry)) is not None}
        bar.update(self._done)

    @property
    def _done(self) -> int:
        return self._all - len(self._open)

    def to_the_end(self, engine: Engine) -> None:
        """Run rounds, and wait for what others compute."""
        vain = 0
        while self._open:
            ready = [job for job in self._open.values() if not _taken(job)]
            if not ready:
                self._wait()
                continue
            before, sentence, others = self._done, "", False
            with closing(engine.run(ready)) as answers:
                for job, outcome in answers:
                    go_on()
                    self._heard(job, outcome)
                    others |= outcome.kind in ("taken", "lost")
                    sentence = outcome.sentence or sentence
            if others or self._done > before:
                vain = 0
                continue
            vain += 1
            if vain == _MOST_VAIN:
                raise ValueError(f"the workers were lost ({sentence}); {self._where()}")
            time.sleep(_POLL)

    def _heard(self, job: Job, outcome: Outcome) -> None:
        if outcome.kind in ("done", "failed"):
            self._close(job)
        elif outcome.kind == "unwritten":
            raise ValueError(f"{outcome.sentence}; {self._where()}")
        elif outcome.kind == "lost":
            self._lost[job.folder] += 1
            if self._lost[job.folder] == _MOST_LOST and not _taken(job):
                sentence = f"its worker died {_MOST_LOST} times: {outcome.sentence}"
                Folder(job.folder).write_failure(Failure(sentence, "", job.attempts + 1))
                remove_claims(job.folder)
                self._close(job)

    def _close(self, job: Job) -> None:
        del self._open[job.folder]
        self._bar.update()

    def _wait(self) -> None:
        """Some time, and then see which of what others compute is done."""
        time.sleep(_POLL)
        sign_of_life()
        for job in tuple(self._open.values()):
            folder = Folder(job.folder)
            failure = None if folder.done else folder.failure()
            if folder.done or (failure is not None and failure.attempts > job.attempts):
                self._close(job)

    def _where(self) -> str:
        return f"{self._done} of {self._all} cases are done, and the same sweep goes on"

    def _job(self, case: Case, retry: bool) -> Job | None:
        """What there is to do of a case; None if nothing."""
        path = Path(self._plan.folder) / CASES / case.name
        folder = Folder(path)
        if folder.done:
            remove_claims(path)  # of one that was killed between its result and the end
            return None
        failure = folder.failure()
        if failure is not None and not retry:
            return None
        return Job(case, path, Path(self._plan.source), self._plan.threads, failure.attempts if failure else 0)


def _taken(job: Job) -> bool:
    held = holder(job.folder)
    return held is not None and held[1]
