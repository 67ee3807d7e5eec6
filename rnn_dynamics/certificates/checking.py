"""A certificate proved again from what it holds."""

from dataclasses import replace

import torch

from ..enclosures import exact
from .assembly import Rows
from .bounds import uppers
from .claims import Claim
from .completeness import FixedPointCensus
from .ground import Ground
from .obstacles import Obstacle
from .proofs import Proof
from .proving import prove
from .rows import ProvedRows
from .stored_step import StoredStep

_SAME = 1e-6
"""Radii and spectral radii are confirmed up to this share of them: searches for the largest end at slightly other ones
with other bits."""


def checked_again(proof: Rows, step: StoredStep, bits: int, progress: bool | None) -> Rows:
    """What ``Certificates.check`` says."""
    rows = zip(proof.kinds, proof.orbits, proof.claims, strict=True)
    claims = [Claim(kind, orbit, word or None) for kind, orbit, word in rows]
    ground = Ground.kept(proof, step)
    steps = max(proof.steps.tolist(), default=0)
    bits_tried = (bits, 2 * bits, 4 * bits)
    again, proofs = prove(type(proof), ground, claims, proof.starts, steps, proof.tolerance, progress, bits_tried)
    said = proof.proved
    reasons = again.reasons.clone()
    for row, fresh in enumerate(proofs):
        if said[row] and again.proved[row] and not _confirmed(proof, row, fresh):
            reasons[row] = Obstacle.DISAGREES
    again = replace(again, reasons=reasons, chosen_from=proof.chosen_from)
    return again if proof.census is None else replace(again, census=_counted_again(proof.census, again, bits, progress))


def _counted_again(census: FixedPointCensus, proof: ProvedRows, bits: int, progress: bool | None) -> FixedPointCensus:
    """The census made again, with which of the rows that are proved again each fixed point is.

    It is one of them if it is as near to it as states that are given have to be, and within the distance in which that
    is alone.
    """
    fresh = census.check(bits, progress)
    size = torch.maximum(proof.states.abs(), proof.units)
    room = torch.minimum(proof.tolerance * size, proof.radii.unsqueeze(-1) * proof.units * (1 - _SAME))
    same = ((fresh.states.unsqueeze(1) - proof.states).abs() <= room).all(dim=-1) & proof.proved
    rows = torch.where(same.any(dim=1), same.to(torch.int64).argmax(dim=1), -1) if len(proof) else fresh.rows
    return replace(fresh, rows=rows, astray=(~same.any(dim=0)).nonzero().flatten())


def _confirmed(proof: ProvedRows, row: int, fresh: Proof) -> bool:
    """Whether what is said of a row follows from a proof made anew."""
    place, spectrum = fresh.located, fresh.spectrum
    if place is None:
        return False
    orbit, errors = proof.orbits[row], proof.errors[row]
    inside = all(
        bool((uppers(box - exact(state)) <= error * (1 + 2.0**-40)).all())
        for box, state, error in zip(place.boxes, orbit, errors, strict=True)
    )
    width = 0.0 if fresh.capture is None else fresh.capture.width
    word = proof.stability[row]
    return (
        inside
        and place.radius >= float(proof.radii[row]) * (1 - _SAME)
        and (word in ("undecided", spectrum.stability))
        and spectrum.radius <= float(proof.spectral_radii[row]) * (1 + _SAME)
        and int(proof.n_unstable[row]) in (-1, spectrum.n_unstable)
        and int(proof.indices[row]) in (0, fresh.index)
        and width >= float(proof.capture_radii[row]) * (1 - _SAME)
    )
