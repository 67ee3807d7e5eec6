"""Minima of the speed: slow points, and fixed points where the speed vanishes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import checked
from ..progress import Progress
from ..stopping import stoppable
from ..systems import Box, Linearization, scaled_norm
from .problem import RootProblem
from .results import Reason, RootResult
from .solver import Attempt, RootSolver, thresholds

_STATIONARY = 1e-4
"""A minimum of the speed: |(DF - I)^T r| <= 1e-4 |r|, so r is all but in the null space that a fold's ghost leaves."""

_SLOW = 0.1
"""A minimum is called slow if the state takes ten steps or more to move by its size."""


@checked
@dataclass(frozen=True)
class SpeedMinimizer(RootSolver):
    """Levenberg-Marquardt on q(h) = |F(h) - h|^2 / 2, from each start to the local minimum below it.

    It finds slow points, the ghosts of fixed points that vanished in a fold, and says *slow*, not *found*
    (Sussillo and Barak 2013, doi:10.1162/NECO_a_00409). Fewer starts reach fixed points than with ``Newton``.

    Args:
        tolerance: of the scaled residual, as ``RootSolver`` says.
        slow_enough: stop at this speed |(F(h) - h) / u|_2. 0, the default, goes down to the minimum; a positive value
            leaves the starts spread along a slow manifold, which ``find_fixed_points`` then recognises as one object.
    """

    tolerance: float = 1e-11
    slow_enough: float = 0.0

    def attempt(self, problem: RootProblem) -> Attempt:
        return Attempt(descend(problem, tolerance=self.tolerance, slow_enough=self.slow_enough))


def descend(problem: RootProblem, *, tolerance: float, slow_enough: float = 0.0) -> RootResult:
    """Levenberg-Marquardt on the speed; the damping is mu |r|, mu adapted to the gain (Fan and Yuan 2005). Coordinates
    are measured in their ``units``.

    That damping keeps convergence quadratic at a continuum of fixed points, where the Jacobian is singular
    (doi:10.1007/s00607-004-0083-1).
    """
    system, starts, units = problem.system, problem.starts, problem.units
    k, device = len(starts), starts.device
    box = system.box if isinstance(system.box, Box) and system.box.holds_all else None
    states = starts.clone() if box is None else starts.clamp(box.lower, box.upper)
    drift = system(states) - states
    norms = _speeds(drift, units)
    errors = starts.new_full((k,), torch.nan)
    steps = torch.zeros(k, dtype=torch.long, device=device)
    reasons = torch.full((k,), int(Reason.BUDGET), device=device)
    reasons[~norms.isfinite()] = Reason.NOT_FINITE
    damping = starts.new_ones(k)
    active = norms.isfinite().nonzero().squeeze(-1)
    bar = Progress("speed descent", problem.progress, total=k, initial=k - len(active), unit="start")
    with stoppable() as stop, bar:
        for _ in range(problem.max_steps):
            if not len(active):
                break
            step = starts.new_empty(len(active), starts.shape[1])
            slope, predicted = starts.new_empty(len(active)), starts.new_empty(len(active))
            # The normal equations need three matrices per row beside the Jacobian.
            for part in system.chunks(len(active), problem.memory_budget // 2):
                rows = active[part]
                value, linearization = system.linearize(states[rows])
                step[part], slope[part], predicted[part] = _marquardt(
                    linearization, value - states[rows], damping[rows] * norms[rows], units
                )
            trial = states[active] + step
            if box is not None:
                trial = trial.clamp(box.lower, box.upper)
            trial_drift = system(trial) - trial
            trial_norms = _speeds(trial_drift, units)
            old = norms[active]
            gain = (old**2 - trial_norms**2) / (old**2 - predicted**2).clamp(min=torch.finfo(old.dtype).tiny)
            better = (gain > 1e-4) & (trial_norms < old)
            states[active] = torch.where(better.unsqueeze(-1), trial, states[active])
            drift[active] = torch.where(better.unsqueeze(-1), trial_drift, drift[active])
            norms[active] = torch.where(better, trial_norms, old)
            error = scaled_norm(step, states[active], units) * trial_norms / old
            errors[active] = torch.where(better, error, errors[active])
            steps[active] += 1
            factor = torch.where(gain > 0.75, 0.1, torch.where(gain > 0.25, 1.0, 4.0))
            damping[active] = (damping[active] * torch.where(better, factor, 4.0)).clamp(1e-12, 1e16)

            residuals = scaled_norm(drift[active], states[active], units)
            at_root = residuals <= 0.01 * thresholds(states[active], tolerance, units)
            slow = norms[active] <= slow_enough
            stationary = slope <= _STATIONARY * old
            left = better & _pinned(states[active], norms[active] / old, box)
            length = (step / units).norm(dim=-1)
            stuck = (scaled_norm(step, states[active], units) <= 1e-12) & (length > 0)  # 0: the factorisation failed
            outcome = reasons[active]
            for ended, reason in (
                (stuck, Reason.STALLED),
                (stationary, Reason.FAST_MINIMUM),
                (stationary & (residuals <= _SLOW), Reason.SPEED_MINIMUM),
                (slow, Reason.SLOW_ENOUGH),
                (left, Reason.OUTSIDE_BOX),
                (at_root, Reason.CONVERGED),
            ):
                outcome = torch.where(ended, int(reason), outcome)
            reasons[active] = outcome
            ended = stuck | stationary | slow | left | at_root
            before, active = len(active), active[~ended]
            bar.update(before - len(active))
    if stop:
        reasons[active] = int(Reason.INTERRUPTED)
    return RootResult(states, norms, errors, reasons, steps, interrupted=bool(stop))


def _speeds(drift: Tensor, units: Tensor) -> Tensor:
    """|(F(h) - h) / u|_2 of F(h) - h [k, n], [k]; infinite where the map is."""
    return (drift / units).norm(dim=-1).nan_to_num(nan=torch.inf)


def _pinned(states: Tensor, progress: Tensor, box: Box | None) -> Tensor:
    """Rows that creep along the wall of the box: beyond it gates saturate and the speed falls for ever."""
    if box is None:
        return torch.zeros_like(progress, dtype=torch.bool)
    at_wall = ((states == box.lower) | (states == box.upper)).any(dim=-1)
    return at_wall & (progress > 0.99)


def _marquardt(
    linearization: Linearization, residual: Tensor, damping: Tensor, units: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The step of (A^T A + damping I) d = -A^T r with A = J - I, |A^T r|, and the predicted |r + A d|, all in units."""
    matrix = linearization.dense().clone()
    matrix.diagonal(dim1=-2, dim2=-1).sub_(1.0)
    matrix *= units / units.unsqueeze(-1)
    residual = residual / units
    gradient = (matrix.mT @ residual.unsqueeze(-1)).squeeze(-1)
    normal = matrix.mT @ matrix
    floor = 64 * torch.finfo(normal.dtype).eps * normal.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    normal.diagonal(dim1=-2, dim2=-1).add_((damping + floor).unsqueeze(-1))
    factor = torch.linalg.cholesky_ex(normal, check_errors=False).L
    step = -torch.cholesky_solve(gradient.unsqueeze(-1), factor).squeeze(-1)
    step = torch.where(step.isfinite().all(dim=-1, keepdim=True), step, torch.zeros_like(step))
    predicted = (residual + (matrix @ step.unsqueeze(-1)).squeeze(-1)).norm(dim=-1)
    return step * units, gradient.norm(dim=-1), predicted
