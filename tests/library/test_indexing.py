"""Rows of results: chosen by numbers, slices, masks and lists, walked through, saved; one mechanism for all tables."""

import inspect
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import doors
import numpy as np
import pytest
import torch
from problems.maps import held, normal
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import BifurcationCurve, CodimensionTwoPoint, ContinuumBranch, TransverseChange
from rnn_dynamics.certificates.branches.rows import BranchRows
from rnn_dynamics.certificates.completeness.rows import CensusRows
from rnn_dynamics.continuation import follow
from rnn_dynamics.fixed_points import Continuum, FixedPointsOverInputs
from rnn_dynamics.multistability import EchoIndex
from rnn_dynamics.tables import RowError, Table
from rnn_dynamics.tracking import Observation
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
    most = [fixed_points(), attractors(), line, slow_points(), cycles(), echo(), spectrum, followed, roots, sets]
    proofs = [doors.proof(), doors.census(), doors.proved_branch()]
    return [
        *most,
        diagram(),
        *proofs,
        doors.charted(),
        doors.played(),
        doors.swept(),
        doors.planted(),
        doors.resilient(),
        doors.escapes(),
        doors.uncertain(),
        doors.merged(),
        doors.curves(),
        doors.connections(),
    ]


def plane(p: float, q: float) -> rd.AutonomousMap:
    return rd.as_map(lambda h, _: torch.tanh(q * h) + p, 1, 0).hold()


@cache
def history() -> rd.TrackingHistory:
    """Of weights that grow: a pitchfork between the second and the third of five observations, in each coordinate."""
    network = doors.module()
    tracker = rd.AttractorTracker(doors.sequences(), hold=[0.0], effort=doors.LITTLE, budget=None)
    for step, weight in enumerate((0.6, 0.9, 1.2, 1.4, 1.6)):
        with torch.no_grad():
            network.weight_hh_l0.copy_(weight * torch.eye(2))
        tracker.observe(step, network)
    return tracker.history


@cache
def timeline() -> rd.TrainingBifurcations:
    networks = [doors.module() for _ in range(5)]
    for network, weight in zip(networks, (0.6, 0.9, 1.2, 1.4, 1.6), strict=True):
        with torch.no_grad():
            network.weight_hh_l0.copy_(weight * torch.eye(2))
    return rd.training_bifurcations(list(enumerate(networks)), n_starts=16, losses=[1.0, 0.9, 0.5, 0.4, 0.3])


@cache
def diagram() -> rd.BifurcationDiagram:
    family = rd.as_map(lambda h, x: torch.tanh((2 + x) * h), 1, 1).input_family(0)
    return rd.bifurcation_diagram(family, normal(8, 1), (-1.5, 0.5), searches=3, sections=0, max_period=1)


@cache
def ring() -> ContinuumBranch:
    """Of radius sqrt(1 + p): circles of fixed points over a parameter."""
    angles = torch.linspace(0, 6, 32, dtype=DOUBLE)
    circle = torch.stack([angles.cos(), angles.sin()], dim=-1)
    p = torch.linspace(0, 1, 6, dtype=DOUBLE)
    still = torch.zeros(32, dtype=DOUBLE)
    along = [Continuum(circle * (1 + at) ** 0.5, still, 1, True, 0, still + 0.5 + at) for at in p.tolist()]
    changes = (TransverseChange(0.5, "attracting", "not attracting"),)
    return ContinuumBranch(p, tuple(along), ("span", "lost"), changes)


@cache
def tables_in_order() -> list[Table]:
    """Histories and curves, whose rows are chosen in their order."""
    network = rd.as_map(lambda h, x: torch.tanh(2 * h + x), 1, 1, box=(-1.0, 1.0))
    over = rd.find_fixed_points_over_inputs(network, [[0.0], [1.0]], normal(16, 1), extra_starts=0)
    attracting = rd.find_attractors_over_inputs(network, [[0.0], [1.0]], normal(16, 1))
    curve = rd.continue_bifurcation(plane, doors.fold(), ((-2.0, 2.0), (1.2, 2.0)), at=1.5)
    trained = rd.train(doors.model(), doors.task(), settings=rd.TrainSettings(epochs=3, batch_size=4))
    curves = [
        doors.branch(),
        curve,
        ring(),
        doors.fractions(),
        doors.orbits_over(),
        doors.connected(),
        doors.touching(),
    ]
    return [
        over,
        attracting,
        *curves,
        doors.warmed(),
        trained,
        doors.agent(),
        history(),
        history().identities,
        timeline(),
        timeline().coincidence(),
    ]


