"""Coefficients of normal forms: what happens near a bifurcation, and whether what is born is stable."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..linear_algebra import lu_factor, lu_solve, solve
from ..systems import AutonomousMap
from .multilinear import Multilinear

_NOTHING = 1e-7
"""Relative to the terms that a coefficient is made of: below it, a coefficient is 0."""


@dataclass(frozen=True, eq=False)
class Eigenpair:
    """A simple eigenvalue of A = DF with A q = lambda q, A^T p = conj(lambda) p, |q| = 1 and conj(p) . q = 1."""

    value: complex
    right: Tensor
    left: Tensor

    @property
    def overlap(self) -> float:
        """1 / |p|: 0 where the eigenvalue is double with one eigenvector."""
        return 1.0 / float(self.left.norm())


def eigenpair(matrix: Tensor, value: complex) -> Eigenpair:
    """Both eigenvectors of a matrix [n, n] for an eigenvalue that is known, by inverse iteration on one LU each."""
    real = abs(value.imag) == 0
    a = matrix if real else matrix.to(torch.complex128)
    shift = value.real if real else value
    # A little beside the eigenvalue, so that the matrix is not singular to the last bit.
    off = 1e-10 * max(1.0, abs(value))
    shifted = a - (shift + off) * torch.eye(len(a), dtype=a.dtype, device=a.device)
    vectors = []
    for side in (shifted, shifted.mH):
        factors, pivots = lu_factor(side)
        vector = torch.cos(torch.arange(len(a), dtype=torch.float64, device=a.device) ** 2 + 0.5).to(a.dtype)
        for _ in range(3):
            vector = lu_solve(factors, pivots, vector)
            vector = vector / vector.norm()
        vectors.append(vector)
    right, left = vectors
    overlap = torch.vdot(left, right)
    return Eigenpair(value, right, left / overlap.conj())


@dataclass(frozen=True)
class NormalForm:
    """The coefficient and what its sign says."""

    coefficient: float
    criticality: str = ""
    detail: str = ""

    def in_unit(self, unit: float, order: int = 2) -> "NormalForm":
        """The form of y = ``unit`` x, whose first nonlinear term is of order 1 + ``order``."""
        return replace(self, coefficient=self.coefficient / unit**order)


def fold(system: AutonomousMap, state: Tensor, pair: Eigenpair) -> float:
    """The coefficient of x' = x + beta + a x^2 + ...: a = <p, B(q, q)> / 2, up to the sign of q; 0 at a cusp.

    Source: Kuznetsov (2004), section 5.4.1.
    """
    return 0.5 * float(pair.left @ Multilinear(system, state).second(pair.right, pair.right))


def branch_point(system: AutonomousMap, state: Tensor, matrix: Tensor, pair: Eigenpair) -> NormalForm:
    """Transcritical where a = <p, B(q, q)> / 2 is not 0, else pitchfork of x' = x + c x^3 + ...

    c = <p, C(q, q, q) + 3 B(q, h)> / 6, where (I - A) h = B(q, q) with <p, h> = 0. c < 0 is supercritical: the arms
    are stable if the other eigenvalues are (Kuznetsov 2004, sections 5.4 and 7.1, for maps).
    """
    forms, q, p = Multilinear(system, state), pair.right, pair.left
    bqq = forms.second(q, q)
    a = 0.5 * float(p @ bqq)
    cubic = forms.third(q, q, q)
    if abs(a) > 1e-6 * max(float(p.norm()) * float(bqq.norm()), _size(pair, cubic)):
        return NormalForm(a, "", "transcritical")
    n = len(q)
    bordered = torch.zeros(n + 1, n + 1, dtype=matrix.dtype, device=matrix.device)
    bordered[:n, :n] = torch.eye(n, dtype=matrix.dtype, device=matrix.device) - matrix
    bordered[:n, n], bordered[n, :n] = q, p
    h = solve(bordered, torch.cat([bqq, bqq.new_zeros(1)]))[:n]
    parts = (cubic / 6, forms.second(q, h) / 2)
    c = sum(float(p @ part) for part in parts)
    return NormalForm(c, _named(c, pair, parts), "pitchfork")


def flip(system: AutonomousMap, state: Tensor, matrix: Tensor, pair: Eigenpair) -> NormalForm:
    """The coefficient of x' = -x + c x^3 + ...: c = <p, C(q, q, q) + 3 B(q, (I - A)^-1 B(q, q))> / 6.

    c > 0 is supercritical: the doubled cycle is stable if the other eigenvalues are (Kuznetsov 2004, section 5.4.2).
    """
    forms, q = Multilinear(system, state), pair.right
    eye = torch.eye(len(q), dtype=matrix.dtype, device=matrix.device)
    h = solve(eye - matrix, forms.second(q, q))
    parts = (forms.third(q, q, q) / 6, forms.second(q, h) / 2)
    c = sum(float(pair.left @ part) for part in parts)
    return NormalForm(c, _named(-c, pair, parts))


def neimark_sacker(system: AutonomousMap, state: Tensor, matrix: Tensor, pair: Eigenpair) -> NormalForm:
    """The coefficient of the amplitude's r' = r + d r^3 + ..., lambda = exp(i theta).

    d = Re(exp(-i theta) <p, C(q, q, q*) + 2 B(q, (I - A)^-1 B(q, q*)) + B(q*, (lambda^2 I - A)^-1 B(q, q))>) / 2.
    d < 0 is supercritical: the circle is stable if the other eigenvalues are (Kuznetsov 2004, section 5.4.3; Kuznetsov
    and Meijer 2005, doi:10.1137/030601508). At 1:1 to 1:3 it is not defined.
    """
    forms, q, p = Multilinear(system, state), pair.right, pair.left
    eye = torch.eye(len(q), dtype=q.dtype, device=q.device)
    own = matrix.to(q.dtype)
    still = solve(eye - own, forms.second(q, q.conj()).to(q.dtype))
    double = solve(pair.value**2 * eye - own, forms.second(q, q).to(q.dtype))
    parts = (
        forms.third(q, q, q.conj()) / 2,
        forms.second(q, still),
        forms.second(q.conj(), double) / 2,
    )
    d = sum(float((pair.value.conjugate() * torch.vdot(p, part.to(p.dtype))).real) for part in parts)
    return NormalForm(d, _named(d, pair, parts))


def _size(pair: Eigenpair, vector: Tensor) -> float:
    return float(pair.left.norm() * vector.norm())


def _named(growth: float, pair: Eigenpair, parts: tuple[Tensor, ...]) -> str:
    if not abs(growth) > _NOTHING * max(_size(pair, part) for part in parts):
        return ""
    return "supercritical" if growth < 0 else "subcritical"
