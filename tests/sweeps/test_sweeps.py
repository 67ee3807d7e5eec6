"""Sweeps: each case once, in files that are the truth; gone on with, retried, stopped, on disks that are full."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import measured
import numpy as np
import pandas as pd
import pytest

import rnn_dynamics as rd
from rnn_dynamics.sweeps import gather, measured_rows

GRID: dict[str, Any] = {"x": [1, 2, 3], "y": [1, 2]}


def plan(folder: Path, **parts: Any) -> rd.SweepPlan:
    return rd.SweepPlan(folder / "sweep", **{"grid": GRID, "function": measured.product, **parts})


def test_every_case_has_a_row_and_a_failure_has_its_sentence(tmp_path: Path) -> None:
    found = rd.sweep(plan(tmp_path))
    assert found.counts == {"done": 5, "failed": 1}
    assert found.column("z") == (1, 2, 2, None, 3, 6)
    assert found.reasons[3] == "two and two is too much"
    assert "two and two is too much" in repr(found)
    assert "retry=True computes 1 again" in found.advice[-1]
    failure = json.loads((tmp_path / "sweep" / "cases" / found.cases[3] / "failure.json").read_text())
    assert 'raise ValueError("two and two is too much")' in failure["traceback"]
    assert [path.name for path in (tmp_path / "sweep" / "cases" / found.cases[0]).iterdir()] == ["result.json"]


def test_what_is_done_is_never_computed_again(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    made = plan(tmp_path, fixed={"calls": str(calls)})
    rd.sweep(made)
    first = measured.noted(calls)
    assert first == ["1-1", "1-2", "2-1", "2-2", "3-1", "3-2"]
    rd.sweep(made)
    assert measured.noted(calls) == first
    rd.sweep(plan(tmp_path, fixed={"calls": str(calls)}, grid={"x": [4, 3, 2, 1], "y": [2, 1]}))
    assert measured.noted(calls) == sorted([*first, "4-1", "4-2"])
    found = rd.sweep(made, retry=True)
    assert measured.noted(calls) == sorted([*first, "4-1", "4-2", "2-2"])
    assert found.counts == {"done": 5, "failed": 1}


def test_a_failure_that_is_mended_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(tmp_path)
    rd.sweep(made)
    monkeypatch.setattr(measured, "product", lambda x, y: {"z": 0})
    found = rd.sweep(made, retry=True)
    assert found.finished
    assert found.column("z") == (1, 2, 2, 0, 3, 6)
    assert not list((tmp_path / "sweep").rglob("failure.json"))


def test_a_job_of_an_array_computes_its_part(tmp_path: Path) -> None:
    made = plan(tmp_path)
    assert rd.sweep(made, index=1).column("z") == (2,)
    assert rd.sweep(made, index=0, of=2).column("z") == (1, 2, 3)
    assert gather(made).statuses == ("done", "done", "done", "waiting", "done", "waiting")
    with pytest.raises(ValueError, match="index must lie between 0 and 5 for 6 cases, got 6"):
        rd.sweep(made, index=6)
    with pytest.raises(ValueError, match="index must lie between 0 and 1 for 2 parts, got 2"):
        rd.sweep(made, index=2, of=2)
    with pytest.raises(ValueError, match="of is for a job of an array"):
        rd.sweep(made, of=2)


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    made = rd.SweepPlan(tmp_path, {"x": [1, 2, 3]}, function=measured.stopped)
    found = rd.sweep(made)
    assert found.interrupted
    assert found.statuses == ("done", "waiting", "waiting")
    assert not list(tmp_path.rglob("claim*"))
    assert "the same sweep goes on" in found.advice[-1]


def test_what_ended_early_on_ctrl_c_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the library's own functions do: they keep what they have, and return it."""
    from rnn_dynamics.stopping import stoppable

    def kept(x: int) -> dict[str, int]:
        with stoppable():
            raise KeyboardInterrupt
        return {"y": x}

    monkeypatch.setattr(measured, "stopped", kept)
    found = rd.sweep(rd.SweepPlan(tmp_path, {"x": [1, 2]}, function="measured:stopped", source=Path(__file__).parent))
    assert found.interrupted
    assert found.statuses == ("waiting", "waiting")


def test_what_is_no_row_is_a_failure_that_says_so(tmp_path: Path) -> None:
    found = rd.sweep(rd.SweepPlan(tmp_path, {"x": [1]}, function=measured.nothing))
    assert "must return a mapping from names to numbers and words, or a list of them, got NoneType" in found.reasons[0]
    packed = rd.SweepPlan(tmp_path, {"a": [1, 2]}, function=measured.forgetful, pack={"a": 2})
    assert "must return a row for each a, which names its own" in rd.sweep(packed).reasons[0]


