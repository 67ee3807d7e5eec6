"""The scripts of the warmup figures run, are resumed, and say in words what they measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import ROOT, run, words

from figures.warmup.proved import with_proofs

NAMES = ("initialisation", "progress", "outcome", "chrono", "proved")
HELP = """
import contextlib, io, runpy, sys
for name in sys.argv[1:]:
    sys.argv[1:] = ["--help"]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        runpy.run_module(name, run_name="__main__")
    assert f"usage: python -m {name} " in said.getvalue(), name
"""


def _run(name: str, folder: Path) -> None:
    run(f"warmup.{name}", "--scale", "smoke", "--workers", 1, "--out", folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_measured_drawn_and_captioned(name: str, tmp_path: Path) -> None:
    _run(name, tmp_path)
    results = tmp_path / f"{name}_smoke.jsonl"
    first = results.read_text()
    rows = [row for line in first.splitlines() for row in json.loads(line)["rows"]]
    assert rows
    for row in rows:
        assert len(row["vaas"]) == len(row["horizons"])
        assert sum(row["outcomes"].values()) == row["n"]
        assert sum(row["hits"]) == row["outcomes"]["settled"]
    assert (tmp_path / f"{name}.pdf").stat().st_size > 5000
    assert (tmp_path / f"{name}.png").stat().st_size > 5000
    caption = words(tmp_path / f"{name}.md")
    assert "The paper's claim" in caption
    assert "nan" not in caption
    assert "Scale `smoke`" in caption

    # Cut short after the first case, it goes on from there and leaves the same file.
    results.write_text(first.splitlines(keepends=True)[0])
    _run(name, tmp_path)
    assert {json.loads(line)["case"] for line in results.read_text().splitlines()} == {
        json.loads(line)["case"] for line in first.splitlines()
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_shown_come_from_stored_results(name: str) -> None:
    folder = ROOT / "figures" / "warmup"
    assert (folder / f"{name}_small.jsonl").exists()
    assert "Scale `small`" in words(folder / f"{name}.md")
    assert (folder / f"{name}.pdf").exists()


def test_every_script_is_a_command() -> None:
    names = [
        f"figures.{path.parent.name}.{path.stem}"
        for path in (ROOT / "figures").glob("*/*.py")
        if "__main__" in path.read_text()
    ]
    assert len(names) == 18
    done = subprocess.run([sys.executable, "-c", HELP, *names], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def _kept(name: str) -> list[dict]:
    lines = (ROOT / "figures" / "warmup" / f"{name}_small.jsonl").read_text().splitlines()
    return [row for line in lines for row in json.loads(line)["rows"]]


def test_no_more_is_proved_than_is_found() -> None:
    rows = _kept("proved")
    assert sum(row["reached_proved"] for row in rows) > 20
    for row in rows:
        assert row["reached_proved"] <= row["stable_proved"] <= sum(row["counts"].values())
        if row["reached_proved"] < sum(row["counts"].values()):
            assert row["advice"]


def test_a_proof_stands_beside_the_very_network_it_is_of() -> None:
    after = [row for row in _kept("outcome") if row["stage"] == "after"]
    joined = [row for row in with_proofs(after) if "reached_proved" in row]
    assert joined
    proofs = {tuple(row[key] for key in ("cell", "hidden", "layers")): row for row in _kept("proved")}
    for row in joined:
        proof = proofs[row["cell"], row["hidden"], row["layers"]]
        assert row["reached_proved"] == proof["reached_proved"]
        assert row["counts"] == proof["counts"]
    other = {**joined[0], "hits": [number + 1 for number in joined[0]["hits"]]}  # as another machine would make it
    other.pop("reached_proved")
    assert with_proofs([other]) == [other]
