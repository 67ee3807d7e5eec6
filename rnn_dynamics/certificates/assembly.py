"""Proofs put together as a table."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from .distinctness import distinct
from .ground import Ground
from .obstacles import Obstacle
from .proofs import Proof
from .reaching import Reached

Result = TypeVar("Result")

_THERE = (Obstacle.NONE, Obstacle.CONTRADICTED)
"""Where something is proved of the very states that are claimed."""


def assembled(
    table: Callable[..., Result],
    ground: Ground,
    proofs: Sequence[Proof],
    tolerance: float,
    starts: Tensor,
    ways: Sequence[Reached],
    interrupted: bool,
) -> Result:
    """A ``table``, ``Certificates``, with a row for each proof, and what is known of each start."""
    places = [proof.located if proof.obstacle in _THERE else None for proof in proofs]
    orbits = [proof.claim.orbit if place is None else place.states for proof, place in zip(proofs, places, strict=True)]
    errors = [
        torch.full_like(orbit, math.inf) if place is None else place.radii
        for orbit, place in zip(orbits, places, strict=True)
    ]
    different = distinct(orbits, errors)
    reasons = [proof.obstacle for proof in proofs]
    for row, reason in enumerate(reasons):
        if reason is Obstacle.NONE and not different[row]:
            reasons[row] = Obstacle.TWICE
    return table(
        tuple(proof.claim.kind for proof in proofs),
        _whole([len(proof.claim.orbit) if proof.claim.provable else 0 for proof in proofs]),
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
        torch.tensor([place is not None and place.kinked for place in places], dtype=torch.bool),
        different,
        _whole([0 if place is None else place.precision for place in places]),
        ground.units,
        tolerance,
        ground.box,
        ground.box_reason,
        ground.continuous,
        ground.invariant,
        starts,
        _whole([way.row for way in ways]),
        _whole([way.steps for way in ways]),
        _whole([way.passage for way in ways]),
        tuple(proof.claim.stability or "" for proof in proofs),
        ground.step,
        ground.refusal,
        interrupted=interrupted,
        notes=ground.notes,
    )


def _whole(values: Sequence[int]) -> Tensor:
    return torch.tensor([int(value) for value in values], dtype=torch.int64)


def _real(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
