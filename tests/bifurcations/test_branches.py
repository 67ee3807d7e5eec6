"""Branches: every problem of ``bifurcation_problems``, and what the door refuses."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from problems.bifurcations import (
    BRANCHES,
    BranchProblem,
    Known,
    embedded,
    family_of,
    reparametrised,
    resized,
    resonant,
    reversed_span,
    rotated,
    rotated_tanh,
    stretched,
    tanh_fold,
)
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import Branch, BranchWalk, SpecialPoint, continue_fixed_point
from rnn_dynamics.bifurcations.branch import special_table
from rnn_dynamics.continuation import first_point
from rnn_dynamics.families import Span
from rnn_dynamics.systems import AutonomousMap

BY_NAME = {problem.name: problem for problem in BRANCHES}


def walked(problem: BranchProblem, **walk: object) -> Branch:
    return continue_fixed_point(
        problem.family,
        problem.start,
        problem.span,
        at=problem.at,
        period=problem.period,
        walk=rd.Walk(**{"max_norm": problem.max_norm, **walk}),
    )


def jacobian(system: AutonomousMap, state: Tensor, period: int) -> Tensor:
    """DF^period by automatic differentiation of the plain composition: none of the library's own."""

    def image(h: Tensor) -> Tensor:
        for _ in range(period):
            h = system(h.unsqueeze(0))[0]
        return h

    return torch.autograd.functional.jacobian(image, state)


def check_rows(branch: Branch, family: Callable[[float], AutonomousMap]) -> None:
    """Residuals, eigenvalues, stability, indices and tangents of every row against independent values."""
    special = {point.row: point for point in branch.special_points}
    rows = sorted(special)
    assert all(b - a >= 2 for a, b in itertools.pairwise(rows)), "two special rows are neighbours"
    assert [point.row for point in branch.special_points] == rows
    low, high = sorted(branch.span)
    assert bool(((branch.parameters >= low) & (branch.parameters <= high)).all())
    width = branch.span[1] - branch.span[0]
    for row in range(len(branch)):
        p, state = float(branch.parameters[row]), branch.states[row]
        unit = float(branch.units.max())
        scale = unit * max(1.0, float(state.norm()) / unit)
        system = family(p)
        phase = state
        for turn in range(branch.period):
            torch.testing.assert_close(branch.orbits[row, turn], phase, rtol=0, atol=1e-12 * scale)
            phase = system(phase.unsqueeze(0))[0]
        residual = float((phase - state).norm())
        assert residual < 1e-9 * scale
        assert float(branch.residuals[row]) == pytest.approx(residual, abs=1e-13 * scale)
        matrix = jacobian(system, state, branch.period)
        values = torch.linalg.eigvals(matrix)
        size = max(1.0, float(values.abs().max()))
        assert float(branch.spectral_radii[row]) == pytest.approx(float(values.abs().max()), abs=1e-8 * size)
        assert int(branch.n_unstable[row]) == int((values.abs() > 1 + (1e-6 if row in special else 1e-9)).sum())
        assert bool(branch.stable[row]) == (row not in special and bool((values.abs() <= 1 + 1e-9).all()))
        determinant = float(torch.linalg.det(torch.eye(len(state), dtype=matrix.dtype) - matrix))
        if row in special and special[row].kind in ("fold", "branch point"):
            assert int(branch.indices[row]) == 0
        elif abs(determinant) > 1e-10:  # a row may lie upon a special point beside it
            assert int(branch.indices[row]) == math.copysign(1, determinant)
        if row not in special:
            along = branch.tangents[row]
            step = 1e-6 * max(1.0, abs(p))
            by_p = (family(p + step)(state[None]) - family(p - step)(state[None]))[0] / (2 * step)
            if branch.period == 1:
                moved = matrix @ along[:-1] - along[:-1] + abs(width) * along[-1] * by_p
                assert float(moved.norm()) < 1e-5 * scale * max(1.0, size)
            size = float((along[:-1] / branch.units).norm()) / max(1.0, float((state / branch.units).norm()))
            assert math.hypot(size, float(along[-1])) == pytest.approx(1.0, abs=1e-6)


