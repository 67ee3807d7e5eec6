"""Newton's method with explicit Jacobians: the default solver."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import Size, checked
from ..systems import AutonomousMap
from .damped import damped_newton
from .problem import RootProblem
from .results import Reason
from .rough import rough_steps
from .solver import Attempt, RootSolver, scaled_residuals
from .speed import descend

_DESCENT_STEPS = 40
"""Most minima of the speed are reached within 40 steps; the rest lie in valleys that take hundreds."""


@checked
@dataclass(frozen=True)
class Newton(RootSolver):
    """Batched damped Newton in the state's dtype; rows that stall may go on to a minimum of the speed.

    Each step solves (DG - I) d = h - G(h), where G is the map without the inertia of its gates (``ungated``), and
    halves d until |G(h) - h| falls. A row that stalls may be followed by Levenberg-Marquardt down |F(h) - h|, to end
    as a slow point.

    Args:
        tolerance: of the scaled residual, as ``RootSolver`` says. 1e-11 is a hundred times what rounding leaves at
            1,000 units in float64; rows are driven on to rounding anyway.
        step_bound: the longest step |d / s|_2. Longer ones jump over the middle of the box and find fewer fixed points;
            a bound of 1 found at most one more of 27, in a fifth more steps.
        slow_points: how many stalled rows, those of lowest speed, are followed to a minimum of the speed. A descent
            costs about as much as 15 starts that converge, so at 512 units following all would take most of the time.
        ungated: solve G(h) = h rather than F(h) = h, which takes 1.5 to 3 times as long and, at 64 units, loses a
            quarter of the starts.
    """

    tolerance: float = 1e-11
    step_bound: float = 2.0
    slow_points: Size = 64
    ungated: bool = True

    def attempt(self, problem: RootProblem) -> Attempt:
        def direction(equation: AutonomousMap, states: Tensor, residual: Tensor) -> Tensor:
            step, solved = rough_steps(equation, states, residual, problem.units, problem.memory_budget)
            rest = (~solved).nonzero().squeeze(-1)
            for part in equation.chunks(len(rest), problem.memory_budget):
                rows = rest[part]
                _, linearization = equation.linearize(states[rows])
                step[rows] = linearization.solve(-residual[rows])
            # At a singular Jacobian a plain step of the map is as good a guess as any.
            return torch.where(step.isfinite().all(dim=-1, keepdim=True), step, residual)

        rows = damped_newton(
            replace(problem, system=problem.system.ungated()) if self.ungated else problem,
            direction,
            tolerance=self.tolerance,
            step_bound=self.step_bound,
        )
        stalled = (rows.reasons == Reason.STALLED).nonzero().squeeze(-1)
        speeds = scaled_residuals(problem.system, rows.states[stalled], problem.units)
        stalled = stalled[speeds.argsort(stable=True)[: self.slow_points]]
        if len(stalled):
            steps = min(problem.max_steps, _DESCENT_STEPS)
            ends = descend(replace(problem, starts=rows.states[stalled], max_steps=steps), tolerance=self.tolerance)
            rows.states[stalled], rows.errors[stalled] = ends.states, ends.errors
            rows.reasons[stalled] = ends.reasons
            rows.steps[stalled] += ends.steps
            rows.interrupted |= ends.interrupted
        return Attempt(rows.result, rows.evident)

    def without_slow_points(self) -> "Newton":
        return replace(self, slow_points=0)
