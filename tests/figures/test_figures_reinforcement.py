"""The scripts of the agents' figures run on the same measurements, are resumed, and say in words what they measured."""

import json
import shutil
from pathlib import Path

import pytest
from scripts import ROOT, run, words

NAMES = ("learning", "generalisation", "automaton")


def _run(name: str, *arguments: object) -> None:
    run(f"reinforcement.{name}", "--scale", "smoke", *arguments)


@pytest.mark.slow
def test_agents_are_measured_once_for_three_figures(tmp_path: Path) -> None:
    _run("learning", "--workers", 1, "--out", tmp_path)
    results = tmp_path / "learning_smoke.jsonl"
    first = results.read_text()
    rows = [row for line in first.splitlines() for row in json.loads(line)["rows"]]
    assert len({(row["length"], row["variant"], row["seed"]) for row in rows}) == len(rows) == 6
    for row in rows:
        assert len(row["steps"]) == len(row["vaas"]) == len(row["counts"]) >= 2
        assert len(row["evaluations"]) == len(row["returns"]) == len(row["fractions"])
        assert len(row["lengths"]) == len(row["optimal"])
        assert row["optimal"][0] == row["solved"]  # two ways of asking the same
        assert all(value <= best + 1e-9 for value, best in zip(row["discounted"], row["optima"], strict=True))
        assert (row["steps"][0] < 0) == (row["variant"] != "plain")  # steps of warmup
    for name in NAMES:
        if name != "learning":
            _run(name, "--draw-only", "--out", tmp_path)
        for suffix in ("pdf", "png"):
            assert (tmp_path / f"{name}.{suffix}").stat().st_size > 5000
        caption = words(tmp_path / f"{name}.md")
        assert "Scale `smoke`" in caption
        assert "The paper trains" in caption
        assert "nan" not in caption
        assert "Not measured" not in caption
    assert results.read_text() == first
    # What is neither in the file nor in the sweep's folder is named.
    results.write_text(first.splitlines(keepends=True)[0])
    _run("generalisation", "--draw-only", "--out", tmp_path)
    assert "Not measured" not in words(tmp_path / "generalisation.md")
    results.write_text(first.splitlines(keepends=True)[0])
    shutil.rmtree(tmp_path / "learning_smoke-sweep")
    _run("generalisation", "--draw-only", "--out", tmp_path)
    assert "Not measured" in words(tmp_path / "generalisation.md")


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_shown_come_from_stored_results(name: str) -> None:
    folder = ROOT / "figures" / "reinforcement"
    assert (folder / "learning_small.jsonl").exists()
    assert "Scale `small`" in words(folder / f"{name}.md")
    assert (folder / f"{name}.pdf").exists()