def check_order(branch: Branch) -> None:
    """Rows follow one another along the curve: every chord points along the tangents at its ends."""
    width = abs(branch.span[1] - branch.span[0])
    for row in range(len(branch) - 1):
        scale = max(1.0, float((branch.states[row] / branch.units).norm()))
        chord = torch.cat(
            [
                (branch.states[row + 1] - branch.states[row]) / (scale * branch.units) ** 2,
                (branch.parameters[row + 1] - branch.parameters[row]).unsqueeze(0) / width,
            ]
        )
        special = branch.special_rows
        # A row may lie upon the special point next to it, to rounding.
        assert special[row] or float(chord @ branch.tangents[row]) > -1e-12
        assert special[row + 1] or float(chord @ branch.tangents[row + 1]) > -1e-12


def check_point(point: SpecialPoint, known: Known, problem: BranchProblem) -> None:
    width = abs(problem.span[1] - problem.span[0])
    assert point.kind == known.kind
    assert abs(point.parameter - known.parameter) <= problem.parameter_accuracy * width
    assert point.detail == known.detail
    assert point.criticality == known.criticality
    assert point.multiplicity == known.multiplicity
    if known.coefficient is not None:
        one_signed = known.kind == "fold" or known.detail == "transcritical"
        value = abs(point.coefficient) if one_signed else point.coefficient
        assert value == pytest.approx(known.coefficient, rel=1e-5)
    if known.state is not None:
        state = torch.tensor(known.state, dtype=torch.float64)
        size = problem.unit * max(1.0, float(state.norm()) / problem.unit)
        torch.testing.assert_close(point.state, state, rtol=0, atol=1e-5 * size)
    if known.angle is not None:
        assert point.angle == pytest.approx(known.angle, abs=1e-6)
    assert abs(point.eigenvalue) == pytest.approx(1.0, abs=1e-5)
    target = {"fold": 1.0, "branch point": 1.0, "flip": -1.0}.get(known.kind)
    if target is not None:
        assert abs(point.eigenvalue - target) < 1e-5
    assert point.residual < 1e-9 * problem.unit * max(1.0, float(point.state.norm()) / problem.unit)
    assert point.status == "located"
    assert point.interval[0] <= known.parameter <= point.interval[1]
    assert point.interval[1] - point.interval[0] <= 3e-6 * width


def check(problem: BranchProblem, branch: Branch) -> None:
    points, ends = branch.special_points, branch.ends
    known = problem.known
    expected_ends = problem.ends
    if problem.from_end:
        known, expected_ends = known[::-1], expected_ends[::-1]
    assert [point.kind for point in points] == [each.kind for each in known], branch
    for point, each in zip(points, known, strict=True):
        check_point(point, each, problem)
        assert float(branch.parameters[point.row]) == point.parameter
        assert torch.equal(branch.states[point.row], point.state)
    assert ends == expected_ends
    check_rows(branch, problem.family)
    check_order(branch)


@pytest.mark.parametrize("problem", BRANCHES, ids=lambda problem: problem.name)
def test_known_branch(problem: BranchProblem) -> None:
    check(problem, walked(problem))


# --- the same problem seen otherwise ---------------------------------------------------------------------------------

SOME = [
    BY_NAME[name]
    for name in (
        "tanh(w x) over w, x = 0",
        "tanh(2.0 x + b) over b",
        "logistic, x = 1 - 1/r",
        "delayed logistic",
        "Henon, b = 0.3",
        "x + p x + x^3 - x^5, arms",
    )
]


def some(*without: str) -> pytest.MarkDecorator:
    problems = [problem for problem in SOME if problem.name not in without]
    return pytest.mark.parametrize("problem", problems, ids=lambda problem: problem.name)


few = pytest.mark.parametrize("problem", SOME[1:4], ids=lambda problem: problem.name)
"""A branch with folds, one with a branch point and a flip, one with a Neimark-Sacker point."""


@few
def test_reversed_span(problem: BranchProblem) -> None:
    check(reversed_span(problem), walked(reversed_span(problem)))


