"""A low-rank layer under a held drive c, as a map on as many dimensions as its weight has.

With W = M N^T / n and M = Q R, Q^T Q = n, every fixed point of h' = (1 - a) h + a (W f(h) + c) is h = c + Q y, and
those of h' = (1 - a) h + a f(W h + c) are h = f(c + Q y), with y = R N^T f(c + Q y) / n in both. |y| is the root mean
square of the currents that the network gives itself, whatever n.
"""

import torch
from torch import Tensor

from ..linear_algebra import solve
from ..stability import Spectrum, spectrum
from .autonomous import AutonomousMap, Reduction
from .boxes import Box, NoBox, interval_linear
from .layers import LowRankLayer
from .linearization import Linearization
from .rectifiers import Rectifiers

_MARGIN = 1e-2
"""Of the range of each coordinate, by which the box is wider: fixed points lie strictly inside."""

_REGULAR = 1e-8
"""T^T P is taken for regular, and its eigenvectors for independent, above this relative to its size: its modes are then
known to about eight digits more than are shown, and all others belong to the leak alone."""


class LowRankMap(AutonomousMap):
    """y' = (1 - a) y + a S f(c + Q y), with S = R N^T / n: [r, n]."""

    def __init__(self, layer: LowRankLayer, drive: Tensor, alpha: Tensor) -> None:
        self._layer, self.drive, self._alpha = layer, drive, alpha
        n = layer.state_size
        orthonormal, triangle = torch.linalg.qr(layer.weight_m)
        self.basis, self.readout = orthonormal * n**0.5, triangle @ layer.weight_n.mT / n**1.5  # Q [n, r], S [r, n]

    def __repr__(self) -> str:
        return f"{self._layer.name} map of {self._layer.state_size} units in {self.state_size} dimensions"

    @property
    def state_size(self) -> int:
        return self.basis.shape[1]

    @property
    def dtype(self) -> torch.dtype:
        return self.drive.dtype

    @property
    def device(self) -> torch.device:
        return self.drive.device

    def currents(self, states: Tensor) -> Tensor:
        """What states y [..., r] stand for, c + Q y: [..., n]."""
        return self.drive + states @ self.basis.mT

    def __call__(self, states: Tensor) -> Tensor:
        return states.lerp(self._layer.f.function(self.currents(states)) @ self.readout.mT, self._alpha)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        currents = self.currents(states)
        jacobian = (self._layer.f.slope(currents).unsqueeze(1) * self.readout) @ self.basis * self._alpha
        jacobian.diagonal(dim1=-2, dim2=-1).add_(1.0 - self._alpha)
        value = states.lerp(self._layer.f.function(currents) @ self.readout.mT, self._alpha)
        return value, Linearization([jacobian], [])

    @property
    def bytes_per_linearization(self) -> int:
        n, r = self.basis.shape
        return self.drive.element_size() * (n * (r + 3) + 4 * r**2)

    def ungated(self) -> "LowRankMap":
        return LowRankMap(self._layer, self.drive, torch.ones_like(self._alpha))

    @property
    def box(self) -> Box | NoBox:
        f = self._layer.f
        if not f.bounded:
            return NoBox(f"a low-rank layer with {self._layer.nonlinearity} is unbounded")
        ends = (torch.full_like(self.drive, end) for end in (f.lower, f.upper))
        low, high = interval_linear(self.readout, None, *ends)
        margin = _MARGIN * (high - low).clamp(min=_MARGIN)
        return Box(
            low - margin, high + margin, f"all that rates within the range of {self._layer.nonlinearity} add up to"
        )

    def rectifiers(self) -> Rectifiers | None:
        if self._layer.nonlinearity != "relu":
            return None
        return Rectifiers(self.readout, self.basis, self.drive, torch.zeros_like(self.drive[: self.state_size]))


class LowRankReduction(Reduction):
    """Of a ``LowRankLayer`` under a held drive [n], to its ``LowRankMap``."""

    def __init__(self, layer: LowRankLayer, drive: Tensor) -> None:
        self._layer, self._drive = layer, drive
        self._alike = bool((layer.alpha == layer.alpha.flatten()[0]).all())
        self.rest = 1.0 - float(layer.alpha.flatten()[0]) if self._alike else None
        self._map = LowRankMap(layer, drive, layer.alpha.mean())
        self.system = self._map

    @staticmethod
    def applies(layer: LowRankLayer) -> bool:
        """Whether there is one: not for a leak within a bounded non-linearity, nor for a rank that is no lower."""
        return layer.rank < layer.state_size and (layer.leak != "inside" or layer.nonlinearity == "relu")

    def lower(self, states: Tensor) -> Tensor:
        if self._layer.leak == "current":
            return (states - self._drive) @ self._map.basis / self._layer.state_size
        return states @ self._map.readout.mT

    def lift(self, states: Tensor) -> Tensor:
        currents = self._map.currents(states)
        return currents if self._layer.leak == "current" else self._layer.f.function(currents)

    def spectrum(self, states: Tensor, modes: int) -> Spectrum:
        n = self._layer.state_size
        parts = [Spectrum.empty(n, min(n, modes))]
        for state in states:
            rows, columns, keep = (part[0] for part in self._layer.factors(state[None], self._drive[None]))
            left = rows.unsqueeze(-1) * self._layer.weight_m
            right = columns.unsqueeze(-1) * self._layer.weight_n / n
            known = _low_rank_spectrum(left, right, keep, min(n, modes))
            parts.append(known or spectrum((left @ right.mT + keep.diag())[None], modes))
        return Spectrum.cat(parts)


def _low_rank_spectrum(left: Tensor, right: Tensor, keep: Tensor, modes: int) -> Spectrum | None:
    """Of DF = P T^T + e, P and T [n, r]: all but r eigenvalues are e. None where T^T P has no r modes of its own."""
    n, r = left.shape
    small = right.mT @ left
    own, vectors = torch.linalg.eig(small)
    regular = bool((own.abs() > _REGULAR * small.norm()).all()) and torch.linalg.cond(vectors) < 1.0 / _REGULAR
    if not regular or not bool((keep == keep[0]).all()):
        return None
    values = torch.cat([own, own.new_zeros(n - r)]) + keep[0]
    order = values.abs().argsort(descending=True, stable=True)
    lead = order[:modes]
    ours = lead < r
    moving = left.to(vectors.dtype) @ vectors
    lengths = moving.norm(dim=0)
    feeling = right.to(vectors.dtype) @ solve(vectors.mH, torch.eye(r).to(vectors)) * (lengths / own.conj())
    others = _orthonormal(right, int((~ours).sum()))
    # w^H v = 0 for the v of all own modes, and w^H v = 1 among themselves.
    beside = others - right @ solve(small.mT, left.mT @ others)
    places = torch.where(ours, lead, r - 1 + (~ours).cumsum(dim=0))
    rights, lefts = (
        torch.cat([mine, rest.to(mine.dtype)], dim=1)[:, places]
        for mine, rest in ((moving / lengths, others), (feeling, beside))
    )
    return Spectrum(*(part.cpu().to(torch.complex128)[None] for part in (values[order], rights, lefts)))


def _orthonormal(columns: Tensor, count: int) -> Tensor:
    """``count`` orthonormal vectors [n, count] that are orthogonal to all of ``columns`` [n, r]."""
    n, r = columns.shape
    drawn = torch.randn(n, count, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(columns)
    return torch.linalg.qr(torch.cat([columns, drawn], dim=1))[0][:, r : r + count]
