"""The scripts of the training figures run, are resumed, and say in words what they measured."""

import json
import shutil
from pathlib import Path

import pytest
from scripts import ROOT, run, words

import rnn_dynamics as rd

NAMES = ("lengths", "variants", "images")


def _run(name: str, *arguments: object) -> None:
    run(f"training.{name}", "--scale", "smoke", *arguments)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_measured_drawn_and_captioned(name: str, tmp_path: Path) -> None:
    _run(name, "--workers", 1, "--out", tmp_path)
    results = tmp_path / f"{name}_smoke.jsonl"
    first = results.read_text()
    rows = [row for line in first.splitlines() for row in json.loads(line)["rows"]]
    for row in rows:
        assert len(row["steps"]) == len(row["vaas"]) == len(row["counts"]) >= 2
        assert all(sum(outcomes) == 32 for outcomes in row["outcomes"])
        assert len(row["validation_losses"]) == row["epochs"]
    assert len({(row["variant"], row["task"], row["length"], row["cell"], row["seed"]) for row in rows}) == len(rows)
    for suffix in ("pdf", "png"):
        assert (tmp_path / f"{name}.{suffix}").stat().st_size > 5000
    caption = words(tmp_path / f"{name}.md")
    assert "The paper's claim" in caption
    assert "far smaller" in caption
    assert "nan" not in caption
    # Cut short after the first case, it goes on from there; what is missing is named.
    results.write_text(first.splitlines(keepends=True)[0])
    shutil.rmtree(tmp_path / f"{name}_smoke-sweep")
    _run(name, "--draw-only", "--out", tmp_path)
    assert "Not measured" in words(tmp_path / f"{name}.md")
    _run(name, "--workers", 1, "--out", tmp_path)
    keys = [{json.loads(line)["case"] for line in text.splitlines()} for text in (first, results.read_text())]
    assert keys[0] == keys[1]


@pytest.mark.slow
def test_one_run_is_measured_once(tmp_path: Path) -> None:
    _run("one_run", "--out", tmp_path)
    history = rd.load(tmp_path / "one_run_smoke.safetensors")
    assert f"{len(history)} observations" in words(tmp_path / "one_run.md")
    _run("one_run", "--out", tmp_path)
    assert rd.load(tmp_path / "one_run_smoke.safetensors").steps.tolist() == history.steps.tolist()
    assert (tmp_path / "one_run.pdf").stat().st_size > 5000


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_shown_come_from_stored_results(name: str) -> None:
    folder = ROOT / "figures" / "training"
    assert (folder / f"{name}_small.jsonl").exists()
    assert "Scale `small`" in words(folder / f"{name}.md")
    assert (folder / f"{name}.pdf").exists()


def test_the_caption_of_one_run_says_what_its_history_holds() -> None:
    folder = ROOT / "figures" / "training"
    history = rd.load(folder / "one_run_small.safetensors")
    births = sum(event.kind == "birth" for event in history.identities.events)
    caption = words(folder / "one_run.md")
    assert f"Births: {births} " in caption
    assert f"{len(history)} observations" in caption


def test_both_figures_of_the_training_tell_one_story() -> None:
    """A tracker that looked every 20 updates, and the bifurcations of all checkpoints, one at every update."""
    history = rd.load(ROOT / "figures" / "training" / "one_run_small.safetensors")
    timeline = rd.load(ROOT / "figures" / "bifurcations" / "training_small.safetensors")
    last = int(timeline.steps[-1])
    assert (history.steps[1:] - history.steps[:-1]).tolist() == [20] * (len(history) - 1)
    stories = [
        sorted((e.kind, e.how, e.before, e.step) for e in events if e.kind in ("birth", "death") and e.step <= last)
        for events in (history.identities.events, timeline.events)
    ]
    assert stories[0] == stories[1]
    assert {kind for kind, *_ in stories[0]} == {"birth", "death"}
    names = ("training/one_run.md", "bifurcations/training.md")
    captions = [" ".join((ROOT / "figures" / name).read_text().split()) for name in names]
    for kind, phrase in (("birth", "Births"), ("death", "eaths")):
        number = sum(own == kind for own, *_ in stories[0])
        assert all(f"{phrase}: {number}" in caption for caption in captions)
