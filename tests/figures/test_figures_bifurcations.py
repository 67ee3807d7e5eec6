"""The scripts of the figures of bifurcations run, use what is stored, and say in words what they measured."""

import math
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scripts import ROOT, run

import rnn_dynamics as rd

FOLDER = ROOT / "figures" / "bifurcations"
NAMES = ("pitchfork", "flip_flop", "training", "multistability")


@pytest.fixture
def figures() -> dict[str, ModuleType]:
    """The scripts as modules, which also makes their stored results known."""
    return {name: import_module(f"figures.bifurcations.{name}") for name in NAMES}


def _stored(name: str) -> Any:
    return rd.load(FOLDER / f"{name}_small.safetensors")


def _run(name: str, folder: Path) -> None:
    run(f"bifurcations.{name}", "--scale", "smoke", "--out", folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_measured_once_drawn_and_captioned(name: str, tmp_path: Path) -> None:
    _run(name, tmp_path)
    results = tmp_path / f"{name}_smoke.safetensors"
    measured = results.stat().st_mtime_ns
    for suffix in ("pdf", "png"):
        (tmp_path / f"{name}.{suffix}").unlink()
    _run(name, tmp_path)
    assert results.stat().st_mtime_ns == measured
    for suffix in ("pdf", "png"):
        assert (tmp_path / f"{name}.{suffix}").stat().st_size > 5000
    caption = (tmp_path / f"{name}.md").read_text()
    assert not re.search(r"\bnan\b", caption)
    assert all(len(line) <= 120 for line in caption.splitlines() if not line.startswith("|"))


@pytest.mark.parametrize("name", NAMES)
def test_the_captions_shown_are_those_of_the_stored_results(name: str, figures: dict[str, ModuleType]) -> None:
    told = " ".join(figures[name].caption(_stored(name)).split())
    assert " ".join((FOLDER / f"{name}.md").read_text().split()) == told
    assert (FOLDER / f"{name}.pdf").exists()


@pytest.mark.parametrize("eigenvalue", [1, -1])
@pytest.mark.parametrize("x", [-0.7, -0.1, 0.4])
def test_the_closed_form_is_one_of_fixed_points(eigenvalue: int, x: float, figures: dict[str, ModuleType]) -> None:
    pitchfork = figures["pitchfork"]
    w = float(pitchfork.critical(np.array(x), eigenvalue))
    b = float(pitchfork.offset(np.array(x), w))
    assert math.tanh(w * x + b) == pytest.approx(x, abs=1e-14)
    assert w * (1 - math.tanh(w * x + b) ** 2) == pytest.approx(eigenvalue, abs=1e-13)
    assert float(pitchfork.weight(np.array(x), b)) == pytest.approx(w, abs=1e-14)


def test_the_pitchfork_agrees_with_its_closed_form(figures: dict[str, ModuleType]) -> None:
    result = _stored("pitchfork")
    assert max(figures["pitchfork"].deviations(result).values()) < 5e-9
    w, b = np.meshgrid(result.chart.first.numpy(), result.chart.second.numpy())
    x = np.sqrt(1 - 1 / np.maximum(w, 1))
    edge = w * x - np.arctanh(x)
    two = (w > 1) & (np.abs(b) < edge)
    on_the_edge = np.isclose(np.abs(b), edge, atol=1e-6)
    assert two.any()
    assert (result.chart.counts.numpy() == np.where(two, 2, 1))[~on_the_edge].all()


@pytest.mark.parametrize("excess", [1e-4, 1e-2, 1.0, 30.0])
def test_the_passage_of_the_normal_form_is_that_of_a_simulation(excess: float, figures: dict[str, ModuleType]) -> None:
    # Rates so small that steps are as good as a flow.
    a, alpha, fold = 1e-4, 1e-3, 0.1
    edge = math.sqrt(alpha * fold / a)
    x, steps = -edge, 0
    while x < edge:
        x += a * x * x + alpha * excess * fold
        steps += 1
    expected = float(figures["flip_flop"].passage(np.array(excess))) / math.sqrt(a * alpha * fold)
    assert steps == pytest.approx(expected, rel=2e-2)


def test_pulses_need_more_than_the_fold_and_tend_to_it_as_foretold(figures: dict[str, ModuleType]) -> None:
    result = _stored("flip_flop")
    folds, tried = result.memories.folds, result.pulses
    assert len(folds) == 8
    assert (folds.sign() == -result.memories.bits[:, 0]).all()
    excess = tried.needed / folds.abs()[:, None] - 1
    assert (excess > 0).all()
    long = tried.durations >= 1000
    assert (excess[:, long].diff(dim=1) < 0).all()
    assert (excess[:, -1] < 2e-2).all()
    off = figures["flip_flop"].forecast(result) / tried.needed - 1
    assert (off[:, long].abs() < 0.1).all()
    # Without the passage's time, the fold alone is off by far more.
    assert (excess[:, tried.durations == 1000].abs() > 2 * off[:, tried.durations == 1000].abs()).double().mean() > 0.5


def test_the_timeline_has_the_events_of_its_caption(figures: dict[str, ModuleType]) -> None:
    result = _stored("training")
    caption = (FOLDER / "training.md").read_text()
    assert caption.count("\n| fold ") == len(result.bifurcations) > 0
    born = sum(event.kind == "birth" for event in result.events)
    died = sum(event.kind == "death" for event in result.events)
    assert int(result.counts[-1] - result.counts[0]) == born - died


def test_attractors_are_many_only_above_the_curves(figures: dict[str, ModuleType]) -> None:
    result = _stored("multistability")
    lowest = min(float(curve.parameters[:, 1].min()) for curve in result.curves)
    for chart in (result.whole, result.near):
        below = chart.second < lowest
        assert below.any()
        assert (chart.counts[below] == 1).all()
        assert int(chart.counts.max()) >= 4
    codimension_two = {point.kind for curve in result.curves for point in curve.codimension_two}
    assert {"cusp", "1:1 resonance"} <= codimension_two
    # The Neimark-Sacker curve ends where a fold curve has its 1:1 resonance: found on each without the other.
    meets = [
        point.parameters for curve in result.curves for point in curve.codimension_two if point.kind == "1:1 resonance"
    ]
    nearest = min(float((one - other).norm()) for i, one in enumerate(meets) for other in meets[i + 1 :])
    assert nearest < 1e-6
