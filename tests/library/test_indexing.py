"""Rows of results: chosen by numbers, slices, masks and lists, walked through, saved; one mechanism for all tables."""

from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from problems.maps import held, normal
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.continuation import follow
from rnn_dynamics.multistability import EchoIndex
from rnn_dynamics.tables import RowError, Table
from rnn_dynamics.tracking.invariant_sets import sets_of, table

DOUBLE = torch.float64


def pull(h: Tensor) -> Tensor:
    return torch.tanh(2 * h)


def logistic(h: Tensor) -> Tensor:
    return 4 * h * (1 - h)


@cache
def fixed_points() -> rd.FixedPoints:
    network = rd.as_map(lambda h, x: torch.tanh(2 * h + x), 2, 2, box=(-torch.ones(2), torch.ones(2)))
    return rd.find_fixed_points(network.hold([0.0, 0.0]), normal(64, 2), extra_starts=1024)


@cache
def attractors() -> rd.Attractors:
    return rd.find_attractors(held(pull, 2), normal(64, 2))


@cache
def slow_points() -> Any:
    return rd.find_fixed_points(held(lambda h: h + 0.01 + h**2 * (1 - h) ** 2, 1), normal(64, 1), extra_starts=0).slow


@cache
def cycles() -> Any:
    return rd.find_cycles(held(logistic, 1), 4, torch.rand(256, 1, generator=torch.Generator().manual_seed(0)))


@cache
def echo() -> EchoIndex:
    network = rd.as_map(lambda h, x: torch.tanh(2 * h + x), state_size=1, input_size=1)
    return rd.echo_index(network, torch.ones(40, 1), [0.0, 0.2, 2.0], starts=normal(8, 1))


def every_table() -> list[Table]:
    spectrum = rd.lyapunov_spectrum(held(logistic, 1), torch.tensor([[0.3], [0.6], [0.7]]), k=1, steps=256)
    followed = follow(lambda t: held(lambda h: torch.tanh((2 + t) * h), 2), fixed_points().states[:3], 0.0, 0.1)
    roots = rd.Newton().solve(held(pull, 2), normal(5, 2))
    sets = table(sets_of(fixed_points(), attractors(), 64))
    (line,) = rd.line_attractors(held(pull, 2), [[0.0, 0.0], [0.1, 0.1], [0.2, 0.2]])
    return [fixed_points(), attractors(), line, slow_points(), cycles(), echo(), spectrum, followed, roots, sets]


def equal(first: Any, second: Any) -> bool:
    """To the bit, NaN like NaN."""
    if isinstance(first, Tensor):
        return first.dtype == second.dtype and torch.allclose(first, second, rtol=0, atol=0, equal_nan=True)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    if is_dataclass(first):
        return all(equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    return first == second or (first != first and second != second)


def test_every_table_gives_the_rows_that_were_asked_for() -> None:
    """Brute force: every column, row by row."""
    for whole in every_table():
        rows = list(range(len(whole)))
        assert len(rows) >= 2, type(whole)
        for choice in (rows[-1], -2, slice(1, None), slice(None, None, -1), [1, 0, 1], np.array(rows) > 0):
            want = np.atleast_1d(np.array(rows)[choice]).tolist()
            chosen = whole[choice]
            assert type(chosen) is type(whole)
            assert (len(chosen), chosen.chosen_from) == (len(want), len(whole))
            for name in whole._columns():
                column = getattr(whole, name)
                for position, row in enumerate(want if column is not None else []):
                    assert equal(getattr(chosen, name)[position], column[row]), (type(whole), name)
        assert [len(part) for part in whole] == [1] * len(whole)
        assert repr(whole[0])


def test_every_field_of_every_table_is_a_column_or_said_not_to_be() -> None:
    for whole in every_table():
        names = {f.name for f in fields(whole)}
        assert whole._whole | whole._pointers <= names
        for name in whole._columns():
            assert getattr(whole, name) is None or len(getattr(whole, name)) == len(whole), (type(whole), name)


@pytest.mark.parametrize(
    "choice",
    [
        [0, 2],
        np.array([0, 2]),
        torch.tensor([0, 2]),
        torch.tensor([0, -7]),
        range(0, 4, 2),
        slice(0, 4, 2),
        [True, False, True] + 6 * [False],
        np.uint8([0, 2]),
    ],
)
def test_all_ways_to_choose_agree(choice: Any) -> None:
    points = fixed_points()
    assert len(points) == 9
    assert torch.equal(points[choice].states, points.states[[0, 2]])


def test_numbers_of_all_kinds_choose_one_row() -> None:
    points = fixed_points()
    for number in (4, -5, np.int64(4), torch.tensor(4), np.array(4)):
        assert torch.equal(points[number].states, points.states[4:5])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (9, r"rows must lie between -9 and 8 for 9 rows, got \[9\]"),
        (-10, r"rows must lie between -9 and 8 for 9 rows, got \[-10\]"),
        ([0, 10**12], r"rows must lie between -9 and 8 for 9 rows, got \[0, 1000000000000\]"),
        (10**30, r"rows must be rows, as numbers or as a mask \[9\], got object \[\]"),
        ([True, False], r"rows must be rows, as numbers or as a mask \[9\], got bool \[2\]"),
        (True, r"rows must be rows, as numbers or as a mask \[9\], got bool \[\]"),
        (0.5, r"got float64 \[\]"),
        (torch.zeros(2, 2, dtype=torch.long), r"got int64 \[2, 2\]"),
        ("stable", "rows must be rows, as numbers"),
        (None, "rows must be rows, as numbers"),
        ([[0], [1, 2]], "rows must be rows, as numbers"),
        ((0, 1), "rows must be one choice, .* a table has one axis"),
        (slice("a", None), "rows must be a slice of whole numbers"),
        (slice(None, None, 0), "rows must be a slice of whole numbers"),
        (torch.eye(9).to_sparse(), "rows must be rows, as numbers"),
        (torch.empty(2, device="meta"), "rows must be rows, as numbers"),
    ],
)
def test_rows_that_are_not_there_are_refused(choice: Any, message: str) -> None:
    with pytest.raises(RowError, match=message) as caught:
        fixed_points()[choice]
    assert isinstance(caught.value, IndexError)
    assert isinstance(caught.value, ValueError)


