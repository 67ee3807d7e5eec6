"""Attractors that are no fixed points of any branch, at chosen parameters."""

import torch
from torch import Tensor

from ...attractors import Settle, find_attractors
from ...stopping import go_on
from ...systems import AutonomousMap
from .atlas import Atlas
from .results import Section

_SETTLING = 500
"""Plain steps before it is asked which starts are on their way to a known fixed point or cycle."""

_CAPTURED = 1e-4
"""Relative to max(1, |h|), in units: a start this near to a stable set that is known has settled."""

_SAMPLES = 200
"""States kept of an orbit: enough to draw a circle closed."""


def section(
    atlas: Atlas, t: float, starts: Tensor, before: list[Section], settle: Settle | None, memory_budget: int, seed: int
) -> list[Section]:
    """The attractors at parameter t that ``starts`` settle on and that no branch has.

    Starts that come to a stable fixed point or cycle of a branch are done after a few hundred plain steps; only others
    are put to ``find_attractors``. A stable fixed point that it finds begins a branch that was not known.
    """
    system = atlas.span.system(atlas.span.inner(t))
    seeds = [each.states[-1:].to(starts) for each in before]
    states = torch.cat([starts, *seeds])
    left = _unsettled(system, states, _stable_sets(atlas, t), atlas.units)
    if not bool(left.any()):
        return []
    # ``known`` sets are found again by the few starts that only came slowly, and recognised below.
    found = find_attractors(system, states[left], settle=settle, memory_budget=memory_budget, seed=seed)
    go_on()
    sections = []
    exponents = found.largest_exponents.tolist()
    for row, (kind, period) in enumerate(zip(found.kinds, found.periods.tolist(), strict=True)):
        state = found.states[row]
        if kind == "fixed point":
            atlas.add(state, t)
        elif kind != "cycle" or not _on_branch(atlas, state, t, period):
            orbit = found.orbits[row].cpu()
            share = float(found.hits[row]) / len(states)
            sections.append(Section(t, kind, period, orbit[-_SAMPLES:], exponents[row], share))
    return sections


def _stable_sets(atlas: Atlas, t: float) -> Tensor:
    periods = {branch.period for branch in atlas.branches}
    return torch.cat([atlas.known(t, period, stable_only=True) for period in sorted(periods | {1})])


def _unsettled(system: AutonomousMap, states: Tensor, sets: Tensor, units: Tensor) -> Tensor:
    """Which states [k, n] are on none of the sets after some plain steps, [k]."""
    if not len(sets):
        return torch.ones(len(states), dtype=torch.bool, device=states.device)
    ends = system.iterate(states, _SETTLING) / units
    distance = torch.cdist(ends, sets / units).amin(dim=-1).nan_to_num(nan=torch.inf)
    return distance > _CAPTURED * ends.norm(dim=-1).clamp(min=1.0)


def _on_branch(atlas: Atlas, state: Tensor, t: float, period: int) -> bool:
    return any(branch.period == period for branch in atlas.branches) and atlas.holds(state, t, period)
