"""Newton's method without Jacobians, for states of thousands of units."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import Size, checked
from ..forward_mode import jvp
from ..linear_algebra import solve
from ..systems import AutonomousMap
from .damped import damped_newton
from .problem import RootProblem
from .solver import Attempt, RootSolver

_CHECK_EVERY = 4
"""The small least-squares problem is solved after every fourth direction: it costs more than it saves after each."""


@checked
@dataclass(frozen=True)
class NewtonKrylov(RootSolver):
    """Damped Newton whose steps come from batched GMRES on Jacobian-vector products.

    Memory per start is ``krylov_size`` * n instead of n^2, and a step costs ``krylov_size`` evaluations of the map
    instead of n^3. It pays where few eigenvalues of DF lie outside a small disk: contracting gates, low-rank weights.

    Args:
        tolerance: of the scaled residual, as ``RootSolver`` says.
        step_bound: the longest step, as in ``Newton``.
        krylov_size: search directions per Newton step at most; 80 met the forcing term at 512 units, 40 not always.
        forcing: GMRES stops when |residual of the linear system| <= forcing * |r| on every row; 1e-3 costs no more
            Newton steps than 1e-4.

    Source: Knoll and Keyes 2004, doi:10.1016/j.jcp.2003.08.010.
    """

    tolerance: float = 1e-11
    step_bound: float = 2.0
    krylov_size: Size = 80
    forcing: float = 1e-3

    def attempt(self, problem: RootProblem) -> Attempt:
        n = problem.starts.shape[1]
        size = min(self.krylov_size, n)
        rows_at_once = max(1, problem.memory_budget // (2 * (size + 1) * n * problem.starts.element_size()))

        def direction(equation: AutonomousMap, states: Tensor, residual: Tensor) -> Tensor:
            parts = zip(states.split(rows_at_once), residual.split(rows_at_once), strict=True)
            step = torch.cat([gmres(equation, state, -part, size, self.forcing) for state, part in parts])
            return torch.where(step.isfinite().all(dim=-1, keepdim=True), step, residual)

        rows = damped_newton(
            replace(problem, system=problem.system.ungated()),
            direction,
            tolerance=self.tolerance,
            step_bound=self.step_bound,
        )
        return Attempt(rows.result, rows.evident)


def gmres(equation: AutonomousMap, states: Tensor, rhs: Tensor, size: int, forcing: float) -> Tensor:
    """Approximate solutions d [k, n] of (J - I) d = rhs, one Krylov space of at most ``size`` directions per row."""

    def apply(vectors: Tensor) -> Tensor:
        return jvp(equation, (states,), (vectors,))[1] - vectors

    k, n = states.shape
    eps, tiny = torch.finfo(states.dtype).eps, torch.finfo(states.dtype).tiny
    scale = rhs.norm(dim=-1)
    basis = states.new_zeros(size + 1, k, n)
    hessenberg = states.new_zeros(k, size + 1, size)
    basis[0] = rhs / scale.clamp(min=tiny).unsqueeze(-1)
    target = states.new_zeros(k, size + 1, 1)
    target[:, 0, 0] = scale
    weights = states.new_zeros(k, 1, 1)
    for j in range(size):
        vector = apply(basis[j])
        for _ in range(2):  # a second pass of Gram-Schmidt keeps the basis orthogonal to rounding
            overlap = torch.einsum("jkn,kn->kj", basis[: j + 1], vector)
            hessenberg[:, : j + 1, j] += overlap
            vector = vector - torch.einsum("kj,jkn->kn", overlap, basis[: j + 1])
        length = vector.norm(dim=-1)
        hessenberg[:, j + 1, j] = length
        basis[j + 1] = vector / length.clamp(min=tiny).unsqueeze(-1)
        if j % _CHECK_EVERY and j < size - 1:
            continue
        small, part = hessenberg[:, : j + 2, : j + 1], target[:, : j + 2]
        normal = small.mT @ small
        # A tiny ridge stands in for the pseudo-inverse where a row's Krylov space is exhausted.
        ridge = eps**2 * small.square().sum(dim=(-2, -1)) + tiny
        normal.diagonal(dim1=-2, dim2=-1).add_(ridge.unsqueeze(-1))
        weights = solve(normal, small.mT @ part)
        left = (small @ weights - part).squeeze(-1).norm(dim=-1)
        if (left <= forcing * scale).all():
            break
    return torch.einsum("kj,jkn->kn", weights.squeeze(-1), basis[: weights.shape[1]])
