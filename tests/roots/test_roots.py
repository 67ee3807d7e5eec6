"""Solvers: statuses, reasons, rates, budgets."""

import itertools

import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.roots import Reason, Status
from rnn_dynamics.roots.krylov import gmres
from rnn_dynamics.systems import FunctionMap, Linearization, WrappedMap

DOUBLE = torch.float64


def _map(step, n: int, box: float | None = None):
    bounds = None if box is None else (torch.full((n,), -box), torch.full((n,), box))
    return rd.as_map(lambda h, _: step(h), state_size=n, input_size=0, box=bounds).hold()


def _starts(k: int, n: int, seed: int = 0, spread: float = 1.0) -> torch.Tensor:
    return spread * torch.randn(k, n, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


@pytest.mark.parametrize("solver", [rd.Newton(), rd.NewtonKrylov(), rd.SpeedMinimizer(), rd.ScipyRoot("krylov")])
def test_the_stated_inequality_holds_on_the_returned_states(solver) -> None:
    system = _map(lambda h: torch.tanh(h @ (1.5 * torch.eye(4, dtype=DOUBLE))), 4, box=1.0)
    result = solver.solve(system, _starts(40, 4))
    residual = (system(result.states) - result.states).norm(dim=-1)
    assert torch.equal(residual, result.residuals)
    found = result.statuses == Status.FOUND
    assert found.sum() > 20
    bound = 1e-11 * result.states.norm(dim=-1).clamp(min=1)
    assert (residual[found] <= bound[found]).all()
    assert (residual[~found] > bound[~found]).all()


def test_newton_is_quadratic_at_the_end() -> None:
    system = _map(lambda h: torch.tanh(2 * h), 1, box=1.0)
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
    system = _map(lambda h: torch.tanh(2 * h + b), 1, box=1.0)
    result = rd.Newton().solve(system, torch.tensor([[0.75], [0.70], [-0.9]], dtype=DOUBLE))
    assert [Status(code).name for code in result.statuses.tolist()] == ["SLOW", "SLOW", "FOUND"]
    assert Reason(int(result.reasons[0])) is Reason.SPEED_MINIMUM
    # The minimum of the speed is where F' = 1, x = sqrt(1/2); there the speed is the distance past the fold.
    assert abs(float(result.states[0, 0]) - 0.5**0.5) < 1e-3
    assert abs(float(result.residuals[0]) / (1e-4 * 0.5) - 1) < 0.01


def test_saturated_gates_do_not_pass_for_fixed_points() -> None:
    """Far outside the box update gates reach 1, F(h) - h rounds to zero, and nothing is a fixed point."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        module = nn.GRU(2, 8, dtype=DOUBLE)
        for weight in module.parameters():
            weight.normal_()
        module.weight_hh_l0[8:16] = 3 * torch.eye(8)  # large positive states open the update gates
    system = rd.as_map(module).hold()
    starts = torch.cat([30 + _starts(300, 8), _starts(100, 8)])[torch.arange(399, -1, -1)]
    naive = (system(starts) - starts).norm(dim=-1) < 1e-11
    assert naive.any(), "the trap is not set"
    for solver in (rd.Newton(), rd.SpeedMinimizer(), rd.ScipyRoot("lm")):
        result = solver.solve(system, starts[:60] if isinstance(solver, rd.ScipyRoot) else starts)
        found = result.states[result.statuses == Status.FOUND]
        assert len(found) or not isinstance(solver, rd.Newton)
        assert (found.abs() <= 1).all()
        # Judged by the candidate state alone, free of gates: n(h) = h.
        assert ((system.ungated()(found) - found).norm(dim=-1) < 1e-8).all()


@pytest.mark.parametrize("solver", [rd.Newton(), rd.SpeedMinimizer(), rd.NewtonKrylov()])
def test_singular_jacobians_are_survived(solver) -> None:
    line = _map(lambda h: torch.stack([h[..., 0], 0.5 * h[..., 1]], dim=-1), 2)
    result = solver.solve(line, _starts(50, 2))
    assert (result.statuses == Status.FOUND).all()
    translation = _map(lambda h: h + 1.0, 3)  # no fixed point, J = I everywhere
    result = solver.solve(translation, _starts(10, 3))
    assert not (result.statuses == Status.FOUND).any()
    assert result.states.isfinite().all()


def test_one_bad_start_does_not_spoil_the_others() -> None:
    system = _map(lambda h: torch.where(h > 5, torch.nan, torch.tanh(2 * h)), 1)
    result = rd.Newton().solve(system, torch.tensor([[0.9], [7.0], [-0.9]], dtype=DOUBLE))
    assert [Reason(code).name for code in result.reasons.tolist()] == ["CONVERGED", "NOT_FINITE", "CONVERGED"]
    assert all(reason.advice for reason in Reason)


def test_the_budget_is_a_reason() -> None:
    system = _map(lambda h: torch.tanh(2 * h), 3)
    result = rd.Newton(step_bound=1e-3).solve(system, _starts(5, 3), max_steps=3)
    assert {Reason(code) for code in result.reasons.tolist()} == {Reason.BUDGET}
    assert (result.steps == 3).all()


def test_chunks_do_not_change_the_answer() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = rd.as_map(nn.GRU(2, 12, num_layers=2, dtype=DOUBLE)).hold()
    starts = _starts(30, 24, spread=0.5)
    whole, chunked = (rd.Newton().solve(system, starts, memory_budget=budget) for budget in (2**29, 1))
    assert torch.equal(whole.reasons, chunked.reasons)
    assert (whole.states - chunked.states).abs().max() < 1e-10


def test_float32_has_its_own_floor() -> None:
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=4, input_size=0).hold(dtype=torch.float32)
    points = rd.find_fixed_points(system, _starts(400, 4).float())
    assert points.states.dtype is torch.float32
    assert len(points) == 81
    assert points.residuals.max() < 1e-5


def test_gmres_solves_linear_systems() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = 0.5 * torch.randn(20, 20, generator=generator, dtype=DOUBLE)
    system = _map(lambda h: h @ matrix.T, 20)
    rhs = _starts(6, 20, seed=1)
    step = gmres(system, _starts(6, 20, seed=2), rhs, size=20, forcing=1e-8)
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

    system = _map(lambda h: torch.tanh(2 * h), 6, box=1.0)
    monkeypatch.setattr(FunctionMap, "linearize", interrupted)
    points = rd.find_fixed_points(system, _starts(300, 6))
    assert 0 < len(points) < 729
    assert points.residuals.max() < 1e-10
    assert points.completeness.interrupted
    assert "interrupted" in points.completeness.verdict
    assert any("interrupted" in line for line in points.advice)


class _Interrupting(WrappedMap):
    """Tanh(2 h), whose user presses Ctrl-C at a given evaluation."""

    def __init__(self, at: int) -> None:
        super().__init__(_map(lambda h: torch.tanh(2.0 * h), 2))
        self.left = at

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def __call__(self, states: Tensor) -> Tensor:
        self._count()
        return self.system(states)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        self._count()
        return self.system.linearize(states)


@pytest.mark.parametrize("solver", [rd.Newton(), rd.SpeedMinimizer(), rd.ScipyRoot()], ids=repr)
def test_no_ctrl_c_is_lost(solver: rd.Newton | rd.SpeedMinimizer | rd.ScipyRoot) -> None:
    starts = torch.tensor([[0.1, -0.2], [0.9, 0.9], [0.0, 0.0]], dtype=torch.float64)
    for at in range(1, 500):
        system = _Interrupting(at)
        try:
            result = solver.solve(system, starts)
        except KeyboardInterrupt:
            continue  # before the iteration or after it: it goes on to the caller
        if system.left > 0:
            assert not result.interrupted
            break
        assert result.interrupted
    else:
        pytest.fail("it never came to its end")
