"""The damped Newton iteration, written once for every way of computing the direction."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from ..progress import Progress
from ..stopping import stoppable
from ..systems import AutonomousMap, scaled_norm, sizes
from .problem import RootProblem
from .results import Reason, RootResult
from .solver import thresholds

Direction: TypeAlias = Callable[[AutonomousMap, Tensor, Tensor], Tensor]

_SUFFICIENT_DECREASE = 1e-4
_HALVINGS = 10

_SHORT, _CONTRACTS, _ROUNDING = 1e-3, 0.5, 1e4
"""Newton's method contracts to a root if a step of less than a thousandth of the state's size is at most half as long
as the one before, while the residual is well above rounding. Where a map fades away steps do not shrink."""

_PATIENCE = 10
"""A row whose residual does not halve in ten steps has stalled. Of 8,345 measured starts that converged 1.1 % took more
than 20 steps in all; rows in a valley of the residual creep for as long as they are let."""


@dataclass(eq=False)
class NewtonState:
    """The rows of one iteration."""

    states: Tensor
    residuals: Tensor  # G(h) - h
    norms: Tensor  # |(G(h) - h) / s|
    errors: Tensor
    reasons: Tensor
    steps: Tensor
    evident: Tensor  # where it was seen to contract to a root
    interrupted: bool = False

    @property
    def result(self) -> RootResult:
        """What ``RootSolver.judged`` takes."""
        return RootResult(self.states, self.norms, self.errors, self.reasons, self.steps, interrupted=self.interrupted)


@torch.no_grad()
def damped_newton(problem: RootProblem, direction: Direction, *, tolerance: float, step_bound: float) -> NewtonState:
    """Newton's method on G(h) - h with backtracking on |(G(h) - h) / s|, s the sizes of the row's coordinates; finished
    rows leave the batch.

    A row is done when its residual meets the tolerance and another step no longer halves it, so that what is returned
    is as exact as the arithmetic allows.
    """
    equation, starts, units = problem.system, problem.starts, problem.units
    k = len(starts)
    states, residuals = _settle(equation, starts)
    rows = NewtonState(
        states=states,
        residuals=residuals,
        norms=scaled_norm(residuals, states, units),
        errors=starts.new_full((k,), torch.nan),
        reasons=torch.full((k,), int(Reason.BUDGET), device=starts.device),
        steps=torch.zeros(k, dtype=torch.long, device=starts.device),
        evident=torch.zeros(k, dtype=torch.bool, device=starts.device),
    )
    eps = torch.finfo(starts.dtype).eps
    lengths = starts.new_full((k,), torch.inf)  # of the steps before
    active = rows.norms.isfinite().nonzero().squeeze(-1)
    rows.reasons[~rows.norms.isfinite()] = Reason.NOT_FINITE
    bar = Progress("Newton", problem.progress, total=k, initial=k - len(active), unit="start")
    with stoppable() as stop, bar:
        fallen = torch.ones_like(rows.norms)  # by which factor the residual fell since patience was last tried
        for iteration in range(problem.max_steps):
            if not len(active):
                break
            states, residuals, norms = rows.states[active], rows.residuals[active], rows.norms[active]
            step = _bounded(equation, direction(equation, states, residuals), states, units, step_bound)
            new_states, new_residuals, moved_norms = _backtrack(equation, states, residuals, norms, step, units)
            new_norms = scaled_norm(new_residuals, new_states, units)  # by the sizes there, not by those before

            moved, ratio = moved_norms < norms, moved_norms / norms.clamp(min=torch.finfo(norms.dtype).tiny)
            rows.steps[active] += 1
            rows.states[active], rows.residuals[active], rows.norms[active] = new_states, new_residuals, new_norms
            length = scaled_norm(step, states, units)
            errors = length * torch.where(moved, ratio, 1.0)
            rows.errors[active] = torch.where(moved, errors, rows.errors[active])
            contracts = (length <= _SHORT) & (length <= _CONTRACTS * lengths[active]) & (norms > _ROUNDING * eps)
            rows.evident[active] |= moved & contracts
            lengths[active] = length

            small = new_norms <= thresholds(new_states, tolerance, units)
            exact = new_norms <= thresholds(new_states, 0.0, units) / 16
            done = small & (exact | (ratio > 0.5) | ~moved)
            stalled = ~moved & ~small
            fallen[active] *= torch.where(moved, ratio, 1.0)
            if iteration % _PATIENCE == _PATIENCE - 1:
                stalled |= (fallen[active] > 0.5) & ~small
                fallen[active] = 1.0
            ended = torch.where(stalled, int(Reason.STALLED), int(Reason.CONVERGED))
            rows.reasons[active] = torch.where(done | stalled, ended, rows.reasons[active])
            before, active = len(active), active[~(done | stalled)]
            bar.update(before - len(active))
    if stop:
        rows.reasons[active], rows.interrupted = int(Reason.INTERRUPTED), True
    return rows


def _settle(equation: AutonomousMap, states: Tensor) -> tuple[Tensor, Tensor]:
    """States whose idle coordinates, on which G does not depend, are where G puts them; and G(h) - h.

    So an LSTM's cell states, which may lie hundreds of units away, neither bound the step nor swamp the residual.
    """
    values = equation(states)
    if equation.acting is not None:
        states = torch.where(equation.acting, states, values)
    return states.clone(), values - states


def _bounded(equation: AutonomousMap, step: Tensor, states: Tensor, units: Tensor, bound: float) -> Tensor:
    acting = step if equation.acting is None else torch.where(equation.acting, step, 0.0)
    length = (acting / sizes(states, units)).norm(dim=-1, keepdim=True)
    return step * (bound / length.clamp(min=torch.finfo(step.dtype).tiny)).clamp(max=1.0)


def _backtrack(
    equation: AutonomousMap, states: Tensor, residuals: Tensor, norms: Tensor, step: Tensor, units: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Halve each row's step until the residual falls enough; a row where it never does stays where it was.

    Returns:
        The new states, their residuals, and their norms by the sizes of ``states``, to be compared with ``norms``.
    """
    new_states, new_residuals, new_norms = states.clone(), residuals.clone(), norms.clone()
    todo = torch.arange(len(states), device=states.device)
    scale = 1.0
    for _ in range(_HALVINGS):
        trial, away = _settle(equation, states[todo] + scale * step[todo])
        trial_norms = scaled_norm(away, states[todo], units)
        better = trial_norms < (1.0 - _SUFFICIENT_DECREASE * scale) * norms[todo]
        # Written where it is better, so that only what is left has to be counted, for which a GPU is waited for.
        new_states[todo] = torch.where(better.unsqueeze(-1), trial, new_states[todo])
        new_residuals[todo] = torch.where(better.unsqueeze(-1), away, new_residuals[todo])
        new_norms[todo] = torch.where(better, trial_norms, new_norms[todo])
        todo = todo[~better]
        if not len(todo):
            break
        scale *= 0.5
    return new_states, new_residuals, new_norms
