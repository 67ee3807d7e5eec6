"""What a root solver must do: find every known point and no other, and call found what is a root, nothing else."""

from typing import ClassVar

import pytest
import torch
from problems.maps import held, normal
from problems.roots import ALL, Problem, match
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.roots import Reason, RootSolver, Status
from rnn_dynamics.systems import Linearization, WrappedMap

DOUBLE = torch.float64


class SolverContract:
    """Every check of a solver, on every system with a known answer.

    Name the ``solver``; one that goes through its starts ``one_by_one`` gets fewer.
    """

    solver: ClassVar[RootSolver]
    one_by_one: ClassVar[bool] = False

    def test_the_stated_inequality_holds_on_the_returned_states(self) -> None:
        system = held(lambda h: torch.tanh(h @ (1.5 * torch.eye(4, dtype=DOUBLE))), 4, box=1.0)
        result = self.solver.solve(system, normal(40, 4))
        residual = (system(result.states) - result.states).norm(dim=-1)
        assert torch.equal(residual, result.residuals)
        found = result.statuses == Status.FOUND
        assert found.sum() > 20
        bound = self.solver.tolerance * result.states.norm(dim=-1).clamp(min=1)
        assert (residual[found] <= bound[found]).all()
        assert (residual[~found] > bound[~found]).all()

    @pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.name)
    def test_finds_every_point_and_no_other(self, problem: Problem) -> None:
        starts = problem.starts(64 if self.one_by_one else 256)
        points = rd.find_fixed_points(problem.system, starts, self.solver, extra_starts=2048, max_steps=200)

        assert len(points) == len(problem.points)
        order, distance = match(points.states, problem.points)
        assert distance < max(problem.accuracy, 1e-8)
        assert points.residuals.max() < 1e-10
        # The residual that is reported is that of the very state that is returned.
        again = (problem.system(points.states) - points.states).norm(dim=-1)
        assert torch.equal(again, points.residuals)
        if problem.radii is not None:
            # Published radii carry six digits, and are as inexact as the points they were taken at.
            assert torch.allclose(
                points.spectral_radii[order], problem.radii, rtol=0, atol=max(1e-6, 10 * problem.accuracy)
            )
        if problem.kinds is not None:
            assert tuple(points.kinds[row] for row in order) == problem.kinds
        assert points.index_sum == (1 if problem.box is not None else None)

    def test_a_place_where_the_map_fades_is_not_found(self) -> None:
        """F(h) - h = exp(-h) is small far out, and nowhere zero."""
        starts = torch.tensor([[0.0], [20.0], [40.0]], dtype=DOUBLE)
        result = self.solver.solve(held(lambda h: h + torch.exp(-h), 1), starts)
        reasons = [Reason(code) for code in result.reasons.tolist()]
        assert Reason.CONVERGED not in reasons
        assert reasons[2] is Reason.FADING
        assert "fades" in Reason.FADING.advice

    def test_saturated_gates_do_not_pass_for_fixed_points(self) -> None:
        """Far outside the box update gates reach 1, F(h) - h rounds to zero, and nothing is a fixed point."""
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            module = nn.GRU(2, 8, dtype=DOUBLE)
            for weight in module.parameters():
                weight.normal_()
            module.weight_hh_l0[8:16] = 3 * torch.eye(8)  # large positive states open the update gates
        system = rd.as_map(module).hold()
        starts = torch.cat([30 + normal(300, 8), normal(100, 8)])
        naive = (system(starts) - starts).norm(dim=-1) < 1e-11
        assert naive.any(), "the trap is not set"
        result = self.solver.solve(system, starts[::20] if self.one_by_one else starts)
        found = result.states[result.statuses == Status.FOUND]
        assert len(found) or not isinstance(self.solver, rd.Newton)
        assert (found.abs() <= 1).all()
        # Judged by the candidate state alone, free of gates: n(h) = h.
        assert ((system.ungated()(found) - found).norm(dim=-1) < 1e-8).all()

    def test_singular_jacobians_are_survived(self) -> None:
        line = held(lambda h: torch.stack([h[..., 0], 0.5 * h[..., 1]], dim=-1), 2)
        result = self.solver.solve(line, normal(50, 2))
        assert (result.statuses == Status.FOUND).all()
        translation = held(lambda h: h + 1.0, 3)  # no fixed point, J = I everywhere
        result = self.solver.solve(translation, normal(10, 3))
        assert not (result.statuses == Status.FOUND).any()
        assert result.states.isfinite().all()

    def test_points_of_a_function_that_closes_over_parameters(self) -> None:
        weight = nn.Parameter(2 * torch.eye(2, dtype=DOUBLE))
        ones = torch.ones(2)
        network = rd.as_map(lambda h, _: torch.tanh(h @ weight.T), state_size=2, input_size=0, box=(-ones, ones))
        points = rd.find_fixed_points(network.hold(), normal(100, 2), self.solver, extra_starts=200)
        assert len(points) == 9
        assert not points.states.requires_grad
        assert weight.grad is None

    def test_no_ctrl_c_is_lost(self) -> None:
        starts = torch.tensor([[0.1, -0.2], [0.9, 0.9], [0.0, 0.0]], dtype=DOUBLE)
        for at in range(1, 500):
            system = _Interrupting(at)
            try:
                result = self.solver.solve(system, starts)
            except KeyboardInterrupt:
                continue  # before the iteration or after it: it goes on to the caller
            if system.left > 0:
                assert not result.interrupted
                break
            assert result.interrupted
        else:
            pytest.fail("it never came to its end")


class _Interrupting(WrappedMap):
    """Tanh(2 h), whose user presses Ctrl-C at a given evaluation."""

    def __init__(self, at: int) -> None:
        super().__init__(held(lambda h: torch.tanh(2.0 * h), 2))
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
