"""Proofs put together as a table."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..systems import AutonomousMap, Box
from .claims import CYCLE, FIXED_POINT
from .distinctness import distinct
from .obstacles import Obstacle
from .proofs import Proof
from .reaching import Reached
from .results import Certificates


def assembled(
    system: AutonomousMap,
    proofs: Sequence[Proof],
    units: Tensor,
    tolerance: float,
    starts: Tensor,
    ways: Sequence[Reached],
    interrupted: bool,
) -> Certificates:
    """A row for each proof, and what is known of each start."""
    places = [proof.located for proof in proofs]
    orbits = [proof.claim.orbit if place is None else place.states for proof, place in zip(proofs, places, strict=True)]
    errors = [
        torch.full_like(orbit, math.inf) if place is None else place.radii
        for orbit, place in zip(orbits, places, strict=True)
    ]
    # What is of another period than claimed is no cycle of that many states, whose boxes tell nothing.
    told = [
        torch.full_like(error, math.inf) if proof.obstacle is Obstacle.PERIOD else error
        for proof, error in zip(proofs, errors, strict=True)
    ]
    different = distinct(orbits, told)
    reasons = [proof.obstacle for proof in proofs]
    for row, place in enumerate(places):
        if place is not None and reasons[row] is Obstacle.NONE and not different[row]:
            reasons[row] = Obstacle.TWICE
    box = system.box
    return Certificates(
        tuple(proof.claim.kind for proof in proofs),
        _whole([len(proof.claim.orbit) if proof.claim.kind in (FIXED_POINT, CYCLE) else 0 for proof in proofs]),
        tuple(orbits),
        tuple(errors),
        _whole(reasons),
        _real([0.0 if place is None else place.radius for place in places]),
        _real([math.inf if math.isnan(proof.distance) else proof.distance for proof in proofs]),
        tuple(proof.spectrum.stability for proof in proofs),
        _real([proof.spectrum.radius for proof in proofs]),
        _real([proof.spectrum.margin for proof in proofs]),
        _whole([proof.spectrum.n_unstable for proof in proofs]),
        _whole([proof.index for proof in proofs]),
        _real([0.0 if proof.capture is None else proof.capture.width for proof in proofs]),
        different,
        _whole([0 if place is None else place.precision for place in places]),
        units,
        tolerance,
        torch.stack([box.lower, box.upper]).double().cpu() if isinstance(box, Box) else None,
        box.reason,
        starts,
        _whole([way.row for way in ways]),
        _whole([way.steps for way in ways]),
        _whole([way.passage for way in ways]),
        tuple(proof.claim.stability or "" for proof in proofs),
        interrupted=interrupted,
        notes=system.notes,
    )


def _whole(values: Sequence[int]) -> Tensor:
    return torch.tensor([int(value) for value in values], dtype=torch.int64)


def _real(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
