"""Preimages: the one near a guess, by Newton's method, for many states at once."""

import torch
from torch import Tensor

from ..linear_algebra import solve
from ..systems import AutonomousMap

_STEPS = 30
_HALVINGS = 6


def preimages(system: AutonomousMap, targets: Tensor, guesses: Tensor, size: float) -> Tensor:
    """The states x [k, n] near guesses [k, n] with F(x) = y for targets y [k, n]; NaN where none is found.

    Newton's method, each step halved until the residual falls. A solution has |F(x) - y| within 1e-12 of ``size``, or
    what rounding leaves.
    """
    states = guesses.clone()
    bound = max(1e-12, 16 * torch.finfo(states.dtype).eps) * size
    values, linearization = system.linearize(states)
    residuals = (values - targets).norm(dim=-1).nan_to_num(nan=torch.inf)
    for _ in range(_STEPS):
        if bool((residuals <= bound).all()):
            break
        steps = solve(linearization.dense(), (targets - values).unsqueeze(-1)).squeeze(-1)
        shares = torch.ones_like(residuals)
        better = torch.zeros_like(residuals, dtype=torch.bool)
        trial = states
        for _ in range(_HALVINGS):
            candidate = states + shares.unsqueeze(-1) * steps
            tried = (system(candidate) - targets).norm(dim=-1).nan_to_num(nan=torch.inf)
            falls = (tried < residuals) & ~better
            trial = torch.where(falls.unsqueeze(-1), candidate, trial)
            better |= falls
            if bool((better | (residuals <= bound)).all()):
                break
            shares = torch.where(better, shares, shares / 2)
        if not bool(better.any()):
            break
        states = trial
        values, linearization = system.linearize(states)
        residuals = (values - targets).norm(dim=-1).nan_to_num(nan=torch.inf)
    return torch.where((residuals <= bound).unsqueeze(-1), states, torch.full_like(states, torch.nan))
