"""Results say themselves in one way: a line, a table, sentences; and all tell whether Ctrl-C ended them."""

import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, get_args

import doors
import pandas as pd
import pytest
import torch
from test_indexing import every_table
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.results import Result

DOUBLE = torch.float64


def classes() -> Iterator[type]:
    """Every class of the library."""
    for module in pkgutil.walk_packages(rd.__path__, "rnn_dynamics."):
        for kind in vars(import_module(module.name)).values():
            if isinstance(kind, type) and kind.__module__ == module.name:
                yield kind


def returned() -> set[type]:
    """What the functions of ``rd`` return, of this library's classes."""
    functions = [getattr(rd, name) for name in rd.__all__ if inspect.isfunction(getattr(rd, name))]
    hints = [inspect.unwrap(function).__annotations__["return"] for function in functions]
    kinds = {kind for hint in hints for kind in (hint, *get_args(hint)) if isinstance(kind, type)}
    return {kind for kind in kinds if kind.__module__.startswith("rnn_dynamics.")}


@cache
def every_result() -> dict[type, Result]:
    """One of each kind, of work that came to its end."""
    made = (doors.points, doors.attractors, doors.reach, doors.branch, doors.diagram, doors.plane_map, doors.timeline)
    made += (doors.history, doors.warmed, doors.basins, doors.echo, doors.trained, doors.proof, doors.proved_reach)
    made += (doors.swept,)
    made += (doors.fractions, doors.resilient, doors.escapes)
    made += (doors.charted, doors.orbits_over, doors.crisis)
    made += (doors.surface, doors.portrait, doors.connected, doors.touching)
    results: list[Any] = [*every_table(), *(make() for make in made), *few()]
    results += [doors.history().identities, doors.history().observations[0]]
    return {type(result): result for result in results}


@cache
def few() -> tuple[Result, ...]:
    over = rd.find_fixed_points_over_inputs(network(), [[0.0], [1.0]], STARTS, extra_starts=0)
    boundary = rd.basin_boundary(network().hold([0.0]), [0.9], [-0.5])
    curve = rd.continue_bifurcation(steep, doors.fold(), ((-2.0, 2.0), (1.2, 2.0)), at=1.5)
    settled = rd.find_attractors_over_inputs(network(), {"rest": [0.0], "go": [1.0]}, STARTS)
    return over, boundary, rd.diversity([5, 2, 1, 1]), curve, settled


def steep(p: float, q: float) -> rd.AutonomousMap:
    return rd.as_map(lambda h, _: torch.tanh(q * h) + p, 1, 0).hold()


def network() -> rd.DrivenMap:
    return rd.as_map(lambda h, x: torch.tanh(2 * h + x), 1, 1, box=(-1.0, 1.0))


STARTS = torch.linspace(-1, 1, 16, dtype=DOUBLE)[:, None]


# --- The base


def test_what_functions_return_is_a_result() -> None:
    no_results = {
        "DrivenMap",
        "Interpolation",
        "Through",
        "DrivingFamily",
        "InputPlane",
        "Checkpoint",
    }  # what analyses are made of
    kinds = returned()
    assert {kind.__name__ for kind in kinds if not issubclass(kind, Result)} == no_results
    assert len(kinds) > 15


def test_nobody_else_writes_repr_or_html() -> None:
    found = set(classes())
    results = {kind for kind in found if issubclass(kind, Result)}
    for kind in found - {Result}:
        assert "_repr_html_" not in vars(kind), kind
        assert kind in results or not hasattr(kind, "to_pandas"), kind
    for kind in results:
        assert vars(kind)["__repr__"] is Result.__repr__, kind


def test_a_result_says_a_line_a_table_and_sentences() -> None:
    results = every_result()
    assert {kind for kind in returned() if issubclass(kind, Result)} <= set(results)
    for kind, result in results.items():
        lines, html = repr(result).splitlines(), result._repr_html_()
        assert lines[0] == result.summary(), kind
        assert not lines[0].startswith(kind.__name__)
        assert isinstance(result.to_pandas(), pd.DataFrame)
        assert result._shown().empty == ("<table" not in html), kind
        assert lines[len(lines) - len(result._notes()) :] == list(result._notes()), kind
        assert html.startswith("<p><b>")
        assert html.count("<p>") == 1 + bool(result._notes())


def test_html_escapes_what_a_result_says() -> None:
    class Small(Result):
        def summary(self) -> str:
            return "speed <= 1 & more"

        def to_pandas(self) -> pd.DataFrame:
            return pd.DataFrame({"x": range(100)})

        @property
        def advice(self) -> tuple[str, ...]:
            return ("raise <b>", "or not")

    html = Small()._repr_html_()
    assert html.startswith("<p><b>speed &lt;= 1 &amp; more</b></p><table")
    assert html.endswith("<p>raise &lt;b&gt;<br>or not</p>")
    lines = repr(Small()).splitlines()
    assert (lines[0], lines[-2:]) == ("speed <= 1 & more", ["raise <b>", "or not"])
    assert 40 <= len(lines) <= 48


# --- Tables that came with the base


def test_a_basin_map_has_a_row_a_state() -> None:
    plane = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=2, input_size=0).hold()
    basins = rd.basin_map(plane, [[0.9, 0.9], [-0.9, 0.9], [0.9, -0.9]], resolution=8)
    table, states = basins.to_pandas(), basins.states().flatten(0, 1)
    assert len(table) == len(states) == basins.labels.numel()
    for row in (0, 3, len(states) - 1):
        x, y, attractor, outcome = table.loc[row, ["x", "y", "attractor", "outcome"]]
        assert torch.allclose(basins.origin + x * basins.directions[0] + y * basins.directions[1], states[row])
        assert torch.equal(basins.attractors.states[attractor].sign(), states[row].sign())
        assert outcome == "settled"
    assert list(basins._shown()["hits"]) == basins.attractors.hits.tolist()