@few
@pytest.mark.parametrize("width", [1e6, 1e-6])
def test_wide_and_narrow_spans(problem: BranchProblem, width: float) -> None:
    other = reparametrised(problem, width)
    branch, plain = walked(other), walked(problem)
    assert [point.kind for point in branch.special_points] == [known.kind for known in problem.known]
    for point, known in zip(branch.special_points, other.known, strict=True):
        check_point(point, known, other)
    # The walk is in units of the span, so nothing but rounding differs.
    assert len(branch) == len(plain)
    torch.testing.assert_close(branch.states, plain.states, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        branch.tangents[~branch.special_rows], plain.tangents[~plain.special_rows], rtol=0, atol=1e-4
    )


@some("Henon, b = 0.3")
@pytest.mark.parametrize("size", [1e9, 1e3, 1e-3, 1e-6, 1e-9])
def test_large_and_small_states(problem: BranchProblem, size: float) -> None:
    other = resized(problem, size)
    check(other, walked(other))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e9, 1e-9])
@pytest.mark.parametrize("problem", BRANCHES, ids=lambda problem: problem.name)
def test_every_branch_of_large_and_small_states(problem: BranchProblem, size: float) -> None:
    other = resized(problem, size)
    check(other, walked(other))


@pytest.mark.parametrize("sizes", [(1e4, 1.0), (1.0, 1e4), (1e8, 1.0), (1.0, 1e8)])
@pytest.mark.parametrize("name", ["delayed logistic", "tanh(g Rot(1.0) x)", "Henon, b = 0.3"])
def test_a_large_coordinate_beside_another(name: str, sizes: tuple[float, float]) -> None:
    problem = BY_NAME[name]
    branch, plain = walked(stretched(problem, sizes)), walked(problem)
    assert branch.ends == plain.ends
    width = abs(problem.span[1] - problem.span[0])
    for point, other, known in zip(branch.special_points, plain.special_points, problem.known, strict=True):
        assert (point.kind, point.criticality, point.detail) == (known.kind, known.criticality, known.detail)
        assert abs(point.parameter - known.parameter) <= 1e-8 * width
        away = point.state / torch.tensor(sizes, dtype=torch.float64) - other.state
        assert float(away.norm()) <= 1e-8 * max(1.0, float(other.state.norm()))
        assert abs(point.eigenvalue - other.eigenvalue) <= 1e-9
        assert point.interval[0] <= known.parameter <= point.interval[1]


def test_a_point_at_the_very_end_of_the_span_is_only_bracketed() -> None:
    """The flip of the logistic map at r = 3 beside the end of the span: no point of the branch lies beyond it."""
    branch = continue_fixed_point(BY_NAME["logistic, x = 1 - 1/r"].family, [0.6], (2.5, 3 + 2e-9))
    (point,) = branch.special_points
    assert point.status == "bracketed"
    assert point.interval[0] < 3 <= point.interval[1]
    assert "bracketed between" in repr(point)
    assert "bracketed between" in special_table([(0, point)])["detail"][0]


@few
def test_in_twenty_dimensions(problem: BranchProblem) -> None:
    other = embedded(problem, 20, seed=3, bend=0.3)
    check(other, walked(other))


@pytest.mark.parametrize("seed", range(3))
def test_bent_coordinates_change_nothing(seed: int) -> None:
    problem = SOME[seed % len(SOME)]
    other = embedded(problem, 4, seed=seed, bend=1.0)
    check(other, walked(other))


@few
def test_a_plain_function_of_p_is_as_good_as_an_input(problem: BranchProblem) -> None:
    branch = continue_fixed_point(problem.plain_family, problem.start, problem.span, at=problem.at)
    check(problem, branch)
    torch.testing.assert_close(branch.states, walked(problem).states, rtol=0, atol=1e-6)


