"""Every root solver of the library by the contract of solvers."""

from contracts import library_classes, signed
from contracts.solvers import SolverContract

import rnn_dynamics as rd
from rnn_dynamics.attractors.shooting import Shooting
from rnn_dynamics.roots import RootSolver


class TestNewton(SolverContract):
    solver = rd.Newton()


class TestNewtonKrylov(SolverContract):
    solver = rd.NewtonKrylov()


class TestSpeedMinimizer(SolverContract):
    solver = rd.SpeedMinimizer()


class TestScipyHybr(SolverContract):
    solver, one_by_one = rd.ScipyRoot("hybr"), True


class TestScipyLM(SolverContract):
    solver, one_by_one = rd.ScipyRoot("lm"), True


class TestScipyKrylov:
    """Without Jacobians it misses points; what it calls found is found."""

    solver = rd.ScipyRoot("krylov")
    test_what_it_calls_found = SolverContract.test_the_stated_inequality_holds_on_the_returned_states


def test_no_solver_is_left_out() -> None:
    covered = {type(contract.solver) for contract in signed(SolverContract)}
    # Shooting solves for cycles alone, which those of Newton's method find: test_cycles.py. LinearRegions takes
    # networks of ReLUs alone: test_linear_regions.py.
    assert covered == library_classes(RootSolver) - {Shooting, rd.LinearRegions}