def test_a_full_disk_stops_with_a_sentence_and_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(tmp_path)
    written, fsync = [], os.fsync

    def full(handle: int) -> None:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(handle)
        fsync(handle)

    with monkeypatch.context() as patched:
        patched.setattr("rnn_dynamics.sweeps.cases.os.fsync", full)
        with pytest.raises(ValueError, match=r"cannot write .*No space left on device; . of 6 cases are done"):
            rd.sweep(made)
    assert not list(tmp_path.rglob("claim*"))
    assert {path.name for path in tmp_path.rglob("*.json")} <= {"result.json", "failure.json"}
    assert rd.sweep(made).counts == {"done": 5, "failed": 1}


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "sweep").write_text("a file")
    with pytest.raises(ValueError, match=r"cannot write to the folder .*sweep: (File exists|Not a directory)"):
        rd.sweep(plan(tmp_path))


def test_a_broken_result_is_told_and_not_overwritten(tmp_path: Path) -> None:
    made = plan(tmp_path)
    path = tmp_path / "sweep" / "cases" / rd.sweep(made).cases[0] / "result.json"
    path.write_text("{")
    found = gather(made)
    assert found.statuses[0] == "failed"
    assert "delete it to have the case computed again" in found.reasons[0]
    path.unlink()
    assert rd.sweep(made).column("z")[0] == 1


def test_gathering_changes_nothing(tmp_path: Path) -> None:
    made = plan(tmp_path)
    assert gather(made).counts == {"waiting": 6}
    assert list(tmp_path.iterdir()) == []


def test_the_table_is_tidy_and_written_whole(tmp_path: Path) -> None:
    found = rd.sweep(plan(tmp_path))
    table = found.to_pandas()
    assert list(table) == ["x", "y", "z", "word", "status", "reason"]
    assert list(table["z"].dropna()) == [1, 2, 2, 3, 6]
    path = found.write(tmp_path / "table.csv")
    pd.testing.assert_series_equal(pd.read_csv(path)["x"], table["x"], check_index=False, check_names=False)
    with pytest.raises(ValueError, match=r"path must end in \.csv, \.parquet, \.nc, got 'table\.xls'"):
        found.write(tmp_path / "table.xls")
    with pytest.raises(ValueError, match="name must be one of x, y, z, word, got 'w'"):
        found.column("w")
    assert len(found[[0, 3]]) == 2
    assert found[[0, 3]].counts == {"done": 1, "failed": 1}


def test_the_dataset_is_over_the_parameters_that_vary(tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    data = rd.sweep(plan(tmp_path, fixed={"wait": 0.0})).to_dataset()
    assert dict(data.sizes) == {"x": 3, "y": 2}
    np.testing.assert_array_equal(data["z"], [[1, 2], [2, np.nan], [3, 6]])
    assert data.attrs["wait"] == 0.0
    assert str(data["word"].sel(x=3, y=1).item()) == "odd"


def test_what_is_nested_is_kept_as_it_was(tmp_path: Path) -> None:
    made = rd.SweepPlan(tmp_path, {"x": [1, 2]}, function=measured.nested)
    rd.sweep(made, index=1)
    assert measured_rows(made) == [None, [{"curve": [2, [3.0]], "counts": {"one": 2}}]]
    assert gather(made)[1].column("curve") == ((2, (3.0,)),)
    assert gather(made).to_pandas()["counts"][1] == '{"one": 2}'


def test_a_table_without_numbers_writes_no_parquet_without_its_package(tmp_path: Path) -> None:
    found = rd.sweep(plan(tmp_path))
    try:
        import pyarrow  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        with pytest.raises(ValueError, match=r"\.parquet needs another package"):
            found.write(tmp_path / "table.parquet")
        assert not list(tmp_path.glob("*table*"))
    else:
        assert len(pd.read_parquet(found.write(tmp_path / "table.parquet"))) == 6


def test_workers_keep_to_their_threads_and_give_them_back(tmp_path: Path) -> None:
    import torch

    before = torch.get_num_threads()
    found = rd.sweep(rd.SweepPlan(tmp_path, {"x": [1]}, function=measured.surroundings, threads=3))
    assert found.column("threads") == (3,)
    assert torch.get_num_threads() == before
