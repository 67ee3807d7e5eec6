"""Solvers: statuses, reasons, rates, budgets."""

import itertools

import torch
from problems.maps import held, normal
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.roots import Reason, Status
from rnn_dynamics.roots.krylov import gmres
from rnn_dynamics.systems import FunctionMap

DOUBLE = torch.float64


def test_newton_is_quadratic_at_the_end() -> None:
    system = held(lambda h: torch.tanh(2 * h), 1, box=1.0)
    root = rd.find_fixed_points(system, torch.tensor([[0.9]])).states.max()
    errors = []
    for budget in (1, 2, 3, 4):
        end = rd.Newton(slow_points=0).solve(system, torch.tensor([[0.85]], dtype=DOUBLE), max_steps=budget)
        errors.append(float((end.states[0, 0] - root).abs()))
    # e' < 3 e^2: |G''| / (2 |G' - 1|) is 2.0 there.
    assert all(after < 3 * before**2 + 1e-15 for before, after in itertools.pairwise(errors))
    assert errors[-1] < 1e-14


def test_a_ghost_is_slow_and_not_found() -> None:
    """Just past the fold of tanh(2 x + b) at b = -0.5328 the two points are gone and their ghost is left."""
    b = -0.5328399753535520 - 1e-4
    system = held(lambda h: torch.tanh(2 * h + b), 1, box=1.0)
    result = rd.Newton().solve(system, torch.tensor([[0.75], [0.70], [-0.9]], dtype=DOUBLE))
    assert [Status(code).name for code in result.statuses.tolist()] == ["SLOW", "SLOW", "FOUND"]
    assert Reason(int(result.reasons[0])) is Reason.SPEED_MINIMUM
    # The minimum of the speed is where F' = 1, x = sqrt(1/2); there the speed is the distance past the fold.
    assert abs(float(result.states[0, 0]) - 0.5**0.5) < 1e-3
    assert abs(float(result.residuals[0]) / (1e-4 * 0.5) - 1) < 0.01


def test_one_bad_start_does_not_spoil_the_others() -> None:
    system = held(lambda h: torch.where(h > 5, torch.nan, torch.tanh(2 * h)), 1)
    result = rd.Newton().solve(system, torch.tensor([[0.9], [7.0], [-0.9]], dtype=DOUBLE))
    assert [Reason(code).name for code in result.reasons.tolist()] == ["CONVERGED", "NOT_FINITE", "CONVERGED"]
    assert all(reason.advice for reason in Reason)


def test_the_budget_is_a_reason() -> None:
    system = held(lambda h: torch.tanh(2 * h), 3)
    result = rd.Newton(step_bound=1e-3).solve(system, normal(5, 3), max_steps=3)
    assert {Reason(code) for code in result.reasons.tolist()} == {Reason.BUDGET}
    assert (result.steps == 3).all()


def test_chunks_do_not_change_the_answer() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = rd.as_map(nn.GRU(2, 12, num_layers=2, dtype=DOUBLE)).hold()
    starts = 0.5 * normal(30, 24)
    whole, chunked = (rd.Newton().solve(system, starts, memory_budget=budget) for budget in (2**29, 1))
    assert torch.equal(whole.reasons, chunked.reasons)
    assert (whole.states - chunked.states).abs().max() < 1e-10


def test_float32_has_its_own_floor() -> None:
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=4, input_size=0).hold(dtype=torch.float32)
    points = rd.find_fixed_points(system, normal(400, 4).float())
    assert points.states.dtype is torch.float32
    assert len(points) == 81
    assert points.residuals.max() < 1e-5


def test_gmres_solves_linear_systems() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = 0.5 * torch.randn(20, 20, generator=generator, dtype=DOUBLE)
    system = held(lambda h: h @ matrix.T, 20)
    rhs = normal(6, 20, seed=1)
    step = gmres(system, normal(6, 20, seed=2), rhs, size=20, forcing=1e-8)
    exact = torch.linalg.solve(matrix - torch.eye(20, dtype=DOUBLE), rhs.T).T
    assert (step - exact).norm() < 1e-6 * exact.norm()


def test_interrupting_keeps_what_is_done(monkeypatch) -> None:
    calls = 0
    linearize = FunctionMap.linearize

    def interrupted(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == 7:
            raise KeyboardInterrupt
        return linearize(*arguments, **options)

    system = held(lambda h: torch.tanh(2 * h), 6, box=1.0)
    monkeypatch.setattr(FunctionMap, "linearize", interrupted)
    points = rd.find_fixed_points(system, normal(300, 6))
    assert 0 < len(points) < 729
    assert points.residuals.max() < 1e-10
    assert points.completeness.interrupted
    assert "interrupted" in points.completeness.verdict
    assert any("interrupted" in line for line in points.advice)
