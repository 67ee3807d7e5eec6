"""Whole diagrams: every branch is found, or the diagram says that one is missing."""

import math
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from problems.bifurcations import (
    Step,
    family_of,
    imperfect_fold,
    logistic,
    rotated_tanh,
    tanh_fold,
    tanh_gain,
)
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import BifurcationDiagram, Branch, bifurcation_diagram
from rnn_dynamics.bifurcations.diagram.counting import count_branches
from rnn_dynamics.families import Family
from rnn_dynamics.systems import AutonomousMap


def starts(n: int, k: int = 64, spread: float = 1.0, seed: int = 0) -> Tensor:
    return spread * torch.randn(k, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def diagram(step: Step, n: int, span: tuple[float, float], **options: object) -> BifurcationDiagram:
    return bifurcation_diagram(family_of(step, n), starts(n), span, **{"searches": 9, **options})


def intervals(found: BifurcationDiagram) -> list[tuple[float, float, int, int, int]]:
    """(from, to, fixed points, stable, index sum) of each."""
    table = zip(
        found.intervals.tolist(),
        found.counts.tolist(),
        found.stable_counts.tolist(),
        found.index_sums.tolist(),
        strict=True,
    )
    return [(low, high, count, stable, index) for (low, high), count, stable, index in table]


def check(found: BifurcationDiagram, expected: list[tuple[float, float, int, int, int]], branches: int) -> None:
    rows = intervals(found)
    assert [row[2:] for row in rows] == [row[2:] for row in expected], found
    width = abs(found.span[1] - found.span[0])
    for row, known in zip(rows, expected, strict=True):
        assert row[:2] == pytest.approx(known[:2], abs=2e-8 * width)
    assert sum(branch.period == 1 for branch in found.branches) == branches
    assert found.missing == ()
    assert found.missed == ()
    assert not found.interrupted
    assert "sum" in found.verdict
    assert "missing" not in found.verdict
    for branch in found.branches:
        assert branch.complete
        assert float(branch.residuals.max()) < 1e-9


X, B = tanh_fold(2.0)
FOLD = imperfect_fold(1e-3)[1]
SMALL_FOLD = imperfect_fold(1e-6)[1]

DIAGRAMS: dict[str, tuple[Step, int, tuple[float, float], list[tuple[float, float, int, int, int]], int]] = {
    "tanh(w x)": (
        tanh_gain,
        1,
        (-2.0, 2.0),
        [(-2, -1, 1, 0, 1), (-1, 1, 1, 1, 1), (1, 2, 3, 2, 1)],
        2,
    ),
    "tanh(2 x + b)": (
        lambda h, b: torch.tanh(2 * h + b),
        1,
        (-1.0, 1.0),
        [(-1, -B, 1, 1, 1), (-B, B, 3, 2, 1), (B, 1, 1, 1, 1)],
        1,
    ),
    "imperfect pitchfork 1e-3": (
        lambda h, w: torch.tanh(w * h + 1e-3),
        1,
        (0.5, 2.0),
        [(0.5, FOLD, 1, 1, 1), (FOLD, 2, 3, 2, 1)],
        2,
    ),
    "imperfect pitchfork 1e-6": (
        lambda h, w: torch.tanh(w * h + 1e-6),
        1,
        (0.5, 2.0),
        [(0.5, SMALL_FOLD, 1, 1, 1), (SMALL_FOLD, 2, 3, 2, 1)],
        2,
    ),
    "isola": (
        lambda h, p: h + 0.3 * (0.25 - h**2 - p**2),
        1,
        (-1.0, 1.0),
        [(-1, -0.5, 0, 0, 0), (-0.5, 0.5, 2, 1, 0), (0.5, 1, 0, 0, 0)],
        1,
    ),
    "isola beside a branch": (
        lambda h, p: h + 0.1 * (0.25 - h**2 - p**2) * (h - 2 + p),
        1,
        (-0.8, 0.9),
        [(-0.8, -0.5, 1, 1, 1), (-0.5, 0.5, 3, 2, 1), (0.5, 0.9, 1, 1, 1)],
        2,
    ),
    "transcritical": (
        lambda h, p: h + 0.5 * (h - p + p**3) * (h + p + p**2),
        1,
        (-0.5, 1.0),
        [(-0.5, 0, 2, 1, 0), (0, 1, 2, 1, 0)],
        2,
    ),
    "subcritical pitchfork": (
        lambda h, p: h + p * h + h**3 - h**5,
        1,
        (-1.0, -0.1),
        [(-1, -0.25, 1, 1, 1), (-0.25, -0.1, 5, 3, 1)],
        3,
    ),
    "two uncoupled units": (
        tanh_gain,
        2,
        (-0.5, 2.0),
        [(-0.5, 1, 1, 1, 1), (1, 2, 9, 4, 1)],
        5,
    ),
    "two uncoupled units, one biased": (
        lambda h, w: torch.tanh(w * h + torch.tensor([0.0, 0.1], dtype=h.dtype)),
        2,
        (0.5, 2.0),
        [
            (0.5, 1, 1, 1, 1),
            (1, imperfect_fold(0.1)[1], 3, 2, 1),
            (imperfect_fold(0.1)[1], 2, 9, 4, 1),
        ],
        5,
    ),
}
"""Of each: the step, the number of units, the span, what there is between bifurcations, the number of branches."""


@pytest.mark.parametrize("name", DIAGRAMS)
def test_every_branch_is_found(name: str) -> None:
    step, n, span, expected, branches = DIAGRAMS[name]
    check(diagram(step, n, span, max_period=1), expected, branches)


@pytest.mark.parametrize("name", ["tanh(2 x + b)", "isola beside a branch"])
def test_a_span_that_falls_gives_the_same_diagram(name: str) -> None:
    step, n, span, expected, branches = DIAGRAMS[name]
    check(diagram(step, n, span[::-1]), expected, branches)


def test_joins_and_doubled_cycles() -> None:
    found = diagram(logistic, 1, (0.5, 3.52))
    assert sorted(branch.period for branch in found.branches) == [1, 1, 2, 4]
    places = [(join.parameter, tuple(found.branches[k].period for k in join.branches)) for join in found.joins]
    assert [periods for _, periods in places] == [(1, 1), (1, 2), (2, 4)]
    assert [p for p, _ in places] == pytest.approx([1.0, 3.0, 1 + math.sqrt(6)], abs=1e-7)
    two = next(branch for branch in found.branches if branch.period == 2)
    assert "doubling" in two.ends
    # The 2-cycle in closed form.
    for row in range(len(two)):
        r = float(two.parameters[row])
        root = math.sqrt(max((r - 3) * (r + 1), 0.0))
        expected = sorted([(r + 1 - root) / (2 * r), (r + 1 + root) / (2 * r)])
        assert sorted(two.orbits[row].flatten().tolist()) == pytest.approx(expected, abs=1e-7)
    none = diagram(logistic, 1, (0.5, 3.52), max_period=1)
    assert {branch.period for branch in none.branches} == {1}


def test_the_two_by_two_network_of_the_literature() -> None:
    """V' = tanh(g W v): 5 fixed points at g = 1, pitchforks of 0 where g times a real eigenvalue of W is 1."""
    weight = torch.tensor([[1.24980837, -0.01702046], [0.16869383, 1.23345761]], dtype=torch.float64)
    values = sorted(torch.linalg.eigvals(weight).tolist(), key=lambda value: -value.real)
    found = diagram(lambda h, g: torch.tanh(g * (h @ weight.T)), 2, (0.5, 1.0))
    trunk = next(branch for branch in found.branches if float(branch.states.norm()) < 1e-9)
    if abs(values[0].imag) < 1e-12:
        assert [point.parameter for point in trunk.special_points] == pytest.approx(
            [1 / value.real for value in values], abs=1e-8
        )
    else:
        assert [point.kind for point in trunk.special_points] == ["Neimark-Sacker"]
    assert found.counts[-1] == 5
    assert found.missing == ()


@pytest.mark.parametrize(
    "name", ["imperfect pitchfork 1e-3", "isola beside a branch", "two uncoupled units, one biased"]
)
def test_a_branch_that_is_taken_away_is_missed_where_its_index_shows(name: str) -> None:
    step, n, span, _, _ = DIAGRAMS[name]
    found = diagram(step, n, span)
    whole = count_branches(list(found.branches), span)
    assert len(set(whole.index_sums.tolist())) == 1
    shown = 0
    for gone in range(len(found.branches)):
        rest = [branch for k, branch in enumerate(found.branches) if k != gone]
        reduced = count_branches(rest, span)
        shown += len(set(reduced.index_sums.tolist())) > 1 or int(reduced.index_sums[0]) != int(whole.index_sums[0])
    # A branch that folds has index sum 0 over both its sides: only those without folds show.
    assert shown >= 1


def test_a_network_has_a_box_and_so_a_sum_of_one() -> None:
    found = bifurcation_diagram(gain_family(4, seed=1), starts(4), (0.3, 1.5), searches=9)
    assert found.expected_index == 1
    assert set(found.index_sums.tolist()) == {1}
    assert "sum to 1 all over the span" in found.verdict
    branches = list(found.branches)
    trunk = next(branch for branch in branches if branch.passing(0.31))
    reduced = count_branches([branch for branch in branches if branch is not trunk], found.span)
    assert 1 not in reduced.index_sums.tolist()[:1]


# --- random networks -------------------------------------------------------------------------------------------------


def gain_family(n: int, seed: int) -> Family:
    """Of a tanh network with biases: its recurrent weights scaled by p."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.RNN(1, n)
        with torch.no_grad():
            module.weight_hh_l0.copy_(2.0 * torch.randn(n, n) / math.sqrt(n))
            module.bias_hh_l0.copy_(0.1 * torch.randn(n))
            module.bias_ih_l0.zero_()
    return rd.scaled(module, "weight_hh_l0")


def gru_family(n: int, seed: int) -> Family:
    """Of a GRU with strong weights: its first input."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.GRU(2, n)
        with torch.no_grad():
            module.weight_hh_l0.mul_(4.0)
    return rd.as_map(module).input_family(0)


def newton(system: AutonomousMap, state: Tensor) -> Tensor | None:
    """Newton's method on the plain map: none of the library's solvers."""
    for _ in range(60):
        matrix = torch.autograd.functional.jacobian(lambda h: system(h.unsqueeze(0))[0], state)
        value = system(state.unsqueeze(0))[0] - state
        if float(value.norm()) < 1e-12:
            return state
        step, info = torch.linalg.solve_ex(matrix - torch.eye(len(state), dtype=state.dtype), value)
        if int(info) or not bool(step.isfinite().all()):
            return None
        state = state - step * min(1.0, 1.0 / max(float(step.norm()), 1e-300))
    return None


def audit(found: BifurcationDiagram, family: Family, n: int, parameters: int, tries: int) -> int:
    """Every fixed point that Newton's method finds from fresh random starts is on a branch; how many were compared."""
    generator = torch.Generator().manual_seed(99)
    low, high = sorted(found.span)
    compared = 0
    for _ in range(parameters):
        p = low + (high - low) * float(torch.rand((), generator=generator))
        system = family(p)
        near = torch.cat([found.branches[0].states[:0], *[each.near(p) for each in found.branches if each.period == 1]])
        refined = [newton(system, state) for state in near]
        for _ in range(tries):
            state = newton(system, torch.randn(n, generator=generator, dtype=torch.float64))
            if state is None:
                continue
            compared += 1
            distances = [float((state - each).norm()) for each in refined if each is not None]
            on_curve = any(each.distance(state, p) < 1e-4 for each in found.branches if each.period == 1)
            assert (distances and min(distances) < 1e-6) or on_curve, (p, state)
    return compared


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_fresh_starts_find_nothing_new_in_tanh_networks(seed: int) -> None:
    family = gain_family(6, seed)
    found = bifurcation_diagram(family, starts(6, 128), (0.2, 2.0), max_period=1)
    assert found.missing == ()
    assert audit(found, family, 6, parameters=20, tries=10) > 100


@pytest.mark.slow
def test_fresh_starts_find_nothing_new_in_a_gru() -> None:
    family = gru_family(16, seed=0)
    found = bifurcation_diagram(family, starts(16, 128), (-3.0, 3.0), max_period=1)
    assert found.missing == ()
    assert audit(found, family, 16, parameters=10, tries=8) > 15


def test_diagrams_are_repeatable() -> None:
    one, other = (
        bifurcation_diagram(gain_family(4, seed=2), starts(4), (0.3, 1.6), max_period=2, searches=5) for _ in range(2)
    )
    assert repr(one) == repr(other)
    for first, second in zip(one.branches, other.branches, strict=True):
        assert torch.equal(first.states, second.states)


# --- sections --------------------------------------------------------------------------------------------------------


def test_sections_find_the_circle() -> None:
    found = diagram(rotated_tanh(1.0), 2, (0.7, 1.3), sections=2, searches=3)
    assert found.sectioned.tolist() == pytest.approx([0.7, 1.3])
    (circle,) = found.sections
    assert (circle.kind, circle.parameter, circle.period) == ("circle", 1.3, 0)
    assert circle.exponent == pytest.approx(0.0, abs=1e-3)
    assert circle.share == pytest.approx(1.0)
    norms = circle.states.norm(dim=-1)
    assert 0.5 < float(norms.min()) < float(norms.max()) < 1.5


def test_sections_find_chaos_and_cycles_on_no_branch() -> None:
    family = family_of(logistic, 1)
    found = bifurcation_diagram(
        family,
        torch.rand(64, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
        (3.83, 4.0),
        sections=2,
        searches=2,
        max_period=1,
    )
    cycle, chaos = found.sections
    assert (cycle.kind, cycle.period, cycle.parameter) == ("cycle", 3, 3.83)
    assert (chaos.kind, chaos.parameter) == ("chaotic", 4.0)
    assert chaos.exponent == pytest.approx(math.log(2), abs=0.05)


# --- ends before its time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("calls", [30, 400])
def test_interruption_keeps_finished_branches_and_says_so(calls: int) -> None:
    made = 0

    def family(p: float) -> AutonomousMap:
        nonlocal made
        made += 1
        if made == calls:
            raise KeyboardInterrupt
        return rd.as_map(lambda h, _: torch.tanh(p * h + 1e-3), state_size=1, input_size=0).hold()

    found = bifurcation_diagram(family, starts(1), (0.5, 2.0))
    assert made >= calls
    assert found.interrupted
    assert found.verdict.startswith("Interrupted")
    for branch in found.branches:
        assert float(branch.residuals.max()) < 1e-9
        assert branch.complete or "interrupted" in branch.ends


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_real_sigint_is_kept_too() -> None:
    made, previous = 0, signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def family(p: float) -> AutonomousMap:
        nonlocal made
        made += 1
        if made == 200:
            signal.raise_signal(signal.SIGINT)
        return rd.as_map(lambda h, _: torch.tanh(p * h + 1e-3), state_size=1, input_size=0).hold()

    try:
        assert threading.current_thread() is threading.main_thread()
        found = bifurcation_diagram(family, starts(1), (0.5, 2.0))
    finally:
        signal.signal(signal.SIGINT, previous)
    assert found.interrupted


def test_a_saved_diagram_is_the_same(tmp_path: Path) -> None:
    found = diagram(logistic, 1, (0.5, 3.7), sections=2, searches=3)
    rd.save(found, tmp_path / "diagram")
    loaded = rd.load(tmp_path / "diagram")
    assert repr(loaded) == repr(found)
    assert loaded.counts_table().equals(found.counts_table())
    for one, other in zip(loaded.branches, found.branches, strict=True):
        assert torch.equal(one.states, other.states)
    for one, other in zip(loaded.sections, found.sections, strict=True):
        assert torch.equal(one.states, other.states)


def test_tables() -> None:
    found = diagram(tanh_gain, 1, (-2.0, 2.0), max_period=1)
    table = found.to_pandas()
    assert table["parameter"].tolist() == sorted(table["parameter"])
    assert len(table) == sum(len(branch.special_points) for branch in found.branches)
    for branch, kind, parameter in table[["branch", "kind", "parameter"]].itertuples(index=False):
        assert any(p.kind == kind and p.parameter == parameter for p in found.branches[branch].special_points)
    counts = found.counts_table()
    assert counts["fixed_points"].tolist() == [1, 1, 3]
    assert found.searched.tolist() == pytest.approx(torch.linspace(-2, 2, 9).tolist())
    assert found.n_searched.tolist()[-1] == 3


# --- kinks and other hard cases --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_relu_networks_are_not_lied_about(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = 0.9 * torch.randn(3, 3, generator=generator, dtype=torch.float64)
    bias = torch.randn(3, generator=generator, dtype=torch.float64)
    family = family_of(lambda h, p: torch.relu(h @ weight.T + p * bias + 0.1), 3)
    found = bifurcation_diagram(family, starts(3), (-1.0, 1.0), max_period=2, searches=9)
    for branch in found.branches:
        for row in range(0, len(branch), 3):
            system, state = family(float(branch.parameters[row])), branch.states[row]
            for _ in range(branch.period):
                state = system(state[None])[0]
            assert float((state - branch.states[row]).norm()) < 1e-8 * max(1.0, float(state.norm()))
    if any(not branch.complete for branch in found.branches):
        assert "end early" in found.verdict or "missing" in found.verdict


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "starts": (lambda: bifurcation_diagram(family_of(tanh_gain, 2), starts(3), (0, 1)), "starts"),
    "equal ends": (lambda: bifurcation_diagram(family_of(tanh_gain, 1), starts(1), (1, 1)), "two different finite"),
    "searches": (lambda: diagram(tanh_gain, 1, (0.0, 1.0), searches=0), "searches"),
    "sections": (lambda: diagram(tanh_gain, 1, (0.0, 1.0), sections=-1), "sections"),
    "period": (lambda: diagram(tanh_gain, 1, (0.0, 1.0), max_period=0), "max_period"),
    "steps": (lambda: diagram(tanh_gain, 1, (0.0, 1.0), walk=rd.Walk(max_steps=1.5)), "max_steps"),
    "memory": (lambda: diagram(tanh_gain, 1, (0.0, 1.0), memory_budget=0), "memory_budget"),
    "map": (lambda: bifurcation_diagram(family_of(tanh_gain, 1)(1.0), starts(1), (0, 1)), "family must be a function"),
}


@pytest.mark.parametrize("name", BAD)
def test_the_door_refuses(name: str) -> None:
    call, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        call()


def test_branches_do_not_depend_on_which_search_found_them() -> None:
    counts = []
    for searches in (1, 2, 5):
        found = diagram(lambda h, b: torch.tanh(2 * h + b), 1, (-1.0, 1.0), searches=searches)
        counts.append([len(found.branches), *found.counts.tolist()])
        branch: Branch = found.branches[0]
        assert [point.parameter for point in sorted(branch.special_points, key=lambda point: point.parameter)] == (
            pytest.approx([-B, B], abs=2e-8)
        )
        assert float(branch.states.min()) < X
    assert counts[0] == counts[1] == counts[2]
