"""The proof of one claim: with more bits where it fails for rounding."""

import math
from dataclasses import dataclass

import torch
from flint import arb_mat
from torch import Tensor

from ..enclosures import Enclosure, exact, midpoints, precision
from ..linear_algebra import lu_factor, solve
from .bounds import identity, largest_row_sum, upper
from .capture import Capture, captured
from .claims import CYCLE, Claim
from .existence import Located, located
from .obstacles import Obstacle
from .spectra import UNKNOWN, Spectrum, proved_spectrum

LARGEST = 4096
"""Coordinates of all states of a cycle together: C then takes 128 MiB as floats, and ten times that as balls."""

PRECISIONS = (53, 106, 212)
"""Bits: those of a float, twice and four times as many."""


@dataclass(frozen=True, eq=False)
class Proof:
    """What could be proved of one claim."""

    claim: Claim
    obstacle: Obstacle
    located: Located | None = None
    distance: float = math.nan
    """A bound of |given - solution| in units of max(u_i, |h_i|)."""

    spectrum: Spectrum = UNKNOWN
    index: int = 0
    """sign det(I - DF^k), 0 where not proved."""

    capture: Capture | None = None


def proof_of(map: Enclosure, claim: Claim, units: Tensor, tolerance: float, precisions: tuple[int, ...]) -> Proof:
    """Existence, uniqueness, period, index, stability and capture of what is claimed."""
    if not claim.provable:
        return Proof(claim, Obstacle.KIND)
    if claim.orbit.numel() > LARGEST:
        return Proof(claim, Obstacle.SIZE)
    if not bool(claim.orbit.isfinite().all()):
        return Proof(claim, Obstacle.NOT_ENCLOSED)
    found: Located | Obstacle = Obstacle.NOT_ENCLOSED
    distance = math.nan
    for bits in precisions:
        found = located(map, claim.orbit, units, bits)
        if isinstance(found, Located):
            distance = _distance(found, claim.orbit, units)
            if distance <= tolerance or bool((found.radii <= tolerance / 8 * units).all()):
                break  # else the box is too wide to tell whether the states are near
    if isinstance(found, Obstacle):
        return Proof(claim, found)
    if distance > tolerance:
        return Proof(claim, Obstacle.MOVED, found, distance)
    if claim.kind == CYCLE and not _minimal(found):
        return Proof(claim, Obstacle.PERIOD, found, distance)
    bits = found.precision
    with precision(2 * bits):
        turn = found.turn
        spectrum, turns = (UNKNOWN, 1) if found.kinked else proved_spectrum(turn, 2 * bits)
        index = 0 if found.kinked else determinant_sign(identity(turn.nrows()) - turn)
    capture = None
    if spectrum.stability == "stable":
        capture = captured(map, found, turns, spectrum.radius**turns, units, bits)
    contradicted = claim.stability is not None and {spectrum.stability, claim.stability} == {"stable", "unstable"}
    obstacle = Obstacle.CONTRADICTED if contradicted else Obstacle.NONE
    return Proof(claim, obstacle, found, distance, spectrum, index, capture)


_UP = 1 + 2.0**-50


def _distance(found: Located, orbit: Tensor, units: Tensor) -> float:
    """A bound of how far the solution is from the states given."""
    size = torch.maximum(orbit.abs(), units)
    away = [
        upper(there - here) / scale * _UP
        for box, given, sizes in zip(found.boxes, orbit, size, strict=True)
        for there, here, scale in zip(box.entries(), exact(given).entries(), sizes.tolist(), strict=True)
    ]
    return max(away)


def _minimal(found: Located) -> bool:
    """Whether the first state is none of those that it would be after a proper divisor of the period."""
    k = len(found.boxes)
    return k > 1 and not any(found.boxes[0].overlaps(found.boxes[d]) for d in range(1, k) if k % d == 0)


def determinant_sign(matrix: arb_mat) -> int:
    """The sign of det M, the same for all M in a matrix of balls [n, n]; 0 where it is not proved.

    With P M = L U in floats and Q = V W P, where the triangular V and W are near to U^-1 and L^-1: if |I - Q M| < 1,
    then det Q M > 0, and the sign of det Q is read off the diagonals and the permutation.
    """
    n = matrix.nrows()
    factors, pivots = lu_factor(midpoints(matrix))
    one = torch.eye(n, dtype=torch.float64)
    lower, above = solve(factors.tril(-1) + one, one).tril(), solve(factors.triu(), one).triu()
    diagonal = torch.cat([lower.diagonal(), above.diagonal()])
    if not bool(lower.isfinite().all() and above.isfinite().all() and (diagonal != 0).all()):
        return 0
    order, swaps = list(range(n)), 0
    for row, pivot in enumerate((pivots - 1).tolist()):
        if pivot != row:
            order[row], order[pivot] = order[pivot], order[row]
            swaps += 1
    rows = matrix.tolist()
    permuted = arb_mat([rows[row] for row in order])
    if not largest_row_sum(identity(n) - exact(above) * (exact(lower) * permuted)) < 1:
        return 0
    negative = int((diagonal < 0).sum()) + swaps
    return -1 if negative % 2 else 1
