"""Claims: of several runners at once, on whatever machines, one computes a case.

A claim is a file in the case's folder, ``claim-1``, made by a hard link, which one process alone can make. It beats:
its time is set again and again. One whose owner is known to be dead (its process has ended here) or was silent for
five minutes is superseded by the file of the next number, ``claim-2``, which again one process alone can make: nothing
is removed that a slower runner could mistake for its own. Whoever holds the highest number owns the case.
"""

import json
import os
import re
import socket
import threading
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

BEAT = 20.0
"""Seconds between two beats."""

SILENCE = 300.0
"""Seconds after which an owner of whom nothing else is known counts as dead: network file systems cache times for one
minute, and a computation may keep Python's lock for long."""


@dataclass(frozen=True)
class Owner:
    """The process that holds a claim."""

    host: str
    boot: str
    """Of the machine since it started, and of the container; "" where it cannot be told."""

    process: int
    began: str
    """The start of the process in the machine's own count, which a later process of the same number does not share."""

    token: str

    @classmethod
    def here(cls) -> "Owner":
        """The process that runs this, with a token of its own for every claim."""
        process = os.getpid()
        return cls(socket.gethostname(), _boot(), process, _began(process) or "", uuid4().hex[:12])

    def dead(self) -> bool | None:
        """Whether its process has ended; None if that cannot be told from here."""
        if self.host != socket.gethostname():
            return None
        if not self.boot:
            return _ended(self.process)
        if self.boot.partition("/")[0] != _boot().partition("/")[0]:
            return True  # the machine has started anew
        if self.boot != _boot():
            return None  # another container, whose processes are not seen
        return _began(self.process) != self.began

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"


@cache
def _boot() -> str:
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return ""


def _began(process: int) -> str | None:
    """When a process began; None if there is none, or it has ended and only its parent has not heard of it."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] in "ZX" else after_name[19]


def _ended(process: int) -> bool | None:
    """Whether there is no such process; one that there is may be another of the same number."""
    if os.name == "posix":
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
    return None


class Claim:
    """A case that is ours until the block ends, kept alive by a thread."""

    def __init__(self, folder: Path, number: int, owner: Owner) -> None:
        self.folder, self.number, self.owner = folder, number, owner
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    @classmethod
    def take(cls, folder: Path) -> "Claim | None":
        """Claim a case; None if somebody who lives has it.

        Raises:
            OSError: if nothing can be written there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        latest = _latest(folder)
        if latest and not _is_dead(folder, latest):
            return None
        claim = cls(folder, latest + 1, Owner.here())
        return claim if claim._made() else None

    @property
    def held(self) -> bool:
        """Whether it is still ours: a process that was suspended for long may have been taken for dead."""
        return _latest(self.folder) == self.number and _owner(_file(self.folder, self.number)) == self.owner

    def _made(self) -> bool:
        mine = self.folder / f".claim-{self.owner.token}"
        path, content = _file(self.folder, self.number), json.dumps(asdict(self.owner))
        try:
            mine.write_text(content)
            try:
                path.hardlink_to(mine)
            except (FileExistsError, FileNotFoundError):
                raise
            except OSError:  # a file system without hard links
                with path.open("x") as file:
                    file.write(content)
        except (FileExistsError, FileNotFoundError):  # FileNotFound: the case was done meanwhile, and all cleared away
            return False
        finally:
            mine.unlink(missing_ok=True)
        return True

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            try:
                os.utime(_file(self.folder, self.number))
            except FileNotFoundError:
                return
            except OSError:
                continue

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self.held:
            remove_claims(self.folder, self.number)


def holder(folder: Path) -> tuple[Owner | None, bool] | None:
    """Who claims a case, if that can be read, and whether that is a process that lives; None if nobody does."""
    latest = _latest(folder)
    return (_owner(_file(folder, latest)), not _is_dead(folder, latest)) if latest else None


def remove_claims(folder: Path, up_to: int | None = None) -> None:
    """Remove the claims of a case: those before one's own and it, the highest last; or all of a case that is done."""
    for number in _numbers(folder):
        if up_to is None or number <= up_to:
            _file(folder, number).unlink(missing_ok=True)
    for path in folder.glob(".claim-*"):
        path.unlink(missing_ok=True)


def _file(folder: Path, number: int) -> Path:
    return folder / f"claim-{number}"


def _numbers(folder: Path) -> list[int]:
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except FileNotFoundError:
        return []
    return sorted(int(found[1]) for name in names if (found := re.fullmatch(r"claim-([0-9]+)", name)))


def _latest(folder: Path) -> int:
    return max(_numbers(folder), default=0)


def _owner(path: Path) -> Owner | None:
    try:
        return Owner(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _is_dead(folder: Path, number: int) -> bool:
    path = _file(folder, number)
    owner = _owner(path)
    dead = None if owner is None else owner.dead()
    if dead is not None:
        return dead
    try:
        return _now(folder) - path.stat().st_mtime > SILENCE
    except FileNotFoundError:  # it has just been done: there is nothing to supersede
        return False


def _now(folder: Path) -> float:
    """The time by the clock that the folder's files are dated by, which may not be this machine's."""
    probe = folder / f".claim-{uuid4().hex[:12]}"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
