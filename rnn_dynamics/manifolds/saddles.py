"""A saddle as its manifolds need it: brought to rest, with the eigenvectors of its return map."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..attractors import Cycles
from ..checks import ArgumentError, ArrayLike, as_tensor
from ..fixed_points import FixedPoints
from ..linear_algebra import solve
from ..stability import MARGINAL_TOLERANCE, Spectrum, spectrum
from ..systems import AutonomousMap, IteratedMap

_NEWTON = 8
"""Steps that bring a given state to rest: from 1e-3 away three are enough."""

_AT_REST = 1e-9
_MOVED = 0.05
"""Shares of max(1, |h|): what is at rest, and how far from the state that was given."""


@dataclass(frozen=True, eq=False)
class Saddle:
    """A fixed point of the return map G = F^period, with unstable and stable directions or only one of the two."""

    system: AutonomousMap
    state: Tensor
    """[n]."""

    period: int

    @property
    def size(self) -> float:
        """What lengths are compared with: max(1, |h|)."""
        return max(1.0, float(self.state.norm()))

    @cached_property
    def returns(self) -> AutonomousMap:
        """G."""
        return self.system if self.period == 1 else IteratedMap(self.system, self.period)

    @cached_property
    def jacobian(self) -> Tensor:
        """DG, [n, n]."""
        return self.returns.linearize(self.state[None])[1].dense()[0]

    @cached_property
    def spectrum(self) -> Spectrum:
        return spectrum(self.jacobian[None], len(self.state))

    @property
    def eigenvalues(self) -> Tensor:
        """[n], complex, by falling modulus."""
        return self.spectrum.eigenvalues[0]

    def modes(self, stable: bool) -> list[int]:
        """Which of the eigenvalues lie inside the unit circle, or outside."""
        moduli = self.eigenvalues.abs()
        inside = moduli < 1 - MARGINAL_TOLERANCE if stable else moduli > 1 + MARGINAL_TOLERANCE
        return inside.nonzero().flatten().tolist()

    def right(self, mode: int) -> Tensor:
        """The eigenvector of one mode [n], of norm 1, complex."""
        return self.spectrum.right_eigenvectors[0, :, mode].to(self.state.device)

    def basis(self, modes: list[int], *, left: bool = False) -> Tensor:
        """An orthonormal basis [n, q] of the real invariant subspace of q modes, of DG or of its transpose."""
        matrix = self.jacobian.double().mT if left else self.jacobian.double()
        vectors = self.spectrum.left_eigenvectors if left else self.spectrum.right_eigenvectors
        vectors = vectors[0][:, modes].to(matrix.device)
        if not len(modes):
            return matrix.new_empty(len(matrix), 0)
        vectors = vectors / vectors.abs().amax(dim=0)
        both = torch.cat([vectors.real, vectors.imag], dim=1)
        return torch.linalg.svd(both, full_matrices=False)[0][:, : len(modes)].to(self.state)


def saddles_of(
    system: AutonomousMap, saddle: ArrayLike | FixedPoints | Cycles, period: int, name: str = "saddle"
) -> list[Saddle]:
    """The phases of a saddle, each at rest and hyperbolic; one for a fixed point.

    Raises:
        ArgumentError: for several rows, a state that is not near a fixed point of F^period, or a marginal one.
    """
    if isinstance(saddle, FixedPoints | Cycles):
        if len(saddle) != 1:
            raise ArgumentError(name, f"must be one row, such as points[3], got {len(saddle)}")
        if isinstance(saddle, Cycles):
            state, period = saddle.orbits[0, 0], saddle.period
        else:
            state = saddle.states[0]
    else:
        state = as_tensor(saddle, name, dtype=system.dtype, device=system.device)
    if state.shape != (system.state_size,):
        raise ArgumentError(name, f"must be a state [{system.state_size}], got {list(state.shape)}")
    found = _at_rest(system, state.to(dtype=system.dtype, device=system.device), period, name)
    marginal = (found.eigenvalues.abs() - 1).abs() <= MARGINAL_TOLERANCE
    if bool(marginal.any()):
        value = found.eigenvalues[marginal][0].item()
        raise ArgumentError(name, f"must be hyperbolic, but an eigenvalue is {value:.6g}, on the unit circle")
    phases = [found]
    for _ in range(period - 1):
        phases.append(_at_rest(system, system(phases[-1].state[None])[0], period, name))
    if any(float((one.state - found.state).norm()) <= 1e-6 * found.size for one in phases[1:]):
        raise ArgumentError(name, f"comes back after fewer than {period} steps: give its least period")
    return phases


def _at_rest(system: AutonomousMap, state: Tensor, period: int, name: str) -> Saddle:
    given, saddle = state, Saddle(system, state, period)
    for _ in range(_NEWTON):
        values, linearization = saddle.returns.linearize(state[None])
        step = linearization.solve(state[None] - values)[0]
        if not bool(step.isfinite().all()):
            break
        state = state + step
        if float(step.norm()) <= 4 * torch.finfo(state.dtype).eps * saddle.size:
            break
    saddle = Saddle(system, state, period)
    residual = float((saddle.returns(state[None])[0] - state).norm())
    bound = max(_AT_REST, 100 * torch.finfo(state.dtype).eps) * saddle.size
    if not (residual <= bound and float((state - given).norm()) <= _MOVED * saddle.size):
        before = float((saddle.returns(given[None])[0] - given).norm())
        raise ArgumentError(
            name, f"must be near a fixed point of F^{period}, got a state that F^{period} moves by {before:.3g}"
        )
    return saddle


def complement(basis: Tensor) -> Tensor:
    """An orthonormal basis [n, n - q] of what is orthogonal to the columns of [n, q]."""
    return torch.linalg.qr(basis, mode="complete")[0][:, basis.shape[1] :]


def newton_direction(matrix: Tensor, residual: Tensor) -> Tensor:
    """-A^-1 r."""
    return -solve(matrix, residual)
