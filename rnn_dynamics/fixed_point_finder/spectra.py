"""Eigenvalues and eigenvectors of the Jacobians in a table."""

from typing import Any

import numpy as np

from ..stability import MARGINAL_TOLERANCE

Array = np.ndarray[Any, Any]


def decomposed(jacobians: Array, dtype: Any) -> tuple[Array, Array, Array]:
    """Of each of Jacobians [n, d, d] the eigenvalues [n, d] by falling modulus, their eigenvectors as columns
    [n, d, d], and whether all lie within the unit circle, [n]; NaN, and not stable, where a Jacobian is not finite.
    """
    count, size = jacobians.shape[:2]
    values = np.full((count, size), np.nan, dtype=dtype)
    vectors = np.full((count, size, size), np.nan, dtype=dtype)
    known: Array = np.asarray(np.isfinite(jacobians).all(axis=(1, 2)))
    for row in np.flatnonzero(known):
        value, vector = np.linalg.eig(jacobians[row])
        order = np.argsort(-np.abs(value), kind="stable")
        values[row], vectors[row] = value[order], vector[:, order]
    inside: Array = np.asarray((np.abs(values) < 1 - MARGINAL_TOLERANCE).all(axis=1))
    return values, vectors, known & inside