@some("delayed logistic", "Henon, b = 0.3", "x + p x + x^3 - x^5, arms")
def test_a_curved_reparametrisation_moves_points_to_where_it_must(problem: BranchProblem) -> None:
    """P = q^3 + q has one real root q for each p."""

    def root(p: float) -> float:
        r = math.sqrt(p**2 / 4 + 1 / 27)
        return math.cbrt(p / 2 + r) + math.cbrt(p / 2 - r)

    other = replace(
        problem,
        step=lambda h, q: problem.step(h, q**3 + q),
        span=(root(problem.span[0]), root(problem.span[1])),
        known=tuple(replace(known, parameter=root(known.parameter)) for known in problem.known),
    )
    check(other, walked(other))


@few
@pytest.mark.parametrize("longest_step", [0.2, 0.01])
def test_the_length_of_steps_does_not_matter(problem: BranchProblem, longest_step: float) -> None:
    branch = walked(problem, longest_step=longest_step)
    assert [point.kind for point in branch.special_points] == [known.kind for known in problem.known]
    for point, known in zip(branch.special_points, problem.known, strict=True):
        check_point(point, known, problem)
    chords = torch.cat([branch.states.diff(dim=0), branch.parameters.diff().unsqueeze(-1) / 1e9], dim=-1).norm(dim=-1)
    assert float(chords.max()) < 1.2 * longest_step * max(1.0, float(branch.states.norm(dim=-1).max()))


