"""Workers that are killed one after the other, and a cluster of Dask whose scheduler can be."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 120.0
"""Seconds for what a busy machine may take long for."""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a sweep."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def workers_of(folder: Path) -> set[int]:
    """The processes that compute cases of a sweep, as their claims say."""
    found = set()
    for path in folder.rglob("claim-*"):
        try:
            found.add(int(json.loads(path.read_text())["process"]))
        except (OSError, ValueError):
            continue
    return {process for process in found if Path(f"/proc/{process}").exists()}


class Killing:
    """Kills, as long as the block lasts, workers in turn while they compute, each at random within 0.3 seconds."""

    def __init__(self, folder: Path, times: int, seed: int = 0) -> None:
        self.folder, self.times, self.killed = folder, times, list[int]()
        self._draw, self._over = random.Random(seed), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while len(self.killed) < self.times and not self._over.wait(self._draw.uniform(0.0, 0.3)):
            alive = sorted(workers_of(self.folder) - set(self.killed))
            # The one that lives longest: with two workers it is each in turn.
            for process in alive[:1]:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.killed.append(process)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()


class Cluster:
    """A scheduler of Dask and two workers with their nannies, which restart them: processes of their own."""

    def __init__(self, folder: Path) -> None:
        file = folder / "scheduler.json"
        file.unlink(missing_ok=True)
        told = ["--scheduler-file", str(file)]
        self.scheduler = _started("dask_scheduler", *told, "--port", "0", "--no-dashboard")
        sizes = ["--nworkers", "2", "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
        self.workers = _started("dask_worker", *told, *sizes)
        deadline = time.monotonic() + PATIENCE
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.address = str(json.loads(file.read_text())["address"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self.workers, self.scheduler):  # each the leader of its group, which holds the workers too
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _started(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment, start_new_session=True)
