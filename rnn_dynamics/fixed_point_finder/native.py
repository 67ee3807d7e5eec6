"""Rows of FixedPointFinder's table as this library's fixed points, for what is made for those."""

import numpy as np
import torch
from torch import Tensor

from ..fixed_points import Completeness, SlowPoints
from ..fixed_points import FixedPoints as NativeFixedPoints
from ..stability import MARGINAL_TOLERANCE, kinds
from .points import FixedPoints


def as_native(fps: FixedPoints, states: Tensor) -> NativeFixedPoints:
    """Points at ``states`` [p, d], with the spectra of ``fps``; of eigenvectors the first d coordinates are kept.

    They come from no starts, so that nothing is known of others: no index sum, no slow points.
    """
    assert fps.eigval_J_xstar is not None
    assert fps.eigvec_J_xstar is not None
    count, size = states.shape
    values = torch.from_numpy(fps.eigval_J_xstar).to(torch.complex128)
    vectors = torch.from_numpy(fps.eigvec_J_xstar).to(torch.complex128)[:, :size]
    q = np.full(count, np.nan) if fps.qstar is None else fps.qstar.astype(float)
    none = torch.empty(0, dtype=torch.long)
    return NativeFixedPoints(
        states=states,
        residuals=torch.from_numpy(np.sqrt(2 * q)),
        eigenvalues=values,
        right_eigenvectors=vectors,
        left_eigenvectors=vectors[:, :, :0],
        input_jacobians=None,
        marginal_tolerance=MARGINAL_TOLERANCE,
        kinds=kinds(values),
        hits=torch.zeros(count, dtype=torch.long),
        origins=("starts",) * count,
        labels=none,
        reasons=none,
        slow=SlowPoints(states[:0], states[:0, 0], none),
        continua=(),
        completeness=Completeness(None, "these points were given, not searched for", float("nan"), ()),
    )
