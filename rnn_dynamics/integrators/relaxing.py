"""From states near a slow curve to states on it, across the slow direction and never along it."""

import torch
from torch import Tensor

from ..linear_algebra import solve
from ..systems import AutonomousMap
from .slow_modes import slow_modes

_STEPS = 30

_CLOSE = 1e-9
"""What is left of the velocity across the slow direction, as a share of max(1, |h|)."""


def relaxed(system: AutonomousMap, states: Tensor, memory_budget: int) -> Tensor:
    """Of ``states`` [k, n] those that come to where the velocity is along the slow direction, there: [c, n].

    With v and w of the mode nearest to 1, and velocity u = F(h) - h, Newton's step d solves (DF - I) d = -u + (w^T u) v
    with w^T d = 0, bordered by v and w: what an integrator has integrated stays. Fixed points are on the curve, as u is
    0 there. States whose slow mode turns (a complex pair) lie on no line.
    """
    parts = [_moved(system, states[part]) for part in system.chunks(len(states), memory_budget)]
    return torch.cat(parts) if parts else states


def _moved(system: AutonomousMap, states: Tensor) -> Tensor:
    arrived = [states[:0]]
    close = max(_CLOSE, 1e2 * torch.finfo(states.dtype).eps)
    for _ in range(_STEPS):
        image, linearization = system.linearize(states)
        velocity, jacobian = image - states, linearization.dense()
        finite = velocity.isfinite().all(dim=-1) & jacobian.isfinite().all(dim=-1).all(dim=-1)
        states, velocity, jacobian = states[finite], velocity[finite], jacobian[finite]
        if not len(states):
            break
        modes = slow_modes(jacobian, velocity.double().cpu(), of_curve=False)
        v, w = modes.directions.to(states), modes.selection_vectors.to(states)
        across = velocity - (w * velocity).sum(dim=-1, keepdim=True) * v
        left = across.norm(dim=-1) / states.norm(dim=-1).clamp(min=1)
        sound = left.isfinite() & (modes.eigenvalues.imag == 0).to(states.device)
        arrived.append(states[sound & (left <= close)])
        onwards = sound & (left > close)
        states = states[onwards] + _across(*(part[onwards] for part in (jacobian, across, v, w)))
    return torch.cat(arrived)


def _across(jacobian: Tensor, velocity: Tensor, v: Tensor, w: Tensor) -> Tensor:
    """Newton's steps [k, n] against the ``velocity`` across, bordered as DF - I itself is singular on a line."""
    identity = torch.eye(v.shape[-1], dtype=v.dtype, device=v.device)
    border = torch.cat([w, w.new_zeros(len(w), 1)], dim=-1).unsqueeze(-2)
    matrix = torch.cat([torch.cat([jacobian - identity, v.unsqueeze(-1)], dim=-1), border], dim=-2)
    wanted = torch.cat([-velocity, velocity.new_zeros(len(velocity), 1)], dim=-1)
    return solve(matrix, wanted.unsqueeze(-1)).squeeze(-1)[:, :-1]
