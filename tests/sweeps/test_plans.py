"""Plans: what they make cases of, by what cases are known, and what is refused with the nearest that there is."""

import re
import sys
from pathlib import Path
from typing import Any

import measured
import numpy as np
import pytest

import rnn_dynamics as rd
from rnn_dynamics.sweeps import gather

HERE = Path(__file__).parent

TOML = """
function = "measured:product"
[grid]
x = {from = 1, to = 3}
y = [1, 2]
[fixed]
wait = 0.0
"""


def plan(folder: Path, **parts: Any) -> rd.SweepPlan:
    return rd.SweepPlan(folder, **{"function": measured.product, **parts})


def names(made: rd.SweepPlan) -> list[str]:
    return [case.name for case in made.all_cases]


def test_a_file_a_mapping_and_a_dataclass_are_the_same_plan(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(TOML)
    read = rd.SweepPlan.read(tmp_path / "study.toml")
    assert read.folder == tmp_path / "study-sweep"
    (tmp_path / "measured.py").unlink(missing_ok=True)
    parts: dict[str, Any] = {"grid": {"x": range(1, 4), "y": np.array([1, 2])}, "fixed": {"wait": 0.0}}
    written = plan(tmp_path / "study-sweep", **parts)
    assert names(read) == names(written)
    content = {"folder": tmp_path / "study-sweep", "function": "measured:product", "source": HERE, **parts}
    assert gather(content).cases == gather(read).cases
    assert [dict(case.parameters) for case in read.all_cases][:3] == [
        {"x": 1, "y": 1, "wait": 0.0},
        {"x": 1, "y": 2, "wait": 0.0},
        {"x": 2, "y": 1, "wait": 0.0},
    ]


def test_a_case_is_known_by_function_and_parameters_alone(tmp_path: Path) -> None:
    first = plan(tmp_path, grid={"x": [1, 2], "y": [1]})
    turned = plan(tmp_path, grid={"y": [1]}, cases=[{"x": 2}, {"x": 1}, {"x": 5}])
    fixed = plan(tmp_path, grid={"x": [1, 2, 3]}, fixed={"y": 1})
    assert set(names(first)) < set(names(turned))
    assert names(fixed)[:2] == names(first)
    assert not set(names(first)) & set(names(plan(tmp_path, grid={"x": [1, 2], "y": [2]})))
    (other,) = names(rd.SweepPlan(tmp_path, {"x": [1]}, function=measured.surroundings))
    (same,) = names(plan(tmp_path, grid={"x": [1]}))
    assert other.startswith("x=1-")
    assert same.startswith("x=1-")
    assert other != same
    assert names(first)[0].startswith("x=1,y=1-")


def test_names_are_of_any_length_and_characters(tmp_path: Path) -> None:
    long = "ä/b c:*?" * 100
    (name,) = names(plan(tmp_path, grid={"x": [1]}, fixed={"calls": long}))
    assert len(name.encode()) < 200
    assert not set(name) & set("/:*? ")
    (other,) = names(plan(tmp_path, grid={"x": [1]}, fixed={"calls": long + "c"}))
    assert name != other


def test_values_are_packed_into_lists(tmp_path: Path) -> None:
    parts: dict[str, Any] = {"grid": {"a": {"from": 0, "to": 4}, "base": [10, 20]}, "function": measured.sums}
    made = rd.SweepPlan(tmp_path, **parts, pack={"a": 2})
    assert [case.parameters["a"] for case in made.all_cases][:3] == [[0, 1], [2, 3], [4]]
    found = gather(made)
    assert len(found.counts) == 1
    assert found.column("a") == (0, 1, 2, 3, 4) * 2  # of what waits too, a row each
    done = rd.sweep(made)
    assert done.column("a") == found.column("a")
    assert done.column("total") == (10, 11, 12, 13, 14, 20, 21, 22, 23, 24)


def test_seeds_of_networks_are_packed_where_that_is_faster(tmp_path: Path) -> None:
    def sizes(**grid: Any) -> list[int]:
        made = rd.SweepPlan(tmp_path, {"seed": {"from": 0, "to": 11}, **grid}).all_cases
        return [len(case.parameters["seed"]) if case.packed else 1 for case in made]

    assert sizes(cell=["GRU"]) == [10, 2]
    assert sizes(cell=["LSTM"]) == [1] * 12
    assert sizes(cell=["gru"], hidden=[64, 256]) == [10, 2] + [1] * 12
    made = rd.SweepPlan(tmp_path, {"seed": [0, 1, 2]}, pack={"seed": 1})
    assert [case.parameters["seed"] for case in made.all_cases] == [0, 1, 2]


REFUSED = {
    "a key": ({"grids": {"x": [1]}}, "a plan has no 'grids': did you mean 'grid'"),
    "nothing": ({}, "grid must hold a list of values"),
    "an empty list": ({"grid": {"x": []}}, "grid must have a value for each parameter"),
    "a parameter": ({"grid": {"x": [1], "calss": [""]}}, "takes no 'calss': did you mean 'calls'"),
    "one that is missing": ({"grid": {"y": [1]}}, "measured:product needs x"),
    "a single value": ({"grid": {"x": 1}}, "grid must have 'x' as a list, got 1"),
    "a word": ({"grid": {"x": "abc"}}, "grid must have 'x' as a list, got 'abc'"),
    "half a range": ({"grid": {"x": {"from": 1}}}, "as a list or {from = 0, to = 9}"),
    "a value twice": ({"grid": {"x": [1, 2, 1]}}, "each value of 'x' once, got 1 twice"),
    "said twice": ({"grid": {"x": [1]}, "fixed": {"x": 2}}, "grid has 'x', which is fixed"),
    "not a number": ({"grid": {"x": [float("nan")]}}, "x must be a finite number"),
    "an object": ({"grid": {"x": [object()]}}, "x must be a finite number"),
    "the folder": ({"grid": {"x": [1]}, "fixed": {"folder": "here"}}, "'folder' is no parameter of a plan"),
    "a pack": ({"grid": {"x": [1]}, "pack": {"z": 2}}, "pack has 'z', which the grid has not"),
    "a size": ({"grid": {"x": [1]}, "pack": {"x": 0}}, "pack must give whole numbers of 1 or more, got 0"),
    "threads": ({"grid": {"x": [1]}, "threads": 0}, "threads must be a whole number of at least 1"),
    "too many": ({"grid": {"x": range(2000), "y": range(2000)}}, "at most 1,000,000 cases, got 4,000,000"),
    "a function": (
        {"grid": {"x": [1]}, "function": "measured:prodct"},
        "'measured:prodct' cannot be imported",
    ),
    "a module": ({"grid": {"x": [1]}, "function": "no.such:f"}, "No module named 'no'"),
    "half a name": ({"grid": {"x": [1]}, "function": "measured"}, "function must be 'module:function'"),
    "no function": ({"grid": {"x": [1]}, "function": "measured:HERE"}, "cannot be imported"),
    "a lambda": ({"grid": {"x": [1]}, "function": lambda x: {}}, "function must be one that workers can import"),
    "what a class refuses": ({"grid": {"x": [1, -1]}, "function": "measured:Careful"}, "x must be 0 or more, got -1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_plan_is_refused(what: str, tmp_path: Path) -> None:
    parts, sentence = REFUSED[what]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        rd.sweep({"folder": tmp_path, "function": "measured:product", "source": HERE, **parts})
    assert list(tmp_path.iterdir()) == []


NETWORKS = {
    "a cell": ({"cell": ["GRX"]}, "cell must be one by name, got 'GRX': did you mean 'GRU'"),
    "one of two cells": ({"cell": ["GRU+LTSM"]}, "did you mean 'LSTM'"),
    "a task": ({"task": ["cpoy"]}, "task must be one by name, got 'cpoy': did you mean 'copy'"),
    "a variant": ({"warmup": ["hot"]}, "warmup must be 'plain' or 'warm' or 'parallel', got 'hot'"),
    "an option": ({"seed": [0], "hiden": [3]}, "takes no 'hiden': did you mean 'hidden'"),
    "of another task": ({"task": ["rows"], "length": [5]}, "length is for copy, denoising, flip-flop, not for rows"),
    "a size": ({"hidden": [0]}, "hidden must be a whole number of at least 1, got 0"),
    "a seed": ({"seed": [-1]}, "seed must be a whole number of at least 0, got -1"),
    "a shared unit": ({"hidden": [1], "warmup": ["parallel"]}, "only 1 units to share"),
}


@pytest.mark.parametrize("what", NETWORKS)
def test_networks_that_there_are_not_are_refused_before_any_is_trained(what: str, tmp_path: Path) -> None:
    grid, sentence = NETWORKS[what]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        rd.sweep({"folder": tmp_path, "grid": grid})


def test_files_that_are_no_plans_are_refused(tmp_path: Path) -> None:
    for content, sentence in (("x = [", "as a plan in TOML"), ("[grid]\nseeed = [1]", "did you mean 'seed'")):
        (tmp_path / "plan.toml").write_text(content)
        with pytest.raises(ValueError, match=r"plan\.toml") as refused:
            rd.sweep(tmp_path / "plan.toml")
        assert sentence in str(refused.value)
    with pytest.raises(ValueError, match="No such file"):
        rd.sweep(tmp_path / "none.toml")
    with pytest.raises(ValueError, match="plan must be a SweepPlan, a file of one or a mapping, got int"):
        rd.sweep(3)
    with pytest.raises(ValueError, match="folder must be given"):
        rd.sweep({"grid": {"seed": [0]}})


def test_a_module_of_the_plan_is_never_mistaken_for_another(tmp_path: Path) -> None:
    (tmp_path / "measured.py").write_text("def product(x): return {'z': 0}")
    with pytest.raises(ValueError, match="another module measured is imported already"):
        rd.sweep({"folder": tmp_path, "source": tmp_path, "function": "measured:product", "grid": {"x": [1]}})
    assert str(tmp_path) not in sys.path