def test_a_boundary_has_a_row() -> None:
    (row,) = few()[1].to_pandas().to_dict("records")
    assert sorted((row["first"], row["second"])) == [0, 1]
    assert (row["kind"], row["n_unstable"]) == (few()[1].kind, 1)
    assert row["largest_multiplier"] == pytest.approx(2)
    assert row["residual"] < 1e-12
    assert row["width"] < 1e-6


def test_a_spectrum_has_a_row_an_exponent() -> None:
    linear = rd.as_map(lambda h, _: h * torch.tensor([0.5, 0.25], dtype=h.dtype), 2, 0).hold()
    spectrum = rd.lyapunov_spectrum(linear, [[1.0, 1.0], [2.0, 0.5], [0.1, 0.1]], steps=64, transient=8)
    table = spectrum.to_pandas()
    assert table["orbit"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["number"].tolist() == [0, 1] * 3
    assert table["exponent"].tolist() == pytest.approx([-math.log(2), -math.log(4)] * 3)
    assert table["weighted"].tolist() == spectrum.weighted.flatten().tolist()
    assert table["error"].tolist() == spectrum.errors.flatten().tolist()


def test_diversity_has_a_row() -> None:
    found = rd.diversity([5, 2, 1, 1])
    (row,) = found.to_pandas().to_dict("records")
    assert (row["observed"], row["n"], row["unseen"], row["richness"]) == (4, 9, 0.5, 4.5)  # 2 * 1 / (2 * 2)
    assert row["coverage"] == pytest.approx(1 - 2 / 9)
    assert row["effective_number"] == pytest.approx(math.exp(row["entropy"]))


def test_points_over_inputs_have_their_input_in_the_table() -> None:
    over = few()[0]
    table = over.to_pandas()
    assert table["input"].tolist() == [0, 0, 0, 1]  # tanh(2 h + x): three fixed points at x = 0, one at 1
    assert over.summary() == "4 fixed points under 2 held inputs"


def test_roots_and_followed_points_have_a_row_each() -> None:
    roots = rd.Newton().solve(network().hold([0.0]), torch.tensor([[0.5], [0.0], [torch.inf]], dtype=DOUBLE))
    table = roots.to_pandas()
    assert table["status"].tolist() == ["found", "found", "failed"]
    assert table["reason"].tolist() == ["converged", "converged", "not_finite"]
    assert table["steps"].tolist() == roots.steps.tolist()
    assert roots.summary() == "3 starts: 2 found, 0 slow, 1 failed"
    assert len(roots.advice) == 1
    assert roots.advice[0].startswith("1 of 3 starts: the map returned NaN")


# --- Whether it was interrupted, and what to do


def test_finished_work_was_not_interrupted_and_advice_is_sentences() -> None:
    for kind, result in every_result().items():
        assert result.interrupted is False, kind
        assert isinstance(result.advice, tuple), kind
        assert all(isinstance(line, str) and len(line) > 10 for line in result.advice), kind


class Interrupted:
    """A step whose user presses Ctrl-C at a given evaluation, once."""

    def __init__(self, step: Callable[[Tensor, Tensor], Tensor], at: int) -> None:
        self.step, self.left = step, at

    def __call__(self, h: Tensor, x: Tensor) -> Tensor:
        if torch._C._functorch.is_functorch_wrapped_tensor(h):
            return self.step(h, x)
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return self.step(h, x)


SEARCHES: dict[str, Callable[[rd.DrivenMap], Any]] = {
    "find_fixed_points": lambda net: rd.find_fixed_points(net.hold([0.0]), STARTS),
    "find_fixed_points_over_inputs": lambda net: rd.find_fixed_points_over_inputs(net, [[0.0], [0.5]], STARTS),
    "find_attractors_over_inputs": lambda net: rd.find_attractors_over_inputs(net, [[0.0], [0.5]], STARTS),
    "find_cycles": lambda net: rd.find_cycles(net.hold([0.0]), 2, STARTS),
    "find_attractors": lambda net: rd.find_attractors(net.hold([0.0]), STARTS),
    "basin_boundary": lambda net: rd.basin_boundary(net.hold([0.0]), [0.9], [-0.5]),
    "certify": lambda net: rd.certify(net.hold([0.0]), [[0.957504024077268740676]], STARTS),
    "reachability": lambda net: rd.reachability(net, torch.zeros(2, 10, 1), [[0.0], [0.5]], n=16),
    "solve": lambda net: rd.Newton().solve(net.hold([0.0]), STARTS),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_what_ctrl_c_ended_says_so(name: str) -> None:
    counted = Interrupted(lambda h, x: torch.tanh(2 * h + x), 10**9)
    search = SEARCHES[name]
    search(rd.as_map(counted, 1, 1, box=(-1.0, 1.0)))
    whole = 10**9 - counted.left
    said = []
    for at in {whole // 2, 2 * whole // 3, whole - 3}:
        try:
            found = search(rd.as_map(Interrupted(counted.step, at), 1, 1, box=(-1.0, 1.0)))
        except KeyboardInterrupt:
            continue  # before there was anything to keep
        said.append(found.interrupted)
    assert any(said), whole