def test_none_of_no_rows() -> None:
    none = fixed_points()[[]]
    assert (len(none), list(none), none.states.shape) == (0, [], (0, 2))
    assert none[:].summary() == "0 of 9 fixed points: 0 stable"
    assert "0 of 9 fixed points" in repr(none)
    assert none._repr_html_()
    with pytest.raises(RowError, match=r"rows must be empty, as there are no rows, got \[0\]"):
        none[0]


def test_a_choice_of_fixed_points_keeps_what_is_known_of_starts_and_claims_no_completeness() -> None:
    points = fixed_points()
    assert points.index_sum == 1
    stable = points[points.stable]
    assert stable.summary() == "4 of 9 fixed points: 4 stable"
    assert stable.index_sum is None
    assert stable.completeness.verdict == "index sum not applicable: these are a choice of the points found"
    assert torch.equal(stable.fractions, points.fractions[points.stable])
    assert torch.equal(stable.hits, torch.bincount(stable.labels[stable.labels >= 0], minlength=4))
    # Each start still points at the very state that it ended at.
    for before, now in zip(points.labels.tolist(), stable.labels.tolist(), strict=True):
        if before >= 0 and points.stable[before]:
            assert torch.equal(stable.states[now], points.states[before])
        else:
            assert now == -1
    assert points.input_jacobians is not None
    assert torch.equal(stable[2].input_jacobians, points.input_jacobians[points.stable][2:3])
    assert stable[2].chosen_from == 9


def test_a_row_chosen_twice_is_pointed_at_once() -> None:
    points = fixed_points()
    twice = points[[5, 5]]
    assert torch.equal(twice.states[0], twice.states[1])
    assert set(twice.labels.tolist()) <= {-1, 0}
    assert torch.equal(twice.labels == 0, points.labels == 5)


def test_a_choice_leaves_slow_points_and_continua_out() -> None:
    def step(h: Tensor) -> Tensor:
        x, y = h[..., :1], h[..., 1:]
        return torch.cat([x + 0.01 + x**2 * (1 - x) ** 2, torch.tanh(2 * y)], dim=-1)

    points = rd.find_fixed_points(held(step, 2), normal(64, 2), extra_starts=0)
    assert len(points.slow) > 0
    assert len(points[[]].slow) == 0
    assert points[[]].slow.chosen_from == len(points.slow)
    assert "slow" not in points[[]].summary()


def test_attractors_are_chosen_with_their_orbits_and_evidence() -> None:
    found = attractors()
    assert len(found) == 4
    last = found[-1]
    assert last.summary() == "1 of 4 attractors: 1 fixed point"
    assert last.evidence[0] is found.evidence[3]
    assert torch.equal(last.labels == 0, found.labels == 3)
    assert torch.equal(last.fractions, found.fractions[3:])
    # They go where whole results go: known attractors keep the rows of the choice.
    again = rd.find_attractors(held(pull, 2), normal(64, 2), known=found[[2, 0]])
    assert torch.equal(again.states[:2], found.states[[2, 0]])
    assert len(again) == 4


def test_cycles_are_chosen_by_stability() -> None:
    found = cycles()
    assert len(found) == 3  # (16 - 4) / 4 cycles of period 4 of the logistic map at r = 4
    assert found[0].summary() == "1 of 3 cycles of period 4 (0 stable)"
    assert found[0].orbits.shape == (1, 4, 1)
    assert len(found[found.stable]) == 0


@pytest.mark.parametrize("row", [0, slice(1, None), []])
def test_choices_can_be_saved(row: Any, tmp_path: Path) -> None:
    for whole in (fixed_points(), attractors(), slow_points(), cycles(), echo()):
        chosen = whole[row]
        again = rd.load(rd.save(chosen, tmp_path / "chosen.safetensors"))
        assert again.chosen_from == len(whole)
        assert repr(again) == repr(chosen)
        for name in whole._columns():
            assert equal(getattr(again, name), getattr(chosen, name))


def test_a_table_is_not_taken_for_an_array() -> None:
    system = held(pull, 2)
    with pytest.raises(ValueError, match="starts must be a tensor or array of real numbers, got FixedPoints"):
        rd.find_fixed_points(system, fixed_points())  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="FixedPoints is a table, not an array: take one of its columns"):
        np.asarray(fixed_points())


def test_a_walk_meets_every_row_in_order() -> None:
    points = fixed_points()
    assert torch.equal(torch.cat([point.states for point in points]), points.states)
    assert [point.kinds[0] for point in points] == list(points.kinds)
    assert [point.kinds[0] for point in reversed(points)] == list(points.kinds[::-1])
