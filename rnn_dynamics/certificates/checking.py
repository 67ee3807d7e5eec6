"""A certificate proved again from what it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..enclosures import exact
from .assembly import Result
from .bounds import uppers
from .claims import Claim
from .ground import Ground
from .proofs import Proof
from .proving import prove

_SAME = 1e-6
"""Radii and spectral radii are confirmed up to this share of them: searches for the largest end at slightly other ones
with other bits."""


@dataclass(frozen=True, eq=False)
class Said:
    """What a certificate says in one row: the columns of these names."""

    kind: str
    orbit: Tensor
    claim: str
    errors: Tensor
    radius: float
    stability: str
    spectral_radius: float
    n_unstable: int
    index: int
    capture_radius: float


def checked_again(
    table: Callable[..., Result],
    ground: Ground,
    rows: Sequence[Said],
    starts: Tensor,
    steps: int,
    tolerance: float,
    bits: int,
    progress: bool | None,
) -> tuple[Result, list[bool]]:
    """A ``table`` of proofs made anew, with other bits, and of each row whether what was said follows from them."""
    claims = [Claim(row.kind, row.orbit, row.claim or None) for row in rows]
    again, proofs = prove(table, ground, claims, starts, steps, tolerance, progress, (bits, 2 * bits, 4 * bits))
    return again, [_confirmed(row, proof) for row, proof in zip(rows, proofs, strict=True)]


def _confirmed(said: Said, fresh: Proof) -> bool:
    """Whether what is said of a row follows from a proof made anew."""
    place, spectrum = fresh.located, fresh.spectrum
    if place is None:
        return False
    inside = all(
        bool((uppers(box - exact(state)) <= error * (1 + 2.0**-40)).all())
        for box, state, error in zip(place.boxes, said.orbit, said.errors, strict=True)
    )
    width = 0.0 if fresh.capture is None else fresh.capture.width
    return (
        inside
        and place.radius >= said.radius * (1 - _SAME)
        and said.stability in ("undecided", spectrum.stability)
        and spectrum.radius <= said.spectral_radius * (1 + _SAME)
        and said.n_unstable in (-1, spectrum.n_unstable)
        and said.index in (0, fresh.index)
        and width >= said.capture_radius * (1 - _SAME)
    )
