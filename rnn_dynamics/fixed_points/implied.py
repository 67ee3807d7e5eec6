"""Fixed points that must be there since others are: the phases of a cycle, and shorter cycles, for F^k."""

from typing import Any

import scipy
import torch
from torch import Tensor

from ..roots import RootSolver
from ..systems import AutonomousMap, warped
from .completeness import Round
from .pool import Pool

_ORIGIN = "implied by others"

_NEAR = 10
"""Implied states this many times the merging tolerance from points of the pool are these, but for rounding."""


def add_implied(
    system: AutonomousMap, pool: Pool, isolated: Tensor, solver: RootSolver, options: dict[str, Any]
) -> Round | None:
    """Enter what the ``isolated`` points of the pool imply; None where all of that is known already."""
    states = pool.states[isolated.to(pool.states.device)]
    companions = system.companions(states)
    implied = companions.flatten(0, 1)
    if system.known_roots is not None:
        implied = torch.cat([system.known_roots, implied])
    implied = implied[(_places(pool, implied) < 0) & implied.isfinite().all(dim=-1)]
    added = None
    if len(implied):
        before = pool.states
        fresh = pool.add(solver.solve(system, implied, **options), _ORIGIN)
        old = (pool.states.unsqueeze(1) == before).all(dim=-1).any(dim=-1)
        # Hit counts estimate what starts miss, and no start was led to the new ones.
        pool.times = torch.where(old, pool.times, 0)
        added = Round(_ORIGIN, len(implied), fresh)
    if companions.numel():
        # What leads to one phase of a cycle leads to all: each counts as reached as often as the most reached one.
        times = pool.times[_places(pool, states)].repeat(len(companions))
        places = _places(pool, companions.flatten(0, 1))
        pool.times = pool.times.scatter_reduce(0, places[places >= 0], times[places >= 0], "amax")
    return added


def _places(pool: Pool, states: Tensor) -> Tensor:
    """Which point of the pool each of states [k, n] is, or -1."""
    places = torch.full((len(states),), -1, device=states.device)
    rows = states.isfinite().all(dim=-1).nonzero().squeeze(-1)
    if len(rows) and len(pool.states):
        known, there = warped(pool.states, pool.units), warped(states[rows], pool.units)  # as ``merge`` compares them
        distance, place = scipy.spatial.KDTree(known.cpu().numpy()).query(there.cpu().numpy())
        near = _NEAR * pool.tolerance * there.norm(dim=-1).clamp(min=1.0)
        same = torch.from_numpy(distance).to(near) <= near
        places[rows] = torch.where(same, torch.from_numpy(place).to(places), -1)
    return places
