"""What there is to prove: the states that results hold, and what they say of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from ..attractors import Attractors, Cycles
from ..checks import ArrayLike
from ..fixed_points import FixedPoints
from ..systems import AutonomousMap

FIXED_POINT, CYCLE = "fixed point", "cycle"

Found: TypeAlias = FixedPoints | Attractors | Cycles | ArrayLike


@dataclass(frozen=True, eq=False)
class Claim:
    """One thing that is claimed to be there."""

    kind: str
    """"fixed point", "cycle", or what has no proof here."""

    orbit: Tensor
    """All states of a fixed point or cycle in order, [k, n]."""

    stability: str | None
    """"stable" or "unstable", where it is claimed to be so."""

    @property
    def provable(self) -> bool:
        return self.kind in (FIXED_POINT, CYCLE)


def claims_of(system: AutonomousMap, found: Found) -> list[Claim]:
    """A claim for each row of what was found, or each state of a tensor [k, n] or [n]: that it is a fixed point."""
    if isinstance(found, Attractors):
        rows = zip(found.kinds, found.periods.tolist(), found.orbits, found.states, strict=True)
        return [
            Claim(str(kind), _exact(orbit) if period else _exact(state).unsqueeze(0), "stable")
            for kind, period, orbit, state in rows
        ]
    if isinstance(found, Cycles):
        kind = FIXED_POINT if found.period == 1 else CYCLE
        rows = zip(found.orbits, found.kinds, strict=True)
        return [Claim(kind, _exact(orbit), _of_kind(word)) for orbit, word in rows]
    if isinstance(found, FixedPoints):
        rows = zip(found.states, found.kinds, strict=True)
        return [Claim(FIXED_POINT, _exact(state).unsqueeze(0), _of_kind(word)) for state, word in rows]
    states = system.as_states(_rows(found), "found")
    return [Claim(FIXED_POINT, _exact(state).unsqueeze(0), None) for state in states]


def _exact(state: Tensor) -> Tensor:
    """On the host, where the balls are."""
    return state.double().cpu()


def _rows(states: ArrayLike) -> ArrayLike:
    """One state as one row; not as a tensor yet, which would take a list's numbers for float32."""
    if isinstance(states, Tensor | np.ndarray):
        return states[None] if states.ndim == 1 else states
    return [states] if np.ndim(states) == 1 else states


def _of_kind(word: str) -> str | None:
    """What "stable node", "saddle flip", "marginal focus" say of stability."""
    return {"stable": "stable", "saddle": "unstable", "unstable": "unstable"}.get(word.split()[0])


def states_of(claims: Sequence[Claim], system: AutonomousMap) -> Tensor:
    """The states of all claims, [s, n]."""
    parts = [claim.orbit for claim in claims]
    return torch.cat(parts) if parts else torch.empty(0, system.state_size, dtype=torch.float64)
