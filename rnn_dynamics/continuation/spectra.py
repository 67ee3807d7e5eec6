"""The eigenvalues of one Jacobian that tell stability, at a cost that suits its size."""

import numpy as np
import scipy
import torch
from torch import Tensor

from ..systems import Linearization

ALL_UP_TO = 300
"""State units up to which all eigenvalues are computed; from there on Arnoldi's method wins (measured: see the
benchmark of continuation)."""

_FIRST, _MOST = 12, 24
_WELL_INSIDE = 0.9
"""Arnoldi's eigenvalues reach far enough once they go down to this modulus: those outside 1 are then among them."""


def leading_eigenvalues(linearization: Linearization) -> Tensor:
    """Eigenvalues of one Jacobian by falling modulus: all of them, or of a large one those outside 0.9 and some more.

    Layers have their own: the spectrum of a cascade is that of its diagonal blocks. Of a block of more than 300 units
    the leading ones come from implicitly restarted Arnoldi iterations (ARPACK, doi:10.1137/1.9780898719628); where
    these do not converge, or more than 24 reach beyond 0.9, all are computed.
    """
    parts = []
    for block in linearization.own:
        matrix = block[0, : block.shape[-1]]
        hidden = block.shape[-2] - block.shape[-1]  # coordinates without effect, whose eigenvalues are 0
        own = _leading(matrix) if len(matrix) > ALL_UP_TO else torch.linalg.eigvals(matrix)
        parts.append(torch.cat([own, own.new_zeros(hidden if len(own) == len(matrix) else 0)]))
    values = torch.cat(parts)
    return values[values.abs().argsort(descending=True, stable=True)]


def _leading(matrix: Tensor) -> Tensor:
    host = matrix.detach().cpu().numpy()
    # A fixed start makes the result repeatable; alternating signs, as a constant vector may be an eigenvector.
    start = np.cos(np.arange(len(host)) ** 2 + 0.5)
    count = _FIRST
    while count <= _MOST:
        try:
            values = scipy.sparse.linalg.eigs(host, k=count, v0=start, return_eigenvectors=False)
        except scipy.sparse.linalg.ArpackError:
            break
        if np.abs(values).min() < _WELL_INSIDE:
            return torch.from_numpy(values.astype(np.complex128)).to(matrix.device)
        count *= 2
    return torch.linalg.eigvals(matrix)