@few
def test_the_same_branch_from_any_of_its_points(problem: BranchProblem) -> None:
    branch = walked(problem)
    for row in (2 * len(branch) // 3,):
        if bool(branch.special_rows[row]):
            row += 1
        other = replace(problem, start=tuple(branch.states[row].tolist()), at=float(branch.parameters[row]))
        again = walked(other)
        towards = [each.parameter for each in again.special_points]
        if towards != pytest.approx([each.parameter for each in branch.special_points], abs=1e-6):
            other = replace(other, from_end=True)
        check(other, again)


# --- several at once -------------------------------------------------------------------------------------------------


def _turn(angle: float) -> Tensor:
    return rotated(torch.eye(2, dtype=torch.float64), angle).T


def _diagonal(*values: float) -> Tensor:
    return torch.diag(torch.tensor(values, dtype=torch.float64))


AT_ONCE: dict[str, tuple[Tensor, list[tuple[str, float, int]]]] = {
    "+1 and -1": (_diagonal(1.0, -1.0), [("branch point", 1.0, 1), ("flip", 1.0, 1)]),
    "two of +1, one of -1": (_diagonal(1.0, 1.0, -1.0), [("branch point", 1.0, 2), ("flip", 1.0, 1)]),
    "three of +1": (_diagonal(1.0, 1.0, 1.0), [("branch point", 1.0, 3)]),
    "two of -1": (_diagonal(-1.0, -1.0), [("flip", 1.0, 2)]),
    "a pair and +1": (
        torch.block_diag(_turn(1.0), _diagonal(1.0)),
        [("Neimark-Sacker", 1.0, 1), ("branch point", 1.0, 1)],
    ),
    "two pairs": (
        torch.block_diag(_turn(1.0), _turn(2.0)),
        [("Neimark-Sacker", 1.0, 1), ("Neimark-Sacker", 1.0, 1)],
    ),
    "two equal pairs": (torch.block_diag(_turn(1.0), _turn(1.0)), [("Neimark-Sacker", 1.0, 2)]),
    "all kinds": (
        torch.block_diag(_turn(1.0), _turn(2.0), _diagonal(1.0, -1.0)),
        [("Neimark-Sacker", 1.0, 1), ("Neimark-Sacker", 1.0, 1), ("branch point", 1.0, 1), ("flip", 1.0, 1)],
    ),
    "a thousandth apart": (
        torch.block_diag(_turn(1.0), 1.001 * _turn(1.0)),
        [("Neimark-Sacker", 1 / 1.001, 1), ("Neimark-Sacker", 1.0, 1)],
    ),
    "a ten-thousandth apart": (_diagonal(1.0, 1.0001), [("branch point", 1 / 1.0001, 1), ("branch point", 1.0, 1)]),
}
"""W of x' = tanh(p W x), whose 0 has the multipliers p lambda(W)."""


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", AT_ONCE)
def test_what_happens_at_once_is_told_apart(name: str, turned: bool) -> None:
    weight, known = AT_ONCE[name]
    n = len(weight)
    turn = torch.eye(n, dtype=torch.float64)
    if turned:
        turn = torch.linalg.qr(torch.randn(n, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    family = family_of(lambda h, p: torch.tanh(p * (h @ turn) @ weight.T) @ turn.T, n)
    branch = continue_fixed_point(family, [0.0] * n, (0.3, 1.7))
    check_rows(branch, family)
    found = sorted((point.kind, point.parameter, point.multiplicity) for point in branch.special_points)
    assert [(kind, count) for kind, _, count in found] == [(kind, count) for kind, _, count in sorted(known)]
    assert [p for _, p, _ in found] == pytest.approx([p for _, p, _ in sorted(known)], abs=1e-7)


# --- particular systems ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "name"), [(3, "1:3"), (4, "1:4")])
def test_strong_resonances_are_named(share: int, name: str) -> None:
    branch = continue_fixed_point(family_of(rotated_tanh(2 * math.pi / share), 2), [0.0, 0.0], (0.5, 1.5))
    (point,) = branch.special_points
    assert point.kind == "Neimark-Sacker"
    assert point.parameter == pytest.approx(1.0, abs=1e-8)
    assert name in point.detail
    assert name in repr(point)


def test_no_criticality_is_claimed_at_1_to_3() -> None:
    branch = continue_fixed_point(family_of(resonant(2 * math.pi / 3, 0.5), 2), [0.0, 0.0], (-0.5, 0.5))
    points = [point for point in branch.special_points if abs(point.parameter) < 1e-6]
    assert [point.kind for point in points] == ["Neimark-Sacker"]
    assert "1:3" in points[0].detail
    assert points[0].criticality == ""


@pytest.mark.parametrize("b", [1e-3, 1e-6])
def test_an_imperfect_pitchfork_is_passed_in_silence_on_the_main_branch(b: float) -> None:
    branch = continue_fixed_point(family_of(lambda h, w: torch.tanh(w * h + b), 1), [0.0], (0.5, 2.0))
    assert branch.special_points == ()
    assert float(branch.states[-1]) == pytest.approx(0.957504, abs=1e-2)
    assert branch.ends == ("span", "span")


@pytest.mark.parametrize(("narrow", "accuracy"), [(1e2, 2e-8), (1e4, 2e-8), (1e6, 5e-7)])
def test_narrow_pitchforks_are_not_stepped_over(narrow: float, accuracy: float) -> None:
    """The arms' width at p = 1 is 1 / sqrt(narrow); rounding at their vertex grows with it."""
    family = family_of(lambda h, p: h + p * h - narrow * h**3, 1)
    arm = continue_fixed_point(family, [narrow**-0.5], (1.0, -1.0))
    (point,) = arm.special_points
    assert point.kind == "branch point"
    assert point.parameter == pytest.approx(0.0, abs=accuracy)
    assert float(arm.states[-1]) == pytest.approx(-float(arm.states[0]), rel=1e-9)
    trunk = continue_fixed_point(family, [0.0], (1.0, -1.0))
    assert [each.kind for each in trunk.special_points] == ["branch point"]


def test_max_norm_bounds_the_branch() -> None:
    """X' = x + 1 - p x has its fixed point at 1/p."""
    family = family_of(lambda h, p: h + 0.1 * (1 - p * h), 1)
    for bound in (10.0, 1e3):
        branch = continue_fixed_point(family, [1.0], (1.0, -1.0), walk=rd.Walk(max_norm=bound))
        assert branch.ends == ("span", "bound")
        assert float(branch.parameters[-1]) == pytest.approx(1 / float(branch.states[-1]), rel=1e-9)
        assert bound < float(branch.states[-1]) < 2 * bound


def test_at_within_the_span() -> None:
    problem = BY_NAME["tanh(2.0 x + b) over b"]
    inside = continue_fixed_point(problem.family, [0.0], (-1.0, 1.0), at=0.0)
    whole = continue_fixed_point(problem.family, [-0.99], (-1.0, 1.0))
    assert 0.0 in inside.parameters.tolist()
    parameters = sorted(point.parameter for point in inside.special_points)
    assert parameters == pytest.approx(sorted(point.parameter for point in whole.special_points), abs=1e-8)
    assert inside.ends == ("span", "span")


def test_a_branch_goes_on_where_max_steps_ended_it() -> None:
    problem = BY_NAME["x + p x + x^3 - x^5, arms"]
    whole = walked(problem)
    part = walked(problem, max_steps=5)
    assert "steps" in part.ends
    assert not part.complete
    for _ in range(50):
        if part.complete:
            break
        longer = continue_fixed_point(problem.family, part, problem.span, walk=rd.Walk(max_steps=5))
        assert len(longer) > len(part)
        part = longer
    check(problem, part)
    assert [point.parameter for point in part.special_points] == pytest.approx(
        [point.parameter for point in whole.special_points], abs=1e-8
    )
    again = continue_fixed_point(problem.family, part, problem.span)
    assert len(again) == len(part)  # a complete branch stays as it is


def test_an_isola_goes_on_until_it_closes() -> None:
    problem = BY_NAME["isola"]
    part = walked(problem, max_steps=4)
    assert part.ends == ("steps", "steps")
    assert not part.closed
    branch = continue_fixed_point(problem.family, part, problem.span)
    first = branch.special_points[0].parameter
    check(replace(problem, from_end=first < 0), branch)
    assert branch.closed
    assert branch.ends == ("closed", "closed")


def test_a_branch_of_cycles_goes_on() -> None:
    problem = BY_NAME["logistic, 2-cycle"]
    part = walked(problem, max_steps=3)
    assert "steps" in part.ends
    check(problem, continue_fixed_point(problem.family, part, problem.span))


def test_a_walk_can_be_left_and_taken_up() -> None:
    problem = BY_NAME["tanh(2.0 x + b) over b"]
    span = Span(problem.family, -1.0, 1.0)
    first = first_point(span, torch.tensor([-0.995], dtype=torch.float64), 0.0, 1e-11)
    assert first is not None
    walk = BranchWalk(span, first)
    some_rows = [row for row, _ in zip(walk, range(10), strict=False)]
    assert walk.end is None
    rest = list(walk)
    assert walk.end == "span"
    kinds = [row.special.kind for row in [*some_rows, *rest] if row.special is not None]
    assert kinds == ["fold", "fold"]
    assert walk.here.point.s == 1.0


def test_a_saved_branch_is_the_same(tmp_path: Path) -> None:
    for name in ("logistic, 2-cycle", "delayed logistic", "isola"):
        branch = walked(BY_NAME[name])
        rd.save(branch, tmp_path / "branch")
        loaded = rd.load(tmp_path / "branch")
        assert repr(loaded) == repr(branch)
        for column in ("parameters", "states", "orbits", "residuals", "tangents", "n_unstable", "indices"):
            assert torch.equal(getattr(loaded, column), getattr(branch, column))
        assert torch.equal(loaded.eigenvalues, branch.eigenvalues)
        assert (loaded.ends, loaded.span, loaded.period) == (branch.ends, branch.span, branch.period)
        for one, other in zip(loaded.special_points, branch.special_points, strict=True):
            assert torch.equal(one.state, other.state)
            assert replace(one, state=other.state) == other or (one.kind, one.parameter, one.eigenvalue) == (
                other.kind,
                other.parameter,
                other.eigenvalue,
            )
        again = continue_fixed_point(BY_NAME[name].family, loaded, branch.span)
        assert len(again) == len(branch)


@few
def test_tables_and_segments(problem: BranchProblem) -> None:
    branch = walked(problem)
    table = branch.to_pandas({"first": 0, "square": lambda states: (states**2).sum(dim=-1)})
    assert len(table) == len(branch)
    assert table["parameter"].tolist() == branch.parameters.tolist()
    assert table["first"].tolist() == branch.states[:, 0].tolist()
    labels = [label for label in table["special"] if label]
    assert labels == [point.label for point in branch.special_points]
    assert not table["stable"][table["special"] != ""].any()
    segments = branch.segments()
    assert segments[0][0].start == 0
    assert segments[-1][0].stop == len(branch)
    for (one, _), (other, _) in itertools.pairwise(segments):
        assert other.start == one.stop - 1
    for rows, stable in segments:
        ordinary = ~branch.special_rows[rows]
        assert bool((branch.stable[rows][ordinary] == stable).all())


@some("x + p x + x^3 - x^5, arms")
def test_near_gives_the_fixed_points_at_a_parameter(problem: BranchProblem) -> None:
    branch = walked(problem)
    low, high = float(branch.parameters.min()), float(branch.parameters.max())
    for share in (0.0713, 0.3137, 0.5219, 0.7717):
        p = low + share * (high - low)
        system = problem.family(p)
        for state in branch.near(p):
            assert float((system(state[None])[0] - state).norm()) < 2e-3
        crossings = ((branch.parameters[:-1] - p) * (branch.parameters[1:] - p) < 0).sum()
        assert len(branch.near(p)) == int(crossings)


def test_determinism() -> None:
    problem = embedded(BY_NAME["delayed logistic"], 20, seed=5, bend=0.3)
    one, other = walked(problem), walked(problem)
    assert torch.equal(one.states, other.states)
    assert torch.equal(one.parameters, other.parameters)
    assert repr(one) == repr(other)


_COUPLING = torch.tensor([[0.0, 1.5], [-1.2, 0.3]], dtype=torch.float64)
KINKED: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], int]] = {
    "relu": (lambda h, p: torch.relu(2 * h + p) - 0.5 * h, 1),
    "modulus": (lambda h, p: 2 * h.abs() - 0.75 + p, 1),
    "two relus": (lambda h, p: torch.relu(h @ _COUPLING + p) * 0.9 - 0.1, 2),
}


