"""Slow drift, followed by implicit steps of growing length instead of thousands of plain ones."""

import math
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from ....systems import AutonomousMap, relative, sizes

_FIRST_STEP = 16.0
_SHORTEST = 4.0
"""Implicit steps shorter than this are dearer than plain ones: the row is given back."""

_RELAX = 4
"""Plain steps after each implicit one, in which what is not slow decays or shows that it does not."""

_GOOD, _FAIR = 0.1, 0.3
"""How much the speed may differ from the predicted one, as a share, for the next step to grow, or this one to stand."""

_LONGEST_MOVE = 0.1
"""One step moves no coordinate by more than a tenth of its size."""

_ON_THE_WAY = 8
"""Parts in which the way of the longest move is looked at, fewer of a shorter one: a fixed point or fold there must
not be stepped over."""

_UNSTABLE_STEP = 0.3
"""With mu > 0 the rate at which a slow direction grows, steps stay below 0.3 / mu: longer ones would damp it."""

_MOST = 400

_TRIAL, _PAYS = 12, 32.0
"""After a dozen implicit steps these must stand for 32 plain ones each on the average, or the row is given back."""

_WAY_OUT = 3.0
"""A drift has returned if it comes back to within one stride of a state that it was three strides away from."""


class DriftEnd(IntEnum):
    """How a drift ended."""

    RESTED = 0
    HORIZON = 1
    NOT_SLOW = 2
    RETURNED = 3


@dataclass(eq=False)
class Drift:
    """Rows that drifted."""

    states: Tensor  # [r, n]
    times: Tensor  # steps of F that the path stands for, [r]
    ends: Tensor  # ``DriftEnd`` codes, [r]
    turns: Tensor  # steps of F from a state back to it, of rows that returned, [r]
    work: int  # rows times implicit steps


@torch.no_grad()
def drifted(
    system: AutonomousMap,
    states: Tensor,
    *,
    horizon: float,
    tolerance: float,
    units: Tensor,
    memory_budget: int,
    longest_step: Tensor | None = None,
) -> Drift:
    """Follow dh/dt = F(h) - h from slow states [r, n], which where F is near the identity is what F itself does.

    Pseudo-transient continuation: h + d with (1 / delta - (DF - I)) d = F(h) - h, then a few plain steps. The residual
    must come out as predicted, d / delta; delta grows while it does and shrinks where it does not, so that the path
    is followed on a curved slow manifold and the end is Newton's method (Kelley and Keyes 1998,
    doi:10.1137/S0036142996304796).

    Args:
        system: the map.
        states: [r, n], slow and smooth in time.
        horizon: steps of F after which a row is given up as slow.
        tolerance: a row rests when |F_i(h) - h_i| <= tolerance * max(u_i, |h_i|) in every coordinate.
        units: u, [n]; norms are taken of coordinates in units of max(u_i, |h_i|).
        memory_budget: bytes for Jacobians at a time.
        longest_step: bounds on delta, [r]; none by default.
    """
    rows = len(states)
    states = states.clone()
    times = states.new_zeros(rows)
    ends = torch.full((rows,), int(DriftEnd.HORIZON), device=states.device)
    length = states.new_full((rows,), _FIRST_STEP)
    bound = states.new_full((rows,), torch.inf) if longest_step is None else longest_step
    turns = torch.zeros_like(times)
    anchor, anchored, farthest = states.clone(), times.clone(), torch.zeros_like(times)
    active = torch.arange(rows, device=states.device)
    work = 0
    for round_ in range(_MOST):
        if not len(active):
            break
        work += len(active)
        here, left = states[active], (horizon - times[active]).clamp(min=1.0)
        delta = torch.minimum(torch.minimum(length[active], bound[active]), left)
        move, residual = torch.empty_like(here), torch.empty_like(here)
        for part in system.chunks(len(active), memory_budget):
            value, linearization = system.linearize(here[part])
            residual[part] = value - here[part]
            move[part] = linearization.solve(-residual[part], 1 + 1 / delta[part])
        predicted = move / delta.unsqueeze(-1)
        trial = system.iterate(here + move, _RELAX)
        new_residual = system(trial) - trial
        size = sizes(here, units)
        speed = (predicted / size).norm(dim=-1)
        missed = ((new_residual - predicted) / size).norm(dim=-1)
        mismatch = missed / speed.clamp(min=torch.finfo(speed.dtype).tiny)
        onward = (move * residual / size.square()).sum(dim=-1) > 0
        short = (relative(move, here, units) <= _LONGEST_MOVE) & trial.isfinite().all(dim=-1)
        rested = relative(new_residual, trial, units) <= tolerance
        stands = short & (rested | ((mismatch <= _FAIR) & onward))
        stands[stands.clone()] = _smooth(
            system, here[stands], move[stands], residual[stands], predicted[stands], tolerance, units
        )

        moved = active[stands]
        elapsed = _elapsed(delta, (residual / size).norm(dim=-1), speed) + _RELAX
        states[moved], times[moved] = trial[stands], times[moved] + elapsed[stands]
        away = ((states[active] - anchor[active]) / size).norm(dim=-1)
        stride = (move / size).norm(dim=-1)
        returned = stands & (away <= stride) & (farthest[active] >= _WAY_OUT * stride)
        farthest[active] = torch.maximum(farthest[active], away)
        grow = torch.where(mismatch <= _GOOD, 3.0, 1.5)
        length[active] = torch.where(stands, delta * grow, delta / 4)
        dear = (round_ >= _TRIAL) & (times[active] < _PAYS * round_)
        for ended, end in (
            (dear, DriftEnd.NOT_SLOW),
            (stands & (times[active] >= horizon), DriftEnd.HORIZON),
            (~stands & (length[active] < torch.minimum(left, length.new_tensor(_SHORTEST))), DriftEnd.NOT_SLOW),
            (returned, DriftEnd.RETURNED),
            (stands & rested, DriftEnd.RESTED),
        ):
            ends[active[ended]] = int(end)
            length[active[ended]] = -1.0
        turns[active[returned]] = (times - anchored)[active[returned]]
        active = active[length[active] > 0]
        if round_ & (round_ + 1) == 0:  # Brent: anchors at rounds 1, 2, 4, 8, ... meet any turn
            anchor, anchored, farthest = states.clone(), times.clone(), torch.zeros_like(times)
    ends[active] = int(DriftEnd.NOT_SLOW)
    return Drift(states, times, ends, turns, work)


