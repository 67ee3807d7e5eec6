"""One case, computed by whoever claims it first, on a worker of any kind."""

import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ..stopping import go_on
from ..version import __version__
from .cases import Case, Failure, Folder, Row
from .claims import Claim
from .functions import called, function_named


@dataclass(frozen=True)
class Job:
    """What a worker is sent."""

    case: Case
    folder: Path
    source: Path
    threads: int
    attempts: int
    """How often it had failed when it was sent; one that has failed since is left alone."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job; what was measured is in the case's folder and nowhere else."""

    kind: Literal["done", "failed", "taken", "unwritten", "lost", "not begun"]
    """``taken``: somebody else computes it. ``unwritten``: the file system takes nothing. ``lost``: with its worker.
    ``not begun``: given back by an engine that has no workers left."""

    sentence: str = ""


def compute(job: Job) -> Outcome:
    """Compute a case and write its result, unless it is done or somebody else does it."""
    folder = Folder(job.folder)
    try:
        claim = Claim.take(job.folder)
        if claim is None:
            return Outcome("taken")
        with claim:
            # Only now is it certain that nobody writes here.
            failure = folder.failure()
            if folder.done:
                return Outcome("done")
            if failure is not None and failure.attempts > job.attempts:
                return Outcome("failed", failure.sentence)
            return _computed(job, folder, claim)
    except OSError as error:
        return Outcome("unwritten", f"cannot write {error.filename or job.folder}: {error.strerror or error}")
    except _Unwritten as error:
        return Outcome("unwritten", str(error))


class _Unwritten(Exception):
    """A file that could not be written."""


def _computed(job: Job, folder: Folder, claim: Claim) -> Outcome:
    token = claim.owner.token
    try:
        function = function_named(job.case.function, job.source)
        with own_threads(job.threads):
            rows = _rows(called(function, dict(job.case.parameters), lambda: folder.open_work(token)), job.case)
    except (Exception, SystemExit) as error:  # of a function that somebody wrote, whatever it raises
        failure = Failure(_sentence(error), traceback.format_exc(), job.attempts + 1)
        if claim.held:
            with _written():
                folder.write_failure(failure)
        return Outcome("failed", failure.sentence)
    go_on()  # what ended early on Ctrl-C is no result
    if not claim.held:
        folder.clear(token=token)
        return Outcome("taken")
    with _written():
        folder.keep_work(token)
        folder.clear(failure=True)
        folder.write_result(job.case, rows, __version__)
    return Outcome("done")


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # of files.replacing
        raise _Unwritten(str(error)) from error


@contextmanager
def own_threads(count: int) -> Iterator[None]:
    """Let torch compute on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _sentence(error: BaseException) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    return first if isinstance(error, ValueError) and first else f"{type(error).__name__}: {first}".rstrip(": ")


def _rows(answer: Any, case: Case) -> list[Row]:
    """What a function returned, as rows; of a case of packed values each row must say its own."""
    rows = [answer] if isinstance(answer, Mapping) else answer
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not all(isinstance(row, Mapping) for row in rows):
        raise TypeError(
            f"{case.function} must return a mapping from names to numbers and words, or a list of them, "
            f"got {type(answer).__name__}"
        )
    made = [{_word(name): _plain(name, value) for name, value in row.items()} for row in rows]
    got, wanted = (sorted(str([row.get(name) for name in case.packed]) for row in of) for of in (made, case.points()))
    if case.packed and got != wanted:
        raise ValueError(f"{case.function} must return a row for each {' and '.join(case.packed)}, which names its own")
    return made


def _word(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a row's names must be words, got {name!r}")
    return name


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().tolist()
    elif isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    elif isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(name, item) for key, item in value.items()}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a row must hold numbers, words, lists and mappings, got {type(value).__name__} for {name!r}")
