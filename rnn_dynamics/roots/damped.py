"""The damped Newton iteration, written once for every way of computing the direction."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TypeAlias

import torch
from torch import Tensor

from ..progress import Progress
from ..stopping import stoppable
from ..systems import AutonomousMap, scaled_norm, sizes
from .known import KnownRoots
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

_UNITS, _WAVES = 32, 256
"""From so many units on to know roots costs less than it saves; from so many rows on a quarter of these goes first."""


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
    lengths: Tensor  # of the steps before
    fallen: Tensor  # by which factor the residual fell since patience was last tried
    interrupted: bool = False

    def after(self, p: int) -> "NewtonState":
        """Without the first p rows."""
        columns = {f.name: value[p:] for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **columns)

    @property
    def result(self) -> RootResult:
        """What ``RootSolver.judged`` takes."""
        return RootResult(self.states, self.norms, self.errors, self.reasons, self.steps, interrupted=self.interrupted)


@torch.no_grad()
def damped_newton(problem: RootProblem, direction: Direction, *, tolerance: float, step_bound: float) -> NewtonState:
    """Newton's method on G(h) - h with backtracking on |(G(h) - h) / s|, s the sizes of the row's coordinates; finished
    rows leave the batch.

    A row is done when its residual meets the tolerance and another step no longer halves it, so that what is returned
    is as exact as the arithmetic allows; or when it is led to where others ended (``KnownRoots``), which it then is
    given. So that these are known early, a few rows go first. On a GPU, where a batch takes as long as a row, all go
    at once, each to its end.
    """
    equation, starts, units = problem.system, problem.starts, problem.units
    pays = starts.device.type == "cpu" and starts.shape[1] >= _UNITS
    roots = problem.known if pays and problem.known is not None else starts[:0]
    starts = torch.cat([roots, starts])
    k, p = len(starts), len(roots)
    states, residuals = _settle(equation, starts)
    rows = NewtonState(
        states=states,
        residuals=residuals,
        norms=scaled_norm(residuals, states, units),
        errors=starts.new_full((k,), torch.nan),
        reasons=torch.full((k,), int(Reason.BUDGET), device=starts.device),
        steps=torch.zeros(k, dtype=torch.long, device=starts.device),
        evident=torch.zeros(k, dtype=torch.bool, device=starts.device),
        lengths=starts.new_full((k,), torch.inf),
        fallen=starts.new_ones(k),
    )
    active = rows.norms.isfinite().nonzero().squeeze(-1)
    rows.reasons[~rows.norms.isfinite()] = Reason.NOT_FINITE
    known = KnownRoots(equation, units, problem.memory_budget) if pays else None
    if known is not None and p:
        rows.reasons[:p], rows.evident[:p], rows.errors[:p] = Reason.CONVERGED, True, rows.norms[:p]
        known.enter(torch.arange(p), rows.states[:p], likely=True)
    active = active[active >= p]
    waves = [active] if known is None or p else _waves(active)
    bar = Progress("Newton", problem.progress, total=k - p, initial=k - p - len(active), unit="start")
    with stoppable() as stop, bar:
        while waves:
            active = waves[0]
            for iteration in range(problem.max_steps):
                before = len(active)
                active = active if known is None else _left(rows, active, known)
                if len(active):
                    step = direction(equation, rows.states[active], rows.residuals[active])
                    ended = _stepped(problem, rows, active, step, tolerance, step_bound, iteration)
                    if known is not None:
                        done = active[(ended == Reason.CONVERGED) & rows.evident[active]]
                        known.enter(done, rows.states[done])
                    active = active[ended == Reason.BUDGET]
                bar.update(before - len(active))
                if not len(active):
                    break
            waves.pop(0)
    if stop:
        rows.reasons[torch.cat([active, *waves[1:]])], rows.interrupted = int(Reason.INTERRUPTED), True
    return rows.after(p) if p else rows


def _waves(active: Tensor) -> list[Tensor]:
    """Which rows go first, and the rest."""
    if len(active) < _WAVES:
        return [active]
    first = torch.zeros(len(active), dtype=torch.bool)
    first[:: len(active) // (_WAVES // 4)] = True
    return [active[first], active[~first]]


def _left(rows: NewtonState, active: Tensor, known: KnownRoots) -> Tensor:
    """Give those of the ``active`` rows that are led to a known root what the row that ended there has; the others."""
    owner = known.reached(rows.states[active], rows.residuals[active])
    led = owner >= 0
    left, owner = active[led], owner[led]
    for column in (rows.states, rows.residuals, rows.norms, rows.errors, rows.reasons, rows.evident):
        column[left] = column[owner]
    return active[~led]


def _stepped(
    problem: RootProblem,
    rows: NewtonState,
    active: Tensor,
    step: Tensor,
    tolerance: float,
    step_bound: float,
    iteration: int,
) -> Tensor:
    """Take a damped ``step`` [a, n] of each ``active`` row; tells why rows ended, BUDGET of those that did not."""
    equation, units = problem.system, problem.units
    states, residuals, norms = rows.states[active], rows.residuals[active], rows.norms[active]
    step = _bounded(equation, step, states, units, step_bound)
    new_states, new_residuals, moved_norms = _backtrack(equation, states, residuals, norms, step, units)
    new_norms = scaled_norm(new_residuals, new_states, units)  # by the sizes there, not by those before

    moved, ratio = moved_norms < norms, moved_norms / norms.clamp(min=torch.finfo(norms.dtype).tiny)
    rows.steps[active] += 1
    rows.states[active], rows.residuals[active], rows.norms[active] = new_states, new_residuals, new_norms
    length = scaled_norm(step, states, units)
    errors = length * torch.where(moved, ratio, 1.0)
    rows.errors[active] = torch.where(moved, errors, rows.errors[active])
    eps = torch.finfo(states.dtype).eps
    contracts = (length <= _SHORT) & (length <= _CONTRACTS * rows.lengths[active]) & (norms > _ROUNDING * eps)
    rows.evident[active] |= moved & contracts
    rows.lengths[active] = length

    small = new_norms <= thresholds(new_states, tolerance, units)
    exact = new_norms <= thresholds(new_states, 0.0, units) / 16
    done = small & (exact | (ratio > 0.5) | ~moved)
    stalled = ~moved & ~small
    rows.fallen[active] *= torch.where(moved, ratio, 1.0)
    if iteration % _PATIENCE == _PATIENCE - 1:
        stalled |= (rows.fallen[active] > 0.5) & ~small
        rows.fallen[active] = 1.0
    ended = torch.where(stalled, int(Reason.STALLED), int(Reason.CONVERGED))
    ended = torch.where(done | stalled, ended, int(Reason.BUDGET))
    rows.reasons[active] = ended
    return ended


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
