"""Rows of FixedPointFinder's table as this library's fixed points, for what is made for those."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..fixed_points import Completeness, SlowPoints
from ..fixed_points import FixedPoints as NativeFixedPoints
from ..stability import MARGINAL_TOLERANCE, kinds
from .points import FixedPoints


def as_native(fps: FixedPoints, known: np.ndarray[Any, Any], states: Tensor, shown: slice) -> NativeFixedPoints:
    """The points of ``fps`` whose spectra are ``known``, drawn at ``states``.

    They come from no starts, so that nothing is known of others: no index sum, no slow points.

    Args:
        fps: the table.
        known: which of its rows to take, [n]; none of a table without spectra.
        states: of these rows, [p, d].
        shown: which d coordinates of a state these are, and are kept of eigenvectors.
    """
    count, size = states.shape
    modes = fps.n_states or size
    values, vectors = np.empty((0, modes)), np.empty((0, modes, modes))
    if fps.eigval_J_xstar is not None and fps.eigvec_J_xstar is not None:
        values, vectors = fps.eigval_J_xstar[known], fps.eigvec_J_xstar[known]
    eigenvalues = torch.from_numpy(values).to(torch.complex128)
    right = torch.from_numpy(vectors).to(torch.complex128)[:, shown]
    q = np.full(count, np.nan) if fps.qstar is None else fps.qstar[known].astype(float)
    none = torch.empty(0, dtype=torch.long)
    return NativeFixedPoints(
        states=states,
        residuals=torch.from_numpy(np.sqrt(2 * q)),
        eigenvalues=eigenvalues,
        right_eigenvectors=right,
        left_eigenvectors=right[:, :, :0],
        input_jacobians=None,
        marginal_tolerance=MARGINAL_TOLERANCE,
        kinds=kinds(eigenvalues),
        hits=torch.zeros(count, dtype=torch.long),
        origins=("starts",) * count,
        labels=none,
        reasons=none,
        slow=SlowPoints(states[:0], states[:0, 0], none),
        continua=(),
        completeness=Completeness(None, "these points were given, not searched for", float("nan"), ()),
    )
