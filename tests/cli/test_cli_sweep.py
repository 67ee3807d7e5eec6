"""``rnn-dynamics sweep``, as a user runs it."""

import json
from pathlib import Path

import pandas as pd
import pytest
from command import run_command

PLAN = """
function = "measured_by_the_command:square"
[grid]
x = {from = 0, to = 3}
[fixed]
power = 2
"""

MODULE = """
def square(x, power):
    if x == 3:
        raise ValueError("three is too many")
    return {"y": x**power}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    (tmp_path / "measured_by_the_command.py").write_text(MODULE)
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path / "plan.toml"


@pytest.fixture(autouse=True)
def _modules_are_forgotten() -> object:
    import sys

    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("measured_by_the_command", None)


def test_run_status_and_gather(plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run_command(capsys, monkeypatch, "sweep", "status", plan)
    assert (code, out.splitlines()[0]) == (0, "sweep of 4 cases, 4 rows: 4 waiting")
    assert "sbatch --array=0-3" in out
    assert not (plan.parent / "plan-sweep").exists()

    code, out, _ = run_command(capsys, monkeypatch, "sweep", "run", plan, "--index", 1)
    assert (code, out.splitlines()[0]) == (0, "sweep of 1 case, 1 row: 1 done")

    code, out, _ = run_command(capsys, monkeypatch, "sweep", "run", plan)
    assert code == 1
    assert "3 done, 1 failed" in out
    assert "three is too many" in out
    assert "`rnn-dynamics sweep run --retry` computes 1 again" in out

    code, out, _ = run_command(capsys, monkeypatch, "sweep", "gather", plan)
    assert code == 0
    folder = plan.parent / "plan-sweep"
    assert list(pd.read_csv(folder / "table.csv")["y"].dropna()) == [0, 1, 4]
    assert (folder / "table.png").exists()
    assert (folder / "table.pdf").exists()

    source = plan.parent / "measured_by_the_command.py"
    source.write_text(source.read_text().replace("x == 3", "x == 5"))
    import sys

    del sys.modules["measured_by_the_command"]
    code, out, _ = run_command(capsys, monkeypatch, "sweep", "run", plan)
    assert code == 1  # what failed is not tried again unasked
    code, out, _ = run_command(capsys, monkeypatch, "sweep", "run", plan, "--retry", "--workers", 2)
    assert (code, out.splitlines()[0]) == (0, "sweep of 4 cases, 4 rows: 4 done")
    results = [json.loads(path.read_text())["rows"][0]["y"] for path in folder.rglob("result.json")]
    assert sorted(results) == [0, 1, 4, 9]


def test_mistakes_are_told_in_a_sentence(
    plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, sentence in (
        (("run", plan, "--index", 4), "--index must lie between 0 and 3 for 4 cases, got 4"),
        (("run", plan, "--of", 4), "--of is for a job of an array"),
        (("run", plan.parent / "none.toml"), "No such file"),
        (("gather", plan, "--out", "table.xls"), "--out must end in .csv, .parquet, .nc, got 'table.xls'"),
        (("gather", plan, "--out", plan / "table.csv"), "cannot write"),
    ):
        code, _, errors = run_command(capsys, monkeypatch, "sweep", *arguments)
        assert code == 1
        assert sentence in errors
        assert errors.count("\n") == 1
    plan.write_text(PLAN.replace("[grid]", "[gird]"))
    code, _, errors = run_command(capsys, monkeypatch, "sweep", "run", plan)
    assert (code, "a plan has no 'gird': did you mean 'grid'" in errors) == (1, True)
    assert run_command(capsys, monkeypatch, "sweep", "gather", plan)[0] == 1


def test_a_figure_of_what_there_is_not_is_told(
    plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_command(capsys, monkeypatch, "sweep", "run", plan)
    code, _, errors = run_command(capsys, monkeypatch, "sweep", "gather", plan, "--y", "z")
    assert (code, "--y must be a column, got 'z'" in errors) == (1, True)
    (plan.parent / "plan-sweep" / "table.csv").unlink()
    code, _, _ = run_command(capsys, monkeypatch, "sweep", "gather", plan, "--no-figure")
    assert code == 0