def equal(first: Any, second: Any) -> bool:
    """To the bit, NaN like NaN."""
    if isinstance(first, Tensor):
        return first.dtype == second.dtype and torch.allclose(first, second, rtol=0, atol=0, equal_nan=True)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    if is_dataclass(first):
        return all(equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    return first == second or (first != first and second != second)


def alone(entry: Any) -> Any:
    """An observation without the way to it, which a choice keeps only from the one before."""
    observed = isinstance(entry, Observation)
    return replace(entry, passage=None, way=(), resolution=None) if observed else entry


def test_every_table_gives_the_rows_that_were_asked_for() -> None:
    """Brute force: every column, row by row."""
    for whole in every_table() + tables_in_order():
        rows = list(range(len(whole)))
        assert len(rows) >= 2, type(whole)
        choices: list[Any] = [rows[-1], -2, slice(1, None), np.array(rows) > 0, [0, len(rows) - 1], []]
        for choice in choices + [slice(None, None, -1), [1, 0, 1]] * (not whole._in_order):
            want = np.atleast_1d(np.array(rows)[choice]).tolist()
            chosen = whole[choice]
            assert type(chosen) is type(whole)
            assert (len(chosen), chosen.chosen_from) == (len(want), len(whole))
            for name in whole._columns():
                column = getattr(whole, name)
                for position, row in enumerate(want if column is not None else []):
                    assert equal(alone(getattr(chosen, name)[position]), alone(column[row])), (type(whole), name)
        assert [len(part) for part in whole] == [1] * len(whole)
        assert all(repr(whole[choice]) and whole[choice]._repr_html_() for choice in (0, -1, slice(1, None), []))


def test_every_class_of_rows_is_among_the_tables() -> None:
    def below(kind: type) -> set[type]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    parts = {CensusRows, BranchRows}  # of results that can prove themselves again; nobody is given them alone
    assert {kind for kind in below(Table) if not inspect.isabstract(kind)} - parts == {
        type(table) for table in every_table() + tables_in_order()
    }


def test_rows_in_order_are_chosen_in_their_order() -> None:
    for whole in tables_in_order():
        for choice in (slice(None, None, -1), [1, 0], [0, 0]):
            with pytest.raises(RowError, match=r"rows must rise, as those of a .* are in order, got "):
                whole[choice]


def test_every_field_of_every_table_is_a_column_or_said_not_to_be() -> None:
    for whole in every_table() + tables_in_order():
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
    for whole in (fixed_points(), attractors(), slow_points(), cycles(), echo(), diagram(), *tables_in_order()):
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


# --- What rows in order keep of what lies between them


def test_a_choice_of_a_branch_keeps_its_special_points_and_says_where_it_ends() -> None:
    branch = doors.branch()
    assert len(branch.special_points) > 1
    row = branch.special_points[1].row
    part = branch[row - 1 :]
    assert part.special_points[0].row == 1
    assert torch.equal(part.states[1], branch.special_points[1].state)
    assert part.ends == ("chosen", branch.ends[1])
    assert not part.complete
    assert part.summary().endswith("; rows beyond were not chosen")
    assert torch.equal(part.stable, branch.stable[row - 1 :])
    assert branch[:].ends == branch.ends
    assert branch[[]].segments() == []
    closed = replace(branch, ends=("closed", "closed"))
    assert (closed[1:].ends, closed[[0, -1]].ends) == (("chosen",) * 2,) * 2


def test_a_choice_of_a_curve_keeps_its_points_of_codimension_two() -> None:
    (curve,) = (table for table in tables_in_order() if isinstance(table, BifurcationCurve))
    eigenvalues = torch.ones(1, dtype=torch.complex128)
    cusp = CodimensionTwoPoint("cusp", curve.parameters[3], curve.states[3], 3, 0.0, eigenvalues)
    curve = replace(curve, codimension_two=(cusp,))
    assert [point.row for point in curve[2:].codimension_two] == [1]
    assert curve[4:].codimension_two == ()
    assert curve[4:].ends == ("chosen", curve.ends[1])


def test_a_choice_of_a_ring_keeps_changes_between_neighbours() -> None:
    along = ring()
    assert (along[2:].ends, len(along[2:].changes)) == (("chosen", "lost"), 1)
    assert (along[:2].changes, along[[2, 4]].changes) == ((), ())


def test_a_choice_of_branches_keeps_the_joins_among_them_and_no_index_sum() -> None:
    whole = diagram()
    assert len(whole) == 2
    (join,) = whole.joins
    assert set(join.branches) == {0, 1}
    assert tuple(sorted(whole[::-1].joins[0].branches)) == (0, 1)
    assert whole[::-1].joins[0].branches == tuple(1 - number for number in join.branches)
    one = whole[1]
    assert (one.joins, one.expected_index, len(one.intervals), one.missing) == ((), None, 0, ())
    assert one.verdict == "A choice of 1 of 2 branches: index sums belong to all."
    assert one.counts_table().empty


def test_a_choice_of_a_history_keeps_the_way_from_an_observation_that_was_chosen_too() -> None:
    whole = history()
    assert all(o.passage is not None for o in whole.observations[1:])
    part = whole[[1, 2, 4]]
    assert [o.passage is None for o in part.observations] == [True, False, True]
    assert part.observations[1] is whole.observations[2]
    assert part.steps.tolist() == [1, 2, 4]
    births = [event for event in whole[1:3].identities.events if event.kind == "birth" and event.step == 2]
    assert len(births) == len([e for e in whole.identities.events if e.kind == "birth" and e.step == 2]) > 0


def test_identities_are_chosen_with_their_lives() -> None:
    whole = history().identities
    assert len(whole) > 2
    part = whole[[0, 2]]
    assert (part.rows(0), part.rows(1)) == (whole.rows(0), whole.rows(2))
    assert [event.step for event in part.events] == [e.step for e in whole.events if e.identity in (0, 2)]
    assert {event.partner for event in part.events} <= {-1, 0, 1}


def test_a_choice_of_a_timeline_keeps_events_between_checkpoints_that_follow_each_other() -> None:
    whole = timeline()
    assert {event.before for event in whole.events} == {1}
    for rows, kept in (([1, 2], True), ([1, 2, 4], True), ([0, 1], False), ([1, 3], False), ([2, 3, 4], False)):
        part = whole[rows]
        assert len(part.events) == len(whole.events) * kept
        for event, before in zip(part.events, whole.events if kept else (), strict=True):
            assert part.identities.rows(event.identity)[0][0] == rows.index(
                next(row for row, _ in whole.identities.rows(before.identity) if row in rows)
            )
    assert whole[2:].losses.tolist() == [0.5, 0.4, 0.3]


def test_a_choice_of_epochs_and_intervals() -> None:
    trained = next(table for table in tables_in_order() if isinstance(table, rd.Training))
    best = trained.best_epoch
    assert trained[best].best_epoch == 0
    others = trained[[row for row in range(3) if row != best]]
    assert others.best_epoch == -1
    assert others.summary().endswith("the best epoch is not among them")
    found = timeline().coincidence()
    assert len(found[1:].shifted) == 3
    assert found[:2].p_value != found[:2].p_value  # of two there is none
    assert found[:].correlation == found.correlation


def test_points_over_inputs_are_chosen_among_all() -> None:
    over = tables_in_order()[0]
    assert isinstance(over, FixedPointsOverInputs)
    part = over[over.labels == 1]
    assert [len(points) for points in part.points] == [0, 1]
    assert torch.equal(part.points[1].states, over.points[1].states)
    assert part.summary() == "1 of 4 fixed points under 2 held inputs"
