"""Engines: whoever computes, and whoever dies of it, the files are those of a serial run, byte for byte."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import measured
import pytest
from clusters import Killing, contents
from killing import PROCESSES

import rnn_dynamics as rd
from rnn_dynamics.sweeps import gather, processes
from rnn_dynamics.sweeps.gpus import VARIABLE, visible_gpus

SEEDS = list(range(12))


def plan(folder: Path, **parts: Any) -> rd.SweepPlan:
    return rd.SweepPlan(folder, {"seed": SEEDS}, function=measured.drawn, **parts)


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a serial run: a result, and two files of the function's own, for each case."""
    folder = tmp_path_factory.mktemp("serial")
    assert rd.sweep(plan(folder)).finished
    found = contents(folder)
    assert len(found) == 3 * len(SEEDS)
    return found


def test_two_processes_write_the_files_of_one(tmp_path: Path, serial: dict[str, bytes]) -> None:
    assert rd.sweep(plan(tmp_path), workers=2).finished
    assert contents(tmp_path) == serial


def test_killed_workers_are_replaced_and_the_files_are_the_same(
    tmp_path: Path, serial: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnn_dynamics.sweeps.running._MOST_LOST", 99)

    with Killing(tmp_path, times=4) as killing:
        assert rd.sweep(plan(tmp_path), workers=2).finished
    assert len(set(killing.killed)) >= 3
    assert contents(tmp_path) == serial


def test_a_case_that_always_kills_its_worker_is_a_failure(tmp_path: Path) -> None:
    made = rd.SweepPlan(tmp_path, {"x": [0, 1, 2]}, function=measured.deadly)
    found = rd.sweep(made, workers=2)
    assert found.statuses == ("done", "failed", "done")
    assert "its worker died 5 times: it was killed, or ran out of memory" in found.reasons[1]
    assert not list(tmp_path.rglob("claim*"))


def test_workers_that_never_begin_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a script without ``if __name__``: each worker, importing it, would start workers."""
    monkeypatch.setattr(processes, "_serve", os._exit)
    with pytest.raises(ValueError, match=r"workers end before they begin: .*__main__"):
        rd.sweep(plan(tmp_path), workers=2)


def test_ctrl_c_ends_workers_and_what_they_have_done_is_kept(tmp_path: Path) -> None:
    made = rd.SweepPlan(tmp_path, {"x": [3, 4, 5, 6]}, {"wait": 0.3}, function=measured.product)

    def press() -> None:
        while not list(tmp_path.rglob("result.json")):
            time.sleep(0.02)
        signal.raise_signal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else os.kill(
            os.getpid(), signal.SIGINT
        )

    threading.Thread(target=press, daemon=True).start()
    found = rd.sweep(made, workers=2)
    assert found.interrupted
    assert 1 <= found.counts["done"] < 4
    assert multiprocessing.active_children() == []
    assert rd.sweep(made).finished


def test_each_process_sees_one_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = rd.SweepPlan(tmp_path / "a", {"x": list(range(8))}, function=measured.surroundings)
    assert set(rd.sweep(made, workers=2, gpus=2).column("gpu")) <= {"0", "1"}
    monkeypatch.setenv(VARIABLE, "GPU-7f, GPU-3a,5")
    assert visible_gpus(2) == ("GPU-7f", "GPU-3a")
    with pytest.raises(ValueError, match="gpus is 4, but CUDA_VISIBLE_DEVICES is"):
        rd.sweep(made, gpus=4)
    job_of_an_array = rd.SweepPlan(tmp_path / "b", {"x": [0, 1, 2]}, function=measured.surroundings)
    assert rd.sweep(job_of_an_array, gpus=2, index=1).column("gpu") == ("GPU-3a",)


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_executors_of_the_standard_library(
    pool: Callable[..., Executor], tmp_path: Path, serial: dict[str, bytes]
) -> None:
    options = {"mp_context": PROCESSES} if pool is ProcessPoolExecutor else {}
    with pool(2, **options) as executor:
        assert rd.sweep(plan(tmp_path), executor).finished
    assert contents(tmp_path) == serial


def test_an_executor_that_breaks_is_told_with_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnn_dynamics.sweeps.running._POLL", 0.01)
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(ValueError, match=r"the workers were lost .*shutdown.*0 of 12 cases are done"):
        rd.sweep(plan(tmp_path), executor)


def test_a_future_that_cannot_begin_is_told(tmp_path: Path) -> None:
    class Broken:
        def submit(self, *_: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(ModuleNotFoundError("No module named 'rnn_dynamics'"))
            return future

    with pytest.raises(ValueError, match="a worker could not begin: ModuleNotFoundError: No module named"):
        rd.sweep(plan(tmp_path), Broken())


def test_what_is_no_executor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="executor must have a method submit, like a Client of Dask, got str"):
        rd.sweep(plan(tmp_path), "dask")
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(ValueError, match="workers is for processes of this machine"):
            rd.sweep(plan(tmp_path), executor, workers=2)
        with pytest.raises(ValueError, match="gpus is for processes of this machine and for Dask"):
            rd.sweep(plan(tmp_path), executor, gpus=1)


def test_many_runners_at_once_compute_each_case_once(tmp_path: Path) -> None:
    """Threads of this process, two pools of processes, and gatherers all along."""
    calls = tmp_path / "calls"
    parts: dict[str, Any] = {"fixed": {"calls": str(calls), "wait": 0.02}, "function": measured.product}
    made = rd.SweepPlan(tmp_path / "sweep", {"x": list(range(3, 33))}, **parts)
    finished: list[rd.Sweep] = []
    runners = [threading.Thread(target=lambda n=n: finished.append(rd.sweep(made, workers=n))) for n in (2, 2, 1, 1)]
    gatherers = [threading.Thread(target=lambda: gather(made).write(tmp_path / "table.csv")) for _ in range(4)]
    for thread in (*runners, *gatherers):
        thread.start()
    for thread in (*runners, *gatherers):
        thread.join()
    assert [one.counts for one in finished] == [{"done": 30}] * 4
    assert measured.noted(calls) == sorted(f"{x}-1" for x in range(3, 33))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["table.csv"]
    assert gather(made).write(tmp_path / "table.csv").read_text().count("\n") == 31


def test_jobs_of_an_array_write_the_files_of_one_run(tmp_path: Path, serial: dict[str, bytes]) -> None:
    for index in (2, 0, 1):
        assert rd.sweep(plan(tmp_path), index=index, of=3).finished
    assert contents(tmp_path) == serial
