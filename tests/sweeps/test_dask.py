"""Dask: workers and schedulers that are killed, and whoever goes on writes the files of a serial run."""

import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import measured
import pytest
from clusters import PATIENCE, Cluster, Killing, contents

import rnn_dynamics as rd
from rnn_dynamics.sweeps import dask_client, gather

dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
KilledWorker, WorkerState = distributed.scheduler.KilledWorker, distributed.scheduler.WorkerState

pytestmark = pytest.mark.slow


def plan(folder: Path, **parts: Any) -> rd.SweepPlan:
    return rd.SweepPlan(folder, {"seed": list(range(12))}, function=measured.drawn, **parts)


def kill_when(cluster: Cluster, folder: Path, done: int) -> None:
    """Kill the scheduler once so many cases are done."""

    def run() -> None:
        deadline = time.monotonic() + PATIENCE
        while len(list(folder.rglob("result.json"))) < done and time.monotonic() < deadline:
            time.sleep(0.02)
        cluster.scheduler.kill()

    threading.Thread(target=run, daemon=True).start()


def test_killed_workers_and_a_killed_scheduler_leave_the_files_of_a_serial_run(tmp_path: Path) -> None:
    assert rd.sweep(plan(tmp_path / "serial")).finished
    place = tmp_path / "cluster"
    place.mkdir()
    made = plan(tmp_path / "killed")
    with Cluster(place) as cluster, distributed.Client(cluster.address, timeout="5s", set_as_default=False) as client:
        client.wait_for_workers(2, timeout=PATIENCE)
        with Killing(tmp_path / "killed", times=3) as killing:
            kill_when(cluster, tmp_path / "killed", done=5)
            with pytest.raises(ValueError, match=r"the workers were lost .* of 12 cases are done, and the same sweep"):
                rd.sweep(made, client)
    assert killing.killed
    before = gather(made).counts["done"]
    assert 5 <= before < 12
    with Cluster(place) as cluster, dask_client(cluster.address, 1) as client:
        assert rd.sweep(made, client).finished
    assert contents(tmp_path / "killed") == contents(tmp_path / "serial")


def test_a_case_whose_workers_die_is_a_failure(tmp_path: Path) -> None:
    class Dying:
        """What Dask answers once three workers have died of a task."""

        def submit(self, *_: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(KilledWorker("measure", WorkerState.__new__(WorkerState), 3))
            return future

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KilledWorker, "__str__", lambda _: "tried on 4 workers")
        found = rd.sweep(rd.SweepPlan(tmp_path, {"x": [1]}, function=measured.deadly), Dying())
    assert found.reasons == ("its worker died 5 times: tried on 4 workers",)


def test_a_local_cluster_gives_each_worker_one_gpu(tmp_path: Path) -> None:
    made = rd.SweepPlan(tmp_path, {"x": list(range(6))}, function=measured.surroundings)
    with dask_client(None, 1) as client:
        found = rd.sweep(made, client, gpus=1)
    assert found.column("gpu") == ("0",) * 6
    assert found.column("threads") == (1,) * 6


def test_a_scheduler_that_does_not_answer_is_told() -> None:
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.5s"}),
        pytest.raises(ValueError, match=r"no scheduler of Dask answers at tcp://127\.0\.0\.1:1"),
        dask_client("tcp://127.0.0.1:1", 1),
    ):
        pass
