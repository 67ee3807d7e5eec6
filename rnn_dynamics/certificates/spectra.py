"""Where the eigenvalues of DF lie, proved: discs after a change of coordinates (Gershgorin 1931)."""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy
from flint import arb_mat

from .bounds import row_sums, upper
from .coordinates import Coordinates, diagonal_and_rest


@dataclass(frozen=True, eq=False)
class Spectrum:
    """What is proved of the eigenvalues of one matrix."""

    stability: str
    """"stable": all lie inside the unit circle; "unstable": one lies outside; or "undecided"."""

    radius: float
    """None has a larger modulus."""

    margin: float
    """Of "stable" 1 - radius; of "unstable" by how much the outermost is proved to lie outside; else, below 0, by how
    much discs reach across the circle."""

    n_unstable: int
    """How many lie outside; -1 where not all are decided."""


UNKNOWN = Spectrum("undecided", math.inf, -math.inf, -1)
"""Of a matrix without usable eigenvectors."""


_POWERS = (1, 2, 4, 8)
"""Of a matrix whose own eigenvectors do not do: what is defective at 0, as where layers feed one another, or near to 0,
is gone in powers of it, whose eigenvalues are the powers of its own."""

_IN_BALLS = 64
"""Up to this size eigenvectors are computed again in more digits, which costs a hundred times a float's n^3."""


def proved_spectrum(matrix: arb_mat, bits: int) -> tuple[Spectrum, int]:
    """Of every matrix in a matrix of balls [n, n]; and of which power of it eigenvectors told it."""
    first = UNKNOWN
    power = matrix
    for exponent in _POWERS:
        power = matrix if exponent == 1 else power * power
        spectrum = _of_power(_by_discs(power, 53), exponent)
        if spectrum.stability != "undecided":
            return spectrum, exponent
        first = spectrum if exponent == 1 else first
    if matrix.nrows() <= _IN_BALLS:
        spectrum = _by_discs(matrix, bits)
        if spectrum.margin >= first.margin:
            first = spectrum
    return first, 1


def _of_power(spectrum: Spectrum, exponent: int) -> Spectrum:
    """Of M, from that of a power of M."""
    if exponent == 1 or not math.isfinite(spectrum.radius):
        return spectrum
    radius = _root(spectrum.radius, exponent) * _UP
    margin = 1 - radius
    if spectrum.stability == "unstable":
        margin = _root(1 + spectrum.margin, exponent) / _UP - 1
    return replace(spectrum, radius=radius, margin=margin)


def _root(x: float, exponent: int) -> float:
    for _ in range(exponent.bit_length() - 1):
        x = math.sqrt(x)
    return x


def _by_discs(matrix: arb_mat, bits: int) -> Spectrum:
    coordinates = Coordinates.of(matrix, bits)
    if coordinates is None:
        return UNKNOWN
    similar = coordinates.forward * (matrix * coordinates.back)
    # W M W^-1 = B + B E (I - E)^-1, whose rows differ from those of B by at most:
    losses = [upper(total) * coordinates.defect * coordinates.slack for total in row_sums(similar)]
    centers, inner, outer, reaches = [], [], [], []
    for (center, rest), loss in zip(diagonal_and_rest(similar), losses, strict=True):
        reach = rest + loss * _UP
        centers.append(complex(center.mid()))
        reaches.append(upper(reach) + upper(center - center.mid()))
        inner.append(float((abs(center) - reach).lower()))
        outer.append(upper(abs(center) + reach))
    if not np.isfinite(outer).all() or not np.isfinite(inner).all():
        return UNKNOWN
    return _judged(np.array(centers), np.array(reaches), np.array(inner), np.array(outer))


_UP = 1 + 2.0**-50


def _judged(centers: np.ndarray, reaches: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> Spectrum:
    """From the centers and radii of the discs, and the least and largest moduli in each."""
    inside, outside = outer < 1, np.nextafter(inner, -math.inf) > 1
    radius = float(outer.max())
    if inside.all():
        return Spectrum("stable", radius, 1 - radius, 0)
    # Discs that hang together hold as many eigenvalues as there are of them.
    sizes = np.abs(centers)
    slack = 1e-15 * (sizes[:, None] + sizes) + 1e-300  # of centers as floats
    touching = np.abs(centers[:, None] - centers) <= (reaches[:, None] + reaches) * (1 + 1e-9) + slack
    _, labels = scipy.sparse.csgraph.connected_components(touching)
    apart = np.array([outside[labels == label].all() for label in labels])
    decided = bool((inside | outside).all())
    if apart.any():
        farthest = float(max(inner[labels == label].min() for label in set(labels[apart])))
        return Spectrum("unstable", radius, farthest - 1, int(outside.sum()) if decided else -1)
    if outside.any() and decided:  # inside and outside discs do not meet
        return Spectrum("unstable", radius, float(inner[outside].min()) - 1, int(outside.sum()))
    across = ~(inside | outside)
    return Spectrum("undecided", radius, 1 - float(outer[across].max()), -1)