def _smooth(
    system: AutonomousMap,
    here: Tensor,
    move: Tensor,
    residual: Tensor,
    predicted: Tensor,
    tolerance: float,
    units: Tensor,
) -> Tensor:
    """Whether the speed on the way is what a linear map has there, between ``residual`` and ``predicted``."""
    smooth = torch.ones(len(here), dtype=torch.bool, device=here.device)
    size = sizes(here, units)
    longest = float(relative(move, here, units).max()) if len(here) else 0.0
    parts = max(2, math.ceil(_ON_THE_WAY * longest / _LONGEST_MOVE))
    for share in (part / parts for part in range(1, parts)):
        state = system.iterate(here + share * move, _RELAX // 2)
        expected = residual + share * (predicted - residual)
        miss = ((system(state) - state - expected) / size).norm(dim=-1)
        smooth &= miss <= _FAIR * (expected / size).norm(dim=-1) + tolerance
    return smooth


def _elapsed(delta: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """The time in which the speed really falls as it did in one implicit step of length delta.

    Where it decays at the rate mu, the step divides it by q = 1 + delta mu, for which the flow takes
    ln(q) / mu = delta ln(q) / (q - 1): much less than delta in the last steps before rest.
    """
    ratio = (before / after.clamp(min=torch.finfo(after.dtype).tiny)).clamp(0.1, 1e12)
    slower = (ratio - 1).abs() > 1e-3
    return torch.where(slower, delta * ratio.log() / torch.where(slower, ratio - 1, 1.0), delta)


def step_bound_at(eigenvalues: Tensor) -> Tensor:
    """The longest step that does not damp a growing slow direction at a fixed point, from its eigenvalues [..., n]."""
    growth = (eigenvalues.real - 1).amax(dim=-1)
    return torch.where(growth > 0, _UNSTABLE_STEP / growth.clamp(min=1e-12), torch.inf)
