"""The planted figure runs, is resumed, and says in words what it measured."""

import json
import shutil
from pathlib import Path

import pytest
from scripts import ROOT, run, words


@pytest.mark.slow
def test_the_figure_is_measured_drawn_and_captioned(tmp_path: Path) -> None:
    run("planted.worth", "--scale", "smoke", "--workers", 1, "--out", tmp_path)
    results = tmp_path / "worth_smoke.jsonl"
    first = results.read_text()
    rows = [row for line in first.splitlines() for row in json.loads(line)["rows"]]
    assert len({(row["variant"], row["task"], row["seed"]) for row in rows}) == len(rows) == 20
    for row in rows:
        assert len(row["steps"]) == len(row["vaas"]) == len(row["counts"]) == 3
        assert len(row["norms_before"]) == len(row["norms_after"]) == row["length"]
        assert len(row["validation_scores"]) == row["epochs"]
    assert (tmp_path / "worth.png").stat().st_size > 5000
    caption = words(tmp_path / "worth.md")
    assert "Scale `smoke`" in caption
    assert "nan" not in caption
    # Cut short after the first case, it names what is missing.
    results.write_text(first.splitlines(keepends=True)[0])
    shutil.rmtree(tmp_path / "worth_smoke-sweep")
    run("planted.worth", "--scale", "smoke", "--draw-only", "--out", tmp_path)
    assert "Not measured: bits 6, GRU warm" in words(tmp_path / "worth.md")


@pytest.mark.slow
def test_agents_are_measured_drawn_and_captioned(tmp_path: Path) -> None:
    run("planted.maze", "--scale", "smoke", "--workers", 1, "--out", tmp_path)
    lines = (tmp_path / "maze_smoke.jsonl").read_text().splitlines()
    rows = [row for line in lines for row in json.loads(line)["rows"]]
    assert len({(row["variant"], row["seed"]) for row in rows}) == len(rows) == 10
    for row in rows:
        assert len(row["steps"]) == len(row["vaas"]) == len(row["counts"]) == 3
        assert len(row["norms_before"]) == len(row["norms_after"]) == row["length"]
        assert len(row["optimal"]) == 3
    assert (tmp_path / "maze.png").stat().st_size > 5000
    assert "nan" not in words(tmp_path / "maze.md")


def test_the_figure_shown_comes_from_stored_results() -> None:
    folder = ROOT / "figures" / "planted"
    for name in ("worth", "maze"):
        assert (folder / f"{name}_small.jsonl").exists()
        assert "Scale `small`" in words(folder / f"{name}.md")
        assert (folder / f"{name}.pdf").exists()
