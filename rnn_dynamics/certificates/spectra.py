"""Where the eigenvalues of DF lie, proved: discs after a change of coordinates (Gershgorin 1931)."""

import math
from dataclasses import dataclass

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

    coordinates: Coordinates | None
    """In which the matrix is about diagonal."""


UNKNOWN = Spectrum("undecided", math.inf, -math.inf, -1, None)
"""Of a matrix without usable eigenvectors."""


def proved_spectrum(matrix: arb_mat, bits: int) -> Spectrum:
    """Of every matrix in a matrix of balls [n, n]."""
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
    return _judged(np.array(centers), np.array(reaches), np.array(inner), np.array(outer), coordinates)


_UP = 1 + 2.0**-50


def _judged(
    centers: np.ndarray, reaches: np.ndarray, inner: np.ndarray, outer: np.ndarray, coordinates: Coordinates
) -> Spectrum:
    """From the centers and radii of the discs, and the least and largest moduli in each."""
    inside, outside = outer < 1, np.nextafter(inner, -math.inf) > 1
    radius = float(outer.max())
    if inside.all():
        return Spectrum("stable", radius, 1 - radius, 0, coordinates)
    # Discs that hang together hold as many eigenvalues as there are of them.
    touching = np.abs(centers[:, None] - centers) <= (reaches[:, None] + reaches) * (1 + 1e-9) + 1e-300
    _, labels = scipy.sparse.csgraph.connected_components(touching)
    apart = np.array([outside[labels == label].all() for label in labels])
    decided = bool((inside | outside).all())
    if apart.any():
        farthest = float(max(inner[labels == label].min() for label in set(labels[apart])))
        return Spectrum("unstable", radius, farthest - 1, int(outside.sum()) if decided else -1, coordinates)
    if outside.any() and decided:  # inside and outside discs do not meet
        return Spectrum("unstable", radius, float(inner[outside].min()) - 1, int(outside.sum()), coordinates)
    across = ~(inside | outside)
    return Spectrum("undecided", radius, 1 - float(outer[across].max()), -1, coordinates)
