"""Claims: one of many gets a case, and whoever died or fell silent loses it."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import measured
import pytest
from killing import PROCESSES

import rnn_dynamics as rd
from rnn_dynamics.sweeps import claims, gather
from rnn_dynamics.sweeps.cases import Folder
from rnn_dynamics.sweeps.claims import Claim, Owner, holder
from rnn_dynamics.sweeps.computing import Job, compute


def job(tmp_path: Path, **parameters: Any) -> Job:
    plan = rd.SweepPlan(tmp_path, {name: [value] for name, value in parameters.items()}, function=measured.product)
    (case,) = plan.all_cases
    return Job(case, tmp_path / "cases" / case.name, Path(str(plan.source)), 1, 0)


def left_by(folder: Path, owner: Owner, seconds_ago: float = 0.0) -> None:
    """The claim of a process that is gone."""
    claim = Claim(folder, 1, owner)
    folder.mkdir(parents=True)
    assert claim._made()
    at = time.time() - seconds_ago
    os.utime(folder / "claim-1", (at, at))


def test_one_of_many_gets_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        got = [claim for claim in pool.map(lambda _: Claim.take(tmp_path / "case"), range(64)) if claim is not None]
    assert len(got) == 1
    assert os.listdir(tmp_path / "case") == ["claim-1"]  # noqa: PTH208


def test_one_of_many_takes_over_from_the_dead(tmp_path: Path) -> None:
    left_by(tmp_path / "case", replace(Owner.here(), began="0"))  # the number of a process, which is another now
    with ThreadPoolExecutor(16) as pool:
        got = [claim for claim in pool.map(lambda _: Claim.take(tmp_path / "case"), range(64)) if claim is not None]
    assert [claim.number for claim in got] == [2]


def _die_with_a_claim(folder: Path) -> None:
    with Claim.take(folder):  # pyright: ignore[reportOptionalContextManager]
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_known_to_be_dead_at_once(tmp_path: Path) -> None:
    process = PROCESSES.Process(target=_die_with_a_claim, args=(tmp_path / "case",))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert holder(tmp_path / "case") is not None
    assert holder(tmp_path / "case")[1] is False  # pyright: ignore[reportOptionalSubscript]
    with Claim.take(tmp_path / "case") as claim:  # pyright: ignore[reportOptionalContextManager]
        assert claim.held
    assert list((tmp_path / "case").iterdir()) == []


@pytest.mark.parametrize(("elsewhere", "seconds", "alive"), [(True, 100, True), (True, 400, False), (False, 400, True)])
def test_others_are_believed_until_they_are_silent(
    tmp_path: Path, elsewhere: bool, seconds: float, alive: bool
) -> None:
    """A process of another machine by its beats alone; one of this machine that lives may be slow for ever."""
    owner = Owner.here()
    left_by(tmp_path / "case", replace(owner, host="another") if elsewhere else owner, seconds)
    assert (Claim.take(tmp_path / "case") is None) == alive


def test_a_machine_that_started_anew_has_no_process_of_before(tmp_path: Path) -> None:
    if not Owner.here().boot:
        pytest.skip("this system does not tell when it started")
    left_by(tmp_path / "case", replace(Owner.here(), boot="before/pid:[1]"))
    assert Claim.take(tmp_path / "case") is not None


def test_where_starts_cannot_be_told_a_process_that_is_no_more_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "_boot", lambda: "")
    process = PROCESSES.Process(target=int)
    process.start()
    process.join()
    assert process.pid is not None
    gone, here = replace(Owner.here(), process=process.pid), Owner.here()
    assert (gone.boot, gone.dead(), here.dead()) == ("", True, None)


def test_an_unreadable_claim_counts_by_its_time(tmp_path: Path) -> None:
    left_by(tmp_path / "case", Owner.here())
    (tmp_path / "case" / "claim-1").write_text("")
    assert Claim.take(tmp_path / "case") is None
    os.utime(tmp_path / "case" / "claim-1", (0, 0))
    assert Claim.take(tmp_path / "case") is not None


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with ThreadPoolExecutor(16) as pool:
        got = [claim for claim in pool.map(lambda _: Claim.take(tmp_path / "case"), range(64)) if claim is not None]
    assert len(got) == 1
    assert got[0].held


def test_claims_beat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT", 0.01)
    with Claim.take(tmp_path / "case"):  # pyright: ignore[reportOptionalContextManager]
        os.utime(tmp_path / "case" / "claim-1", (0, 0))
        for _ in range(1000):
            if (tmp_path / "case" / "claim-1").stat().st_mtime > 0:
                break
            time.sleep(0.01)
        assert (tmp_path / "case" / "claim-1").stat().st_mtime > 0


def test_who_was_taken_for_dead_writes_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that a laptop's lid suspended: somebody else has the case when it wakes."""
    one = job(tmp_path, x=1)

    def superseded(x: int) -> dict[str, int]:
        other = Claim(one.folder, 2, Owner.here())
        assert other._made()
        return {"z": -1}

    monkeypatch.setattr(measured, "product", superseded)
    assert compute(one).kind == "taken"
    assert not Folder(one.folder).done
    assert (one.folder / "claim-2").exists()  # which is the other's to remove


def test_a_case_that_was_done_meanwhile_is_not_computed(tmp_path: Path) -> None:
    one = job(tmp_path, x=3, calls=str(tmp_path / "calls"))
    assert compute(one).kind == "done"
    assert compute(one).kind == "done"
    assert len(measured.noted(tmp_path / "calls")) == 1
    failing = job(tmp_path / "other", x=2, y=2, calls=str(tmp_path / "calls"))
    assert compute(failing).kind == "failed"
    assert compute(failing).sentence == "two and two is too much"  # somebody had sent it before it failed
    assert len(measured.noted(tmp_path / "calls")) == 2
    assert compute(replace(failing, attempts=1)).kind == "failed"
    assert len(measured.noted(tmp_path / "calls")) == 3


def test_status_tells_who_computes_and_who_has_died(tmp_path: Path) -> None:
    plan = rd.SweepPlan(tmp_path, {"x": [1, 2, 3]}, function=measured.product)
    folders = [tmp_path / "cases" / case.name for case in plan.all_cases]
    left_by(folders[0], Owner.here())
    left_by(folders[1], replace(Owner.here(), began="0"))
    found = gather(plan)
    assert found.statuses == ("running", "lost", "waiting")
    assert f"by process {os.getpid()} on " in found.reasons[0]
    assert "has died; run the plan to go on" in found.reasons[1]


def test_an_attempt_goes_on_with_the_files_of_a_killed_one(tmp_path: Path) -> None:
    plan = rd.SweepPlan(tmp_path, {"seed": [0]}, function=measured.drawn)
    (case,) = plan.all_cases
    folder = tmp_path / "cases" / case.name
    left_by(folder, replace(Owner.here(), began="0"))
    (folder / "work-dead").mkdir()
    (folder / "work-dead" / "begun").touch()
    (folder / "work-dead" / "half").touch()
    rd.sweep(plan)
    assert sorted(path.name for path in folder.iterdir()) == ["files", "result.json"]
    assert sorted(path.name for path in (folder / "files").iterdir()) == ["begun", "half", "values.txt"]
