"""Sweeps: what a case costs beside its computing, how the time falls with workers, and what kills leave."""

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch

import rnn_dynamics as rd
from rnn_dynamics.files import replacing
from rnn_dynamics.sweeps import dask_client, gather

sys.path.insert(0, str(Path(__file__).parents[1]))  # where pytest finds it
import clusters

CASES, KILLED = 1000, 24

READING = """\
"overhead": {cases:,} cases that compute nothing, the time of each in units of one small file written whole and to
the disk, before and after on the same machine, which is what a result is; claims, folders, the worker's answer and the
bar are in it, starting workers is not. "waiting": each worker has four cases that sleep half a second; the time over
the two seconds that it takes at best. "computing": matrix products on one thread, half a minute of them; the time of
one worker over that of two, at best 2 (in brackets with the start of the two, in which each imports torch); the median
of three. "killed": {killed} cases, each a draw and a file; workers are killed at random within .3 seconds, in turn, and
Dask's scheduler too once a third is done; then the plan is gone on with. The files are compared byte for byte with
those of a serial run.
"""
READING = READING.format(cases=CASES, killed=KILLED)


def nothing(x: int) -> dict[str, int]:
    """What costs nothing."""
    return {"y": x}


def sleeping(x: int) -> dict[str, int]:
    """What keeps a worker, and no core."""
    time.sleep(0.5)
    return {"y": x}


def computing(x: int) -> dict[str, float]:
    """What keeps a core."""
    matrix = torch.full((300, 300), 1 / 300)
    for _ in range(3000):
        matrix = matrix @ matrix * 300 / 300
    return {"y": float(matrix.sum()) * x}


def drawn(x: int, folder: Path) -> dict[str, float]:
    """A number that follows from x, and a file."""
    time.sleep(0.3)
    values = torch.randn(1000, generator=torch.Generator().manual_seed(x))
    (folder / "values.txt").write_text("\n".join(map(str, values.tolist())))
    return {"mean": float(values.mean())}


def run() -> pd.DataFrame:
    """All of it."""
    rows = [*_overheads(), *_waiting(), *_computing(), *_killed()]
    return pd.DataFrame(rows, columns=["what", "who computes", "workers", "cases", "measured"]).fillna("")


def _plan(function: Callable[..., Any], count: int, folder: Path) -> rd.SweepPlan:
    return rd.SweepPlan(folder / "sweep", {"x": list(range(count))}, function=function)


@contextmanager
def _place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _seconds(plan: rd.SweepPlan, executor: Any = None, **options: Any) -> float:
    begin = time.perf_counter()
    assert rd.sweep(plan, executor, **options).finished
    return time.perf_counter() - begin


def _row(what: str, who: str, workers: int, cases: int, measured: str) -> dict[str, Any]:
    row = {"what": what, "who computes": who, "workers": workers, "cases": cases, "measured": measured}
    print(row, flush=True)
    return row


def _written(count: int = 200) -> float:
    """Seconds for one small file."""
    with _place() as folder:
        begin = time.perf_counter()
        for number in range(count):
            with replacing(folder / f"{number}.json") as temporary:
                temporary.write_text("{}")
        return (time.perf_counter() - begin) / count


def _overheads() -> Iterator[dict[str, Any]]:
    for who, workers in (("this process", 1), ("processes", 2), ("Dask, local", 2)):
        with _place() as folder:
            plan = _plan(nothing, CASES, folder)
            file = _written()
            if who == "Dask, local":
                with dask_client(None, workers) as client:
                    rd.sweep(_plan(nothing, 2, folder / "warm"), client)
                    took = _seconds(plan, client)
            else:
                took = _seconds(plan, workers=workers) - _starting(workers)
            file = (file + _written()) / 2
            begin = time.perf_counter()
            gather(plan)
            gathered = (time.perf_counter() - begin) / CASES
        told = f"{took / CASES / file:.1f} files a case; gathered in {gathered / file:.2f}"
        yield _row("overhead", who, workers, CASES, told)


def _waiting() -> Iterator[dict[str, Any]]:
    for workers in (1, 4, 16, 64):
        with _place() as folder, ThreadPoolExecutor(workers) as executor:
            took = _seconds(_plan(sleeping, 4 * workers, folder), executor)
        yield _row("waiting", "threads that sleep", workers, 4 * workers, f"{took / 2:.2f} of the best")


def _computing() -> Iterator[dict[str, Any]]:
    grown, with_start = [], []
    for _ in range(3):
        times = {}
        for workers in (1, 2):
            with _place() as folder:
                times[workers] = _seconds(_plan(computing, 20, folder), workers=workers)
        grown.append(times[1] / (times[2] - _starting(2)))
        with_start.append(times[1] / times[2])
    told = f"{median(grown):.2f} times faster than one ({median(with_start):.2f})"
    yield _row("computing", "processes", 2, 20, told)


def _starting(workers: int) -> float:
    """Seconds that the start of the workers takes: none where this process computes."""
    if workers == 1:
        return 0.0
    took = []
    for _ in range(3):
        with _place() as folder:
            took.append(_seconds(_plan(nothing, workers, folder), workers=workers))
    return min(took)


def _killed() -> Iterator[dict[str, Any]]:
    with _place() as folder:
        rd.sweep(_plan(drawn, KILLED, folder / "serial"))
        whole = clusters.contents(folder / "serial" / "sweep")

        def told(place: Path, kills: int) -> str:
            same = clusters.contents(place / "sweep") == whole
            return f"{kills} kills, {'the same files' if same else 'OTHER FILES'}"

        plan = _plan(drawn, KILLED, folder / "processes")
        with clusters.Killing(folder / "processes", 6) as killing:
            rd.sweep(plan, workers=2)
        yield _row("killed", "processes", 2, KILLED, told(folder / "processes", len(killing.killed)))

        place = folder / "dask"
        place.mkdir()
        plan, kills = _plan(drawn, KILLED, place), 0
        for ends in (KILLED // 3, None):
            with clusters.Cluster(place) as cluster, dask_client(cluster.address) as client:
                client.wait_for_workers(2)
                if ends is not None:
                    threading.Thread(target=_kill_when, args=(cluster, place, ends), daemon=True).start()
                with clusters.Killing(place / "sweep", 6, seed=len(str(ends))) as killing:
                    try:
                        rd.sweep(plan, client)
                    except ValueError as error:
                        print(error)
                kills += len(killing.killed) + (ends is not None)
        yield _row("killed", "Dask, two schedulers", 2, KILLED, told(place, kills))

        for index in range(3):
            assert rd.sweep(_plan(drawn, KILLED, folder / "array"), index=index, of=3).finished
        yield _row("killed", "three jobs of an array", 3, KILLED, told(folder / "array", 0))


def _kill_when(cluster: clusters.Cluster, folder: Path, done: int) -> None:
    while len(list(folder.rglob("result.json"))) < done:
        time.sleep(0.05)
    cluster.scheduler.kill()
