"""Cases: parameters, what they are known by, and the files in which each keeps what it measured."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

from ..files import replacing

Row: TypeAlias = dict[str, Any]

_READABLE = 150
"""Characters of a folder's name that say the parameters; file systems take 255."""

_RESULT, _FAILURE, _FILES, _WORK = "result.json", "failure.json", "files", "work-"


@dataclass(frozen=True)
class Case:
    """A function and the parameters that it is called with."""

    function: str
    parameters: Mapping[str, Any]
    packed: tuple[str, ...] = ()
    """Those whose values are several, given to one call as a list."""

    def points(self) -> list[Row]:
        """The parameters of each row that is measured, the packed ones one by one."""
        packs = [self.parameters[name] for name in self.packed]
        return [{**self.parameters, **dict(zip(self.packed, one, strict=True))} for one in product(*packs)]

    @property
    def identity(self) -> str:
        """Of its function and parameters, in whatever order they came: 48 bits of a hash."""
        text = json.dumps({"function": self.function, "parameters": self.parameters}, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """The folder's name: the parameters to be read, and the identity, which tells the case from all others."""
        words = ",".join(f"{name}={_shown(value)}" for name, value in sorted(self.parameters.items()))
        readable = re.sub(r"[^\w=.,+-]+", "-", words, flags=re.ASCII)[:_READABLE].strip("-.,")
        return f"{readable or 'case'}-{self.identity}"


def _shown(value: Any) -> str:
    if isinstance(value, list) and value:
        return f"{value[0]}-to-{value[-1]}" if len(value) > 2 else "+".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class Failure:
    """Why a case has no result."""

    sentence: str
    traceback: str
    attempts: int
    """How often it was tried and failed."""


class Folder:
    """The files of a case; what is read is whole, and whoever writes holds the case's claim.

    ``result.json`` is the case, once it is there. ``files/`` is what the function wrote itself, ``failure.json`` why
    there is no result; ``work-...`` holds the files of an attempt, going on or killed, which the next one goes on with.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def done(self) -> bool:
        """Whether its result is there."""
        return (self.path / _RESULT).exists()

    def rows(self) -> list[Row] | None:
        """What was measured; None if nothing yet.

        Raises:
            ValueError: for a file that is no result.
        """
        result = self._read(_RESULT)
        if result is None:
            return None
        rows = result.get("rows")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{self.path / _RESULT} is no result of a sweep: delete it to have it computed again")
        return rows

    def version(self) -> str:
        """Of this library, when it was computed."""
        return str((self._read(_RESULT) or {}).get("version"))

    def failure(self) -> Failure | None:
        """Why there is no result, if it was tried."""
        try:
            failure = self._read(_FAILURE)
            if failure is None:
                return None
            return Failure(str(failure["sentence"]), str(failure["traceback"]), int(failure["attempts"]))
        except (KeyError, TypeError, ValueError):
            return Failure("its failure.json cannot be read", "", 1)

    def write_result(self, case: Case, rows: list[Row], version: str) -> None:
        """Write what was measured; the case is done once this has returned.

        Raises:
            ValueError: if it cannot be written.
        """
        content = {"function": case.function, "parameters": case.parameters, "rows": rows, "version": version}
        self._write(_RESULT, content)

    def write_failure(self, failure: Failure) -> None:
        """Write why there is no result.

        Raises:
            ValueError: if it cannot be written.
        """
        self._write(_FAILURE, vars(failure))

    def open_work(self, token: str) -> Path:
        """A folder for the files of an attempt; it holds what an attempt that was killed left, the newest of them."""
        work = self.path / f"{_WORK}{token}"
        left = [path for path in (self.path / _FILES, *self.path.glob(f"{_WORK}*")) if path.is_dir()]
        if left:
            max(left, key=lambda path: path.stat().st_mtime).rename(work)
        work.mkdir(exist_ok=True)
        return work

    def keep_work(self, token: str) -> None:
        """Give the files of an attempt their place."""
        work, files = self.path / f"{_WORK}{token}", self.path / _FILES
        if work.is_dir() and any(work.iterdir()):
            shutil.rmtree(files, ignore_errors=True)
            work.rename(files)

    def clear(self, *, failure: bool = False, token: str | None = None) -> None:
        """Remove what killed attempts left; of an attempt its own files, if only that is named; or the failure too."""
        left = [f"{_WORK}{token}"] if token else [f"{_WORK}*", f".{_RESULT}.*", f".{_FAILURE}.*"]
        for path in (path for pattern in left for path in self.path.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        if failure:
            (self.path / _FAILURE).unlink(missing_ok=True)

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"cannot read {path}: {error}; delete it to have the case computed again") from error
        if not isinstance(content, dict):
            raise ValueError(f"{path} is not of a sweep: delete it to have the case computed again")
        return content

    def _write(self, name: str, content: Any) -> None:
        with replacing(self.path / name) as temporary, temporary.open("w") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())  # here, so that a disk that is full is known before the name is taken
