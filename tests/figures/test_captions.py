"""Every number of every caption is made again from what is stored; what figures draw says what their rows do."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scripts import ROOT

import rnn_dynamics as rd
from figures.looks import PLANTED, TRAINED
from figures.runs import measured, told
from figures.training import lengths
from figures.training.ensembles import Case, tasks_of
from figures.warmup import chrono, drawing, outcome
from rnn_dynamics.plotting.counts import NONE
from rnn_dynamics.plotting.pages import caption_text

FIGURES = ROOT / "figures"
PLANS = (
    *(f"warmup.{name}" for name in ("initialisation", "progress", "outcome", "chrono", "proved")),
    *(f"training.{name}" for name in ("lengths", "variants", "images")),
    *(f"reinforcement.{name}" for name in ("learning", "generalisation", "automaton")),
    "planted.worth",
    "planted.maze",
)
STORED = (*(f"bifurcations.{name}" for name in ("pitchfork", "flip_flop", "training", "multistability")),)
TOP = ("flip_flop", "reached", "scaling")
OTHERS = ("training.one_run", *STORED, *TOP)


def _results(name: str) -> Path:
    plan = import_module(f"figures.{name}").PLAN
    return FIGURES / plan.folder / f"{plan.results or plan.name}_small.jsonl"


def _made_again(name: str) -> str:
    """The caption, from what is stored alone."""
    module: Any = import_module(f"figures.{name}")
    if name in PLANS:
        return told(module.PLAN, "small", _results(name))
    if name in ("training.one_run", *STORED):
        folder, _, stem = name.partition(".")
        return module.caption(rd.load(FIGURES / folder / f"{stem}_small.safetensors"))
    if name == "flip_flop":
        return module.caption(rd.load(FIGURES / "flip_flop.safetensors"))
    if name == "reached":
        graph, _, bits = module.graph_of_memories()
        return module.caption(module.reach_of_warmed(), graph, bits)
    return module.caption(module.stored())


def _rows(name: str) -> list[dict[str, Any]]:
    return measured(import_module(f"figures.{name}").PLAN.scales["small"], _results(name))[0]


@pytest.mark.parametrize("name", [*PLANS, *OTHERS])
def test_a_caption_is_that_of_what_is_stored(name: str) -> None:
    shown = (FIGURES / f"{name.replace('.', '/')}.md").read_text()
    assert caption_text(_made_again(name)) == shown
    assert not re.search(r"\bnan\b", shown)


def test_no_caption_is_forgotten() -> None:
    there = {str(path.relative_to(FIGURES).with_suffix("")).replace("/", ".") for path in FIGURES.rglob("*.md")}
    assert there == {*PLANS, *OTHERS}


def test_pictures_have_captions() -> None:
    several = {"flip_flop_cube": "flip_flop", "flip_flop_spectrum": "flip_flop", "flip_flop_graph": "reached"}
    several |= {"reached_claim": "reached", "reached_circle": "reached"}
    several |= {"scaling_time": "scaling", "scaling_memory": "scaling"}
    for path in FIGURES.rglob("*.png"):
        caption = path.with_name(f"{several.get(path.stem, path.stem)}.md")
        assert caption.exists(), path
        assert path.stem not in several or path.stem in caption.read_text()


def test_plots_and_figures_take_colours_from_their_meanings() -> None:
    """Neither by their hue nor as numbers: a colour has one meaning, and ``style.COLORS_OF`` says which."""
    hue = re.compile(r"style\.(BLUE|SKY|GREEN|ORANGE|VERMILLION|PURPLE)\b|\"#[0-9A-Fa-f]{6}\"")
    tables = {"style.py", "classes.py"}  # of colours, and of the tints that fill the markers
    files = [*FIGURES.rglob("*.py"), *(ROOT / "rnn_dynamics/plotting").glob("*.py")]
    found = {str(path): hue.findall(path.read_text()) for path in files if path.name not in tables}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("variants", [TRAINED, PLANTED])
def test_ways_to_begin_are_told_apart_by_more_than_colour(variants: dict[str, Any]) -> None:
    for what in ("color", "marker", "name"):
        assert len({getattr(look, what) for look in variants.values()}) == len(variants)
    assert len({str(look.dashes) for look in variants.values()}) == len(variants)


def test_a_network_is_drawn_as_what_most_of_its_states_do() -> None:
    row = {"kinds": ["fixed point"], "hits": [1], "counts": {"fixed point": 1}}
    slow = {**row, "outcomes": {"settled": 1, "slow": 31, "diverged": 0, "unfinished": 0}}
    assert drawing.fate(slow) == "slow"
    most = {**row, "hits": [17], "outcomes": {"settled": 17, "slow": 15, "diverged": 0, "unfinished": 0}}
    assert drawing.fate(most) == "fixed point"
    split = {**row, "kinds": ["cycle", "fixed point", "fixed point"], "hits": [12, 10, 10]}
    assert drawing.fate({**split, "outcomes": {"settled": 32}}) == "fixed point"
    after = [row for row in _rows("warmup.outcome") if row["stage"] == "after"]
    fates = {drawing.fate(row) for row in after}
    assert {"slow", "diverged", "unfinished", "fixed point"} <= fates
    counted = re.search(r"a million steps: (.*?)\)", outcome.caption(_rows("warmup.outcome")), re.DOTALL)
    assert counted is not None
    assert sum(map(int, re.findall(r"\d+", counted[1]))) == len(after)


def test_counts_are_drawn_in_steps_at_their_place() -> None:
    rows = [row for row in _rows("warmup.progress") if row["cell"] == "chrono"]
    ax = plt.figure().subplots()
    drawing.claims_and_counts(ax, rows)
    lines = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert {line.get_drawstyle() for line in lines} == {"steps-post"}
    marks = [float(line.get_ydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1]
    assert sorted(marks) == sorted(drawing.count(row) or NONE for row in rows)


def test_a_median_of_an_even_number_is_between_the_two_in_the_middle() -> None:
    rows = _rows("warmup.chrono")
    values = [value for row in rows if row["cell"] == chrono.REFERENCE for value in row["time_constants"]]
    assert len(values) % 2 == 0
    assert f"and {np.median(values):,.0f} steps" in " ".join(chrono.caption(rows).split())


@pytest.mark.parametrize("name", ["variants", "images", "lengths"])
def test_validation_is_compared_with_the_best_constant_of_validation(name: str) -> None:
    seen: dict[tuple[Any, ...], float] = {}
    for line in _results(f"training.{name}").read_text().splitlines():
        entry = json.loads(line)
        case = Case(**json.loads(entry["case"]))
        key = (case.task, case.length, case.blank, case.sequences)
        if key not in seen:
            seen[key] = tasks_of(case)[1].baseline
        assert {row["validation_baseline"] for row in entry["rows"]} == {seen[key]}
    if name == "images":
        rows = _rows("training.images")
        assert all(row["validation_baseline"] > row["baseline"] for row in rows)
        figure = import_module("figures.training.images").draw(rows)
        dotted = {line.get_ydata()[0] for ax in figure.axes for line in ax.lines if line.get_linestyle() == ":"}
        assert dotted == set(seen.values())


def test_equal_numbers_of_all_seeds_are_one_coincidence() -> None:
    assert not lengths.told_apart([-0.433] * 5)
    assert not lengths.told_apart([-0.5, -0.4, float("nan")])
    assert lengths.told_apart([-0.5, -0.4, -0.3])
    rows = [row for row in _rows("training.lengths") if row["length"] == 30]
    assert np.ptp([lengths.correlation(row, "vaas") for row in rows]) < 1e-9
    told = " ".join(lengths.caption(_rows("training.lengths")).split())
    assert "published VAA -0.43 in each of 5 seeds, as it changed at the same single look" in told
    assert "for the published VAA the interval is below 0 at T = 10, 20;" in told


def test_a_count_of_states_that_had_not_settled_is_not_known() -> None:
    row = {"counts": [1, 0, 2], "vaas": [1, 1, 1], "outcomes": [[32, 0, 0, 0], [0, 0, 0, 32], [32, 0, 0, 0]]}
    np.testing.assert_array_equal(lengths.values_of(row, "counts"), [1, np.nan, 2])
    np.testing.assert_array_equal(lengths.values_of(row, "vaas"), [1, 1, 1])
