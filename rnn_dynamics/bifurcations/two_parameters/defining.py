"""Bifurcation points of a family of two parameters as fixed points of an extended map of one."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, vjp

from ...families import PlaneFamily, parameter_derivative
from ...linear_algebra import solve
from ...systems import AutonomousMap, Box, IteratedMap, Linearization, MapInUnits, NoBox

_SLACK = 1e-12
"""q beyond its span by rounding only is on its end."""


@dataclass(frozen=True, eq=False)
class Borders:
    """What makes the singular matrix M of a bifurcation regular: M is bordered by its null vectors at a nearby point.

    M = A - I at a fold, A + I at a flip, A^2 - 2 cos(theta) A + I at a Neimark-Sacker point, A = DF^k.
    """

    left: Tensor
    """Null vectors of M^T, [n, m]: m = 1, or 2 for Neimark-Sacker points."""

    right: Tensor
    """Null vectors of M, [n, m]."""

    weights: Tensor
    """[e, m, m]: equation e is the sum of these times the bordered block G, entry by entry; e = m."""

    def facing(self, other: "Borders") -> float:
        """The least cosine between these null spaces and others: near 0 the bordered matrix is about to be singular."""
        pairs = ((self.left, other.left), (self.right, other.right))
        return min(float(torch.linalg.svdvals(one.T @ two)[-1]) for one, two in pairs)


def singular_matrix(kind: str, jacobian: Tensor, cosine: float) -> Tensor:
    """M of ``Borders``, [n, n], for A [n, n]."""
    eye = torch.eye(len(jacobian), dtype=jacobian.dtype, device=jacobian.device)
    if kind == "Neimark-Sacker":
        return jacobian @ jacobian - 2 * cosine * jacobian + eye
    return jacobian - eye if kind == "fold" else jacobian + eye


def borders_at(kind: str, jacobian: Tensor, cosine: float, before: Borders | None = None) -> Borders:
    """Borders from the singular vectors of M, with the signs of those before, so that test functions stay continuous.

    At a Neimark-Sacker point the restriction of M to its null space is (trace - 2 cos) A + (1 - det) I (Cayley and
    Hamilton), so that G is spanned by W^T V and W^T A V: the two equations are its parts along these.
    """
    count = 2 if kind == "Neimark-Sacker" else 1
    u, _, vh = torch.linalg.svd(singular_matrix(kind, jacobian, cosine))
    left, right = u[:, -count:], vh[-count:].T
    if count == 1:
        if before is not None:
            left = left * torch.sign((left * before.left).sum())
            right = right * torch.sign((right * before.right).sum())
        return Borders(left, right, left.new_ones(1, 1, 1))
    spanning = torch.stack([(left.T @ right).flatten(), (left.T @ jacobian @ right).flatten()], dim=1)
    weights = torch.linalg.qr(spanning)[0].T.reshape(2, 2, 2)
    return Borders(left, right, weights)


@dataclass(frozen=True, eq=False)
class Bordered:
    """The solution of [M, B; C^T, 0] [V; G] = [0; I] and of the transposed system."""

    right: Tensor
    """V, [n, m]."""

    left: Tensor
    """W, [n, m]."""

    block: Tensor
    """G, [m, m]: 0 if and only if M is singular m times."""


def solved(matrix: Tensor, borders: Borders) -> Bordered:
    """Govaerts (2000), chapters 3 and 4: dG = -W^T dM V."""
    n, m = borders.left.shape
    whole = torch.zeros(n + m, n + m, dtype=matrix.dtype, device=matrix.device)
    whole[:n, :n], whole[:n, n:], whole[n:, :n] = matrix, borders.left, borders.right.T
    unit = torch.zeros(n + m, m, dtype=matrix.dtype, device=matrix.device)
    unit[n:] = torch.eye(m, dtype=matrix.dtype, device=matrix.device)
    right = solve(whole, unit)
    left = solve(whole.T, unit)
    return Bordered(right[:n], left[:n], right[n:])


@dataclass(frozen=True, eq=False)
class Plane:
    """A family over two parameters, seen from its bifurcation curves of one kind."""

    family: PlaneFamily
    kind: str
    period: int

    spans: tuple[tuple[float, float], tuple[float, float]]

    units: Tensor
    """What states are divided by, so that each coordinate weighs as much as the parameters, [n]."""

    def inner(self, p: float, q: float) -> AutonomousMap:
        """F^period there, in units."""
        return MapInUnits(self.system(p, q), self.units)

    def system(self, p: float, q: float) -> AutonomousMap:
        """F^period there."""
        system = self.family(p, q)
        if not isinstance(system, AutonomousMap):
            raise ValueError(
                "family(p, q) must be an autonomous map, as network.hold() gives it;"
                f" got {type(system).__name__} at ({p:g}, {q:g})"
            )
        return system if self.period == 1 else IteratedMap(system, self.period)

    @property
    def size(self) -> int:
        """State units, n."""
        return len(self.units)

    def second(self, inner: float) -> float:
        """Q at 0 to 1."""
        low, high = self.spans[1]
        return high if inner == 1 else low + inner * (high - low)

    def packed(self, state: Tensor, q: float, cosine: float) -> Tensor:
        """Z = (h / units, q from 0 to 1, and cos(theta) for Neimark-Sacker points)."""
        low, high = self.spans[1]
        tail = [(q - low) / (high - low)] + ([cosine] if self.kind == "Neimark-Sacker" else [])
        return torch.cat([state / self.units, state.new_tensor(tail)])

    def unpacked(self, extended: Tensor) -> tuple[Tensor, float, float]:
        """State in units [n], q and cos(theta) of z."""
        n = self.size
        cosine = float(extended[n + 1]) if self.kind == "Neimark-Sacker" else 1.0 if self.kind == "fold" else -1.0
        return extended[:n], self.second(min(max(float(extended[n]), 0.0), 1.0)), cosine


class DefiningFamily:
    """p -> the extended map of ``DefiningMap`` with given borders."""

    def __init__(self, plane: Plane, borders: Borders) -> None:
        self.plane = plane
        self.borders = borders

    def __call__(self, p: float, /) -> "DefiningMap":
        return DefiningMap(self.plane, self.borders, p)


class DefiningMap(AutonomousMap):
    """Phi(h, q, c) = (F(h; p, q), q + g_1, c + g_2), whose fixed points are the bifurcation points of F at p.

    F and h are in the plane's units here.
    g are the parts of the bordered block G, which vanish where M is singular; c = cos(theta) and g_2 occur for
    Neimark-Sacker points only. Its derivative needs M's, which is that of a bilinear form in A: two backward
    passes, whatever n is. Outside the span of q it is NaN, so that no step gets there.
    """

    def __init__(self, plane: Plane, borders: Borders, p: float, second: float | None = None) -> None:
        self._plane, self._borders, self._p = plane, borders, p
        self._second = second

    @property
    def state_size(self) -> int:
        return self._plane.size + len(self._borders.weights)

    @property
    def dtype(self) -> torch.dtype:
        return self._borders.left.dtype

    @property
    def device(self) -> torch.device:
        return self._borders.left.device

    @property
    def bytes_per_linearization(self) -> int:
        itemsize = torch.finfo(self.dtype).bits // 8
        system = self._plane.system(self._p, self._plane.spans[1][0])
        return system.bytes_per_linearization + 8 * itemsize * self.state_size**2

    @property
    def box(self) -> Box | NoBox:
        return NoBox("an extended map of bifurcation points has none")

    def __call__(self, states: Tensor) -> Tensor:
        rows = [self._image(row) for row in states.reshape(-1, self.state_size)]
        return torch.stack(rows).reshape(states.shape)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        pairs = [self._linearized(row) for row in states]
        return torch.stack([value for value, _ in pairs]), Linearization([torch.stack([m for _, m in pairs])], [])

    def _inside(self, extended: Tensor) -> bool:
        return -_SLACK <= float(extended[self._plane.size]) <= 1 + _SLACK

    def _at(self, extended: Tensor) -> tuple[AutonomousMap, Tensor, float]:
        state, q, cosine = self._plane.unpacked(extended)
        q = q if self._second is None else self._plane.second(self._second)
        return self._plane.inner(self._p, q), state, cosine

    def _image(self, extended: Tensor) -> Tensor:
        if not self._inside(extended):
            return torch.full_like(extended, torch.nan)
        system, state, cosine = self._at(extended)
        value, linearization = system.linearize(state.unsqueeze(0))
        matrix = singular_matrix(self._plane.kind, linearization.dense()[0], cosine)
        return self._joined(value[0], extended, solved(matrix, self._borders))

    def _joined(self, value: Tensor, extended: Tensor, parts: Bordered) -> Tensor:
        defects = (self._borders.weights * parts.block).sum(dim=(1, 2))
        return torch.cat([value, extended[self._plane.size :] + defects])

    def _linearized(self, extended: Tensor) -> tuple[Tensor, Tensor]:
        size, n = self.state_size, self._plane.size
        if not self._inside(extended):
            return torch.full_like(extended, torch.nan), extended.new_full((size, size), torch.nan)
        system, state, cosine = self._at(extended)
        value, linearization = system.linearize(state.unsqueeze(0))
        jacobian = linearization.dense()[0]
        parts = solved(singular_matrix(self._plane.kind, jacobian, cosine), self._borders)
        matrix = torch.zeros(size, size, dtype=jacobian.dtype, device=jacobian.device)
        matrix[:n, :n] = jacobian
        for row, weights in enumerate(self._borders.weights):
            lefts, rights = parts.left.T, (parts.right @ weights.T).T  # [m, n]
            if self._plane.kind == "Neimark-Sacker":
                matrix[n + row, n + 1] = 2 * ((lefts @ jacobian) * rights).sum()
                # w dM u = w dA (A - 2 cos) u + (A^T w) dA u.
                shifted = rights @ jacobian.T - 2 * cosine * rights
                lefts, rights = torch.cat([lefts, lefts @ jacobian]), torch.cat([shifted, rights])
            matrix[n + row, :n] = -gradient_of_form(system, state, lefts, rights)
        matrix.diagonal()[n:] += 1.0
        matrix[:, n] += self._by_second(extended)
        return self._joined(value[0], extended, parts), matrix

    def _by_second(self, extended: Tensor) -> Tensor:
        """The derivative by q alone, of F and g at once."""
        inner = min(max(float(extended[self._plane.size]), 0.0), 1.0)

        def frozen(second: float, /) -> DefiningMap:
            return DefiningMap(self._plane, self._borders, self._p, second)

        return parameter_derivative(frozen, extended.unsqueeze(0), inner, (0.0, 1.0))[0]


def gradient_of_form(system: AutonomousMap, state: Tensor, lefts: Tensor, rights: Tensor) -> Tensor:
    """The gradient [n] by h of the sum over rows of left^T DF(h) right, both [r, n]."""

    def form(h: Tensor) -> Tensor:
        # Twice backwards rather than forwards first: F is known to have derivatives backwards.
        pulled = vjp(system, h.repeat(len(lefts), 1))[1]
        return (pulled(lefts)[0] * rights).sum()

    return grad(form)(state).detach()


def cosine_of(kind: str, eigenvalue: complex) -> float:
    """cos(theta) of the critical eigenvalue exp(i theta)."""
    return {"fold": 1.0, "flip": -1.0}.get(kind, math.cos(math.atan2(eigenvalue.imag, eigenvalue.real)))
