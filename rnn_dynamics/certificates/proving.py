"""All claims about one map proved, one after the other."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..enclosures import Unenclosed, enclose
from ..progress import each
from ..stopping import go_on, stoppable
from ..systems import AutonomousMap, units_of
from .assembly import assembled
from .claims import Claim, states_of
from .cycle_equation import BallMap
from .obstacles import Obstacle
from .proofs import Proof, proof_of
from .reaching import Reached, reached
from .results import Certificates


def prove(
    system: AutonomousMap,
    claims: Sequence[Claim],
    starts: Tensor | None,
    steps: int,
    tolerance: float,
    progress: bool | None,
) -> Certificates:
    """What ``certify`` says."""
    units = _units(system, claims)
    proofs: list[Proof] = []
    ways: list[Reached] = []
    try:
        map: BallMap | None = enclose(system)
    except Unenclosed:
        map = None
    with stoppable() as stop:
        for claim in each(claims, "proofs", progress, unit="proof"):
            go_on()
            proofs.append(Proof(claim, Obstacle.NOT_TRACED) if map is None else proof_of(map, claim, units, tolerance))
        if map is not None and starts is not None:
            ways = reached(system, map, [proof.capture for proof in proofs], starts, steps, progress)
    proofs += [Proof(claim, Obstacle.INTERRUPTED) for claim in claims[len(proofs) :]]
    kept = torch.empty(0, system.state_size, dtype=torch.float64) if starts is None else starts.double().cpu()
    return assembled(system, proofs, units, tolerance, kept[: len(ways)], ways, bool(stop))


def _units(system: AutonomousMap, claims: Sequence[Claim]) -> Tensor:
    states = states_of(claims, system)
    if not len(states):
        return torch.ones(system.state_size, dtype=torch.float64)
    return units_of(system, states.to(system.device, system.dtype)).double().cpu()
