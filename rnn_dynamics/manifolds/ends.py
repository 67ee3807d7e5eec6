"""What the two ends of a connecting orbit must satisfy, at one map or along a family of them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..systems import AutonomousMap
from .saddles import Saddle

_NEWTON = 12
_AT_REST = 1e-12
_LEAST_COSINE = 0.2
"""Subspaces that have turned further from those next to them are not known to be theirs."""


@dataclass(frozen=True, eq=False)
class Ends:
    """The saddles that an orbit leaves and reaches, and the rows that keep it on their linear manifolds.

    The first state must lie in the unstable eigenspace of the source p: the left stable eigenvectors W_s of DG(p) give
    W_s^T (x_0 - p) = 0. The last must lie in the stable eigenspace of the target q: W_u^T (x_N - q) = 0.
    """

    source: Saddle
    target: Saddle
    leaving: Tensor
    """An orthonormal basis of the span of W_s, [n, n_s]."""

    arriving: Tensor
    """The same of W_u of the target, [n, n_u]."""

    @classmethod
    def of(cls, source: Saddle, target: Saddle) -> "Ends":
        return cls(
            source,
            target,
            source.basis(source.modes(stable=True), left=True),
            target.basis(target.modes(stable=False), left=True),
        )

    def at(self, system: AutonomousMap) -> "Ends | None":
        """The same ends in a map next to this one; None where they cannot be followed to there."""
        source = _followed(self.source, system)
        target = source if self.target is self.source else _followed(self.target, system)
        if source is None or target is None:
            return None
        ends = Ends.of(source, target)
        if ends.leaving.shape != self.leaving.shape or ends.arriving.shape != self.arriving.shape:
            return None  # an eigenvalue crossed the unit circle
        leaving, arriving = _aligned(ends.leaving, self.leaving), _aligned(ends.arriving, self.arriving)
        return None if leaving is None or arriving is None else Ends(source, target, leaving, arriving)


def _followed(saddle: Saddle, system: AutonomousMap) -> Saddle | None:
    state = saddle.state
    moved = Saddle(system, state, saddle.period)
    for _ in range(_NEWTON):
        values, linearization = moved.returns.linearize(state[None])
        if float((values[0] - state).norm()) <= _AT_REST * moved.size / 16:
            break
        state = state + linearization.solve(state[None] - values)[0]
        if not bool(state.isfinite().all()):
            return None
    residual = float((moved.returns(state[None])[0] - state).norm())
    return Saddle(system, state, saddle.period) if residual <= _AT_REST * moved.size else None


def _aligned(basis: Tensor, before: Tensor) -> Tensor | None:
    """The basis turned within its span to be as near as possible to that before."""
    if not basis.shape[1]:
        return basis
    u, values, vh = torch.linalg.svd(basis.mT @ before)
    return basis @ (u @ vh) if float(values[-1]) > _LEAST_COSINE else None