@pytest.mark.parametrize("name", KINKED)
def test_kinks_are_passed_or_end_the_branch_but_are_not_lied_about(name: str) -> None:
    step, n = KINKED[name]
    family = family_of(step, n)
    starts = torch.randn(64, n, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = rd.find_fixed_points(family(-1.0), starts)
    assert len(found.states)
    for start_state in found.states:
        branch = continue_fixed_point(family, start_state, (-1.0, 1.0))
        assert float(branch.residuals.max()) < 1e-9
        for row in range(len(branch)):
            state, p = branch.states[row], float(branch.parameters[row])
            assert float((family(p)(state[None])[0] - state).norm()) < 1e-9
        assert set(branch.ends) <= {"span", "stalled", "closed"}


# --- what the door refuses -------------------------------------------------------------------------------------------


def tanh_family(p: float) -> AutonomousMap:
    return rd.as_map(lambda h, _: torch.tanh(2 * h + p), state_size=1, input_size=0).hold()


def _grows(p: float) -> AutonomousMap:
    return rd.as_map(lambda h, _: 0.5 * h, state_size=1 if p < 0 else 2, input_size=0).hold()


def _module() -> nn.Module:
    with torch.random.fork_rng():
        return nn.RNN(1, 1)


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "two-dimensional start": (lambda: continue_fixed_point(tanh_family, [0.0, 0.0], (-1, 1)), "start"),
    "two starts": (lambda: continue_fixed_point(tanh_family, [[0.0], [0.1]], (-1, 1)), "one state"),
    "start NaN": (lambda: continue_fixed_point(tanh_family, [math.nan], (-1, 1)), "finite|NaN|nan"),
    "start of text": (lambda: continue_fixed_point(tanh_family, "here", (-1, 1)), "start"),
    "no fixed point": (
        lambda: continue_fixed_point(family_of(lambda h, p: h + 1 + 0.5 * h**2 + p**2, 1), [3.0], (-1, 1)),
        "no fixed point was found",
    ),
    "at outside": (lambda: continue_fixed_point(tanh_family, [0.0], (-1, 1), at=2), "at must be a number within"),
    "at NaN": (lambda: continue_fixed_point(tanh_family, [0.0], (-1, 1), at=math.nan), "at must be a number within"),
    "at text": (lambda: continue_fixed_point(tanh_family, [0.0], (-1, 1), at="0"), "at must be a number within"),
    "equal ends": (lambda: continue_fixed_point(tanh_family, [0.0], (1, 1)), "two different finite"),
    "infinite end": (lambda: continue_fixed_point(tanh_family, [0.0], (0, math.inf)), "two different finite"),
    "three ends": (lambda: continue_fixed_point(tanh_family, [0.0], (0, 1, 2)), "two numbers"),
    "no span": (lambda: continue_fixed_point(tanh_family, [0.0], 1.0), "two numbers"),
    "text ends": (lambda: continue_fixed_point(tanh_family, [0.0], ("a", "b")), "two different finite"),
    "module": (lambda: continue_fixed_point(_module(), [0.0], (-1, 1)), "family must be a function"),
    "map": (lambda: continue_fixed_point(tanh_family(0.0), [0.0], (-1, 1)), "family must be a function"),
    "number": (lambda: continue_fixed_point(3, [0.0], (-1, 1)), "family must be a function"),
    "driven": (
        lambda: continue_fixed_point(lambda p: rd.as_map(_module()), [0.0], (-1, 1)),
        "must be an autonomous map",
    ),
    "size changes": (lambda: continue_fixed_point(_grows, [0.0], (-1, 1)), "same number of state units"),
    "period 0": (lambda: continue_fixed_point(tanh_family, [0.0], (-1, 1), period=0), "period"),
    "period 1.5": (lambda: continue_fixed_point(tanh_family, [0.0], (-1, 1), period=1.5), "period"),
    "period not minimal": (
        lambda: continue_fixed_point(tanh_family, [-0.99], (-1, 1), period=4),
        "cycle of period 1, not 4",
    ),
    "steps": (lambda: continue_fixed_point(tanh_family, [0.0], (-1, 1), walk=rd.Walk(max_steps=0)), "max_steps"),
    "tolerance": (lambda: continue_fixed_point(tanh_family, [0.0], (-1, 1), walk=rd.Walk(tolerance=0.0)), "tolerance"),
    "longest step": (
        lambda: rd.Walk(longest_step=-1.0),
        "longest_step",
    ),
    "max norm": (
        lambda: rd.Walk(max_norm=math.nan),
        "max_norm",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_the_door_refuses(name: str) -> None:
    call, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        call()


def test_a_branch_is_not_continued_in_another_family_or_span() -> None:
    problem = BY_NAME["tanh(2.0 x + b) over b"]
    part = walked(problem, max_steps=3)
    with pytest.raises(ValueError, match="over that span only"):
        continue_fixed_point(problem.family, part, (-1.0, 1.5))
    other = family_of(lambda h, p: torch.tanh(3 * h + p + 0.1), 1)
    with pytest.raises(ValueError, match="does not belong to this family"):
        continue_fixed_point(other, part, problem.span)


def test_what_a_family_raises_reaches_the_caller() -> None:
    class TooFar(Exception):
        pass

    def family(p: float) -> AutonomousMap:
        if p > 0.2:
            raise TooFar
        return tanh_family(p)

    with pytest.raises(TooFar):
        continue_fixed_point(family, [-0.99], (-1, 1))


@pytest.mark.parametrize("calls", [60, 150, 300])
def test_interruption_keeps_what_was_walked(calls: int) -> None:
    made = 0

    def family(p: float) -> AutonomousMap:
        nonlocal made
        made += 1
        if made == calls:
            raise KeyboardInterrupt
        return tanh_family(p)

    branch = continue_fixed_point(family, [-0.99], (-1, 1))
    assert "interrupted" in branch.ends
    assert branch.interrupted
    assert not branch.complete
    assert len(branch) >= 2
    check_rows(branch, tanh_family)
    x, b = tanh_fold(2.0)
    whole = continue_fixed_point(family, branch, (-1, 1))
    assert whole.ends == ("span", "span")
    assert [point.parameter for point in whole.special_points] == pytest.approx([b, -b], abs=1e-8)
    assert float(whole.special_points[0].state) == pytest.approx(x, abs=1e-5)
