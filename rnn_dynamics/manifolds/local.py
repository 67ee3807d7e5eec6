"""The beginning of a one-dimensional manifold: a parabola that the map takes into itself but for a small residual."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..linear_algebra import solve
from ..systems import AutonomousMap
from .saddles import Saddle

_FIRST_REACH = 0.1
_LEAST_REACH = 1e-9
"""Shares of max(1, |h|) between which the reach of a parabola is halved."""

_SECOND_STEP = 1e-4
"""Of second differences: their error is then 1e-8, of what is itself multiplied by t^2."""


@dataclass(frozen=True, eq=False)
class LocalCurve:
    """P(t) = h + v t + a t^2 for |t| <= reach, with G(P(t)) = P(lambda t) up to order t^3."""

    center: Tensor
    tangent: Tensor
    curvature: Tensor
    rate: float
    """lambda."""

    reach: float
    residual: float
    """The largest |G(P(t)) - P(lambda t)| seen within the reach."""

    def __call__(self, t: Tensor) -> Tensor:
        """Points [k, n] at t [k]."""
        t = t.to(self.center).unsqueeze(1)
        return self.center + t * self.tangent + t.square() * self.curvature


def local_curve(saddle: Saddle, mode: int, tolerance: float) -> LocalCurve:
    """The parabola along one real eigenvector, with the longest reach whose residual keeps the tolerance.

    With A = DG and B = D^2 G it has (lambda^2 - A) a = B(v, v) / 2. An eigenvalue that is 0 or lambda^2 leaves a = 0.
    """
    rate = float(saddle.eigenvalues[mode].real)
    tangent = saddle.right(mode).real.to(saddle.state)
    tangent = tangent / tangent.norm() * tangent[tangent.abs().argmax()].sign()
    identity = torch.eye(len(tangent), dtype=tangent.dtype, device=tangent.device)
    step = _SECOND_STEP * saddle.size
    around = saddle.state + step * torch.stack([tangent, -tangent])
    ahead, behind = saddle.returns(around)
    second = (ahead + behind - 2 * saddle.returns(saddle.state[None])[0]) / step**2
    curvature = solve(rate**2 * identity - saddle.jacobian, second / 2)
    if not bool(curvature.isfinite().all()) or float(curvature.norm()) > 1e6:
        curvature = torch.zeros_like(tangent)
    reach = _FIRST_REACH * saddle.size
    bound = max(tolerance, 64 * torch.finfo(tangent.dtype).eps) * saddle.size
    while True:
        curve = LocalCurve(saddle.state, tangent, curvature, rate, reach, 0.0)
        residual = _residual(curve, saddle.returns)
        if residual <= bound or reach <= _LEAST_REACH * saddle.size:
            return LocalCurve(saddle.state, tangent, curvature, rate, reach, residual)
        reach /= 2


def _residual(curve: LocalCurve, returns: AutonomousMap) -> float:
    """Within the reach on both sides: of t to lambda t where that is the shorter, else of its preimage."""
    t = torch.linspace(-1, 1, 9, dtype=torch.float64) * curve.reach / max(1.0, abs(curve.rate))
    return float((returns(curve(t)) - curve(curve.rate * t)).norm(dim=-1).max())
