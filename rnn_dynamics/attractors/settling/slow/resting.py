"""Rows that came to rest where no multiplier attracts: lines and sheets of fixed points, and marginal points."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ....fixed_points import describe, find_continua, merge, nearest_line
from ....roots import residual_norms
from ....systems import AutonomousMap
from ...kinds import AttractorKind
from ...outcomes import Fate
from ...results import Evidence
from ..detector import Entry
from ..starts import Limits, Rows


@dataclass(frozen=True, eq=False)
class Resting:
    """Where rows rest."""

    on_known: list[Tensor]
    """The rows on each continuum that was known before."""

    fresh: list[Entry]


def resting(system: AutonomousMap, rows: Rows, limits: Limits, known: list[Tensor]) -> Resting:
    """Settle the rows at rest, on ``known`` continua [m, n] or on new ones and marginal points."""
    members = (rows.rested & (rows.fates < 0)).nonzero().squeeze(-1)
    if not len(members):
        return Resting([members for _ in known], [])
    rows.fates[members] = Fate.SETTLED
    states = rows.states[members]
    owner = nearest_line(states, [line.to(states) for line in known]).to(members.device)
    on_known = [members[owner == index] for index in range(len(known))]
    members = members[owner < 0]
    states = rows.states[members]
    speeds = residual_norms(system, states)
    fresh: list[Entry] = []
    lines = find_continua(system, states, speeds)
    on_line = nearest_line(states, [states[line] for line in lines])
    for index, line in enumerate(lines):
        mine = members[(on_line == index).to(members.device)]
        if len(mine):
            continuum = describe(states[line], speeds[line], len(mine))
            middle = continuum.states[len(continuum.states) // 2]
            evidence = _evidence(system, middle, float(continuum.speeds.max()), torch.inf)
            fresh.append(Entry(AttractorKind.CONTINUUM, continuum.states, evidence, mine))
    alone = (on_line < 0).nonzero().squeeze(-1).to(members.device)
    # Convergence to a degenerate root is slow, so that what rests near it is spread by far more than its residual.
    reach = torch.full_like(speeds[alone], 100 * limits.settle.merge_tolerance)
    representative = merge(rows.flat(states[alone]), speeds[alone], reach, limits.settle.merge_tolerance)
    for best in representative.unique().tolist():
        state = states[alone[best]]
        evidence = _evidence(system, state, float(speeds[alone[best]]), 1.0)
        fresh.append(
            Entry(AttractorKind.FIXED_POINT, state.unsqueeze(0), evidence, members[alone[representative == best]], 1.0)
        )
    return Resting(on_known, fresh)


def _evidence(system: AutonomousMap, state: Tensor, residual: float, margin: float) -> Evidence:
    values = system.linearize(state[None])[1].eigenvalues()[0].cpu().to(torch.complex128)
    exponents = values.abs().log()
    zero = torch.zeros_like(exponents)
    return Evidence(residual, values, exponents, zero, exponents, 1, "came to rest on it", margin)
