"""The equation F(h) = h near points where DF - I is singular: null spaces, and Newton's method across them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..systems import AutonomousMap

_SINGULAR = 1e-6
"""Singular values of DF - I below this count as zero: as near as an eigenvalue must be to 1 to be marginal."""

_ROUNDING = 128.0
"""Rounding units, of the terms that F is summed from, that F(h) - h may be on a continuum: 64 of ``thresholds``, and
as many again, since the terms of a sum of many may round alike."""

_MOST_ITERATIONS = 8
_LEAST_CONTRACTION = 0.5

_CLOSE = 1e-8
"""The root of rounding: a Newton step this short leaves an error of rounding."""


@dataclass(frozen=True, eq=False)
class Chart:
    """Points of the equation with what spans the null spaces of DF - I there."""

    points: np.ndarray
    """[k, n], in units of each coordinate."""

    right: np.ndarray
    """Orthonormal columns [k, n, d] that DF - I takes to 0: the directions along a continuum."""

    left: np.ndarray
    """The same of its transpose, [k, n, d]."""

    drift: np.ndarray
    """How far F(h) - h is from rounding, or the determinant that d neutral directions make 0 from 0, [k]: at most 1 on
    a continuum of dimension d."""

    usable: np.ndarray
    """Whether Newton's method converged and the null spaces are of dimension d, [k]."""

    def rows(self, which: np.ndarray) -> "Chart":
        return Chart(self.points[which], self.right[which], self.left[which], self.drift[which], self.usable[which])

    def followed_by(self, other: "Chart") -> "Chart":
        """The rows of both."""
        names = ("points", "right", "left", "drift", "usable")
        return Chart(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


class NeutralEquation:
    """F(h) - h = 0 in y = h / units, so that no coordinate is large or small by the choice of its unit."""

    def __init__(self, system: AutonomousMap, units: Tensor, memory_budget: int) -> None:
        self.system = system
        self.units = units.to(system.device, system.dtype)
        self._host_units = units.double().cpu().numpy()
        self._budget = memory_budget
        self._eps = torch.finfo(system.dtype).eps

    def points_of(self, states: Tensor) -> np.ndarray:
        """States [k, n] in units."""
        return states.double().cpu().numpy() / self._host_units

    def states_of(self, points: np.ndarray) -> Tensor:
        """Points [k, n] as states."""
        states = torch.from_numpy(points * self._host_units)
        return states.to(self.system.device, self.system.dtype)

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F(h) - h [k, n] and its derivative [k, n, n], in units."""
        states = self.states_of(points)
        values, jacobians = [np.empty((0, points.shape[1]))], [np.empty((0, points.shape[1], points.shape[1]))]
        for part in self.system.chunks(len(states), self._budget):
            value, linearization = self.system.linearize(states[part])
            values.append((value - states[part]).double().cpu().numpy() / self._host_units)
            jacobian = linearization.dense().double().cpu().numpy()
            jacobians.append(jacobian * self._host_units / self._host_units[:, None])
        jacobian = np.concatenate(jacobians)
        diagonal = np.arange(points.shape[1])
        jacobian[:, diagonal, diagonal] -= 1.0
        return np.concatenate(values), jacobian

    def drift(self, points: np.ndarray, value: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
        """F(h) - h against what rounding leaves of it, [k], by the coordinate where that is most."""
        # DF = J + I: its row sums bound the terms that F_i is made of where F is near to linear.
        terms = np.abs(points) + (np.abs(jacobian) @ np.abs(points)[..., None])[..., 0]
        sizes = 1.0 + np.abs(points) + terms
        with np.errstate(invalid="ignore"):
            share = (np.abs(value) / (_ROUNDING * self._eps * sizes)).max(axis=-1)
        return np.where(np.isfinite(share), share, np.inf)

    def opened(self, points: np.ndarray) -> tuple[list[Chart], np.ndarray]:
        """For each point its null spaces by singular vectors, as charts of one row, and their dimensions [k]."""
        charts: list[Chart] = []
        value, jacobian = self.at(points)
        drift = self.drift(points, value, jacobian)
        finite = np.array([bool(np.isfinite(matrix).all()) for matrix in jacobian], dtype=bool)
        for row, matrix in enumerate(jacobian):
            if not finite[row]:
                d, left, right = 0, np.zeros_like(matrix), np.zeros_like(matrix)
            else:
                left, values, right = np.linalg.svd(matrix)
                d = int((values <= _SINGULAR * max(1.0, float(values[0]))).sum())
                right = right.T
            last = slice(len(matrix) - d, len(matrix))
            charts.append(Chart(points[[row]], right[None, :, last], left[None, :, last], drift[[row]], finite[[row]]))
        return charts, np.array([chart.right.shape[-1] for chart in charts], dtype=int)

    def projected(self, guesses: np.ndarray, right: np.ndarray, left: np.ndarray) -> Chart:
        """Newton's method on [F(h) - h + W mu; V^T (h - guess)] = 0 from guesses [k, n], all rows at once.

        V = ``right`` and W = ``left`` [k, n, d] border DF - I, which makes it regular on a continuum of dimension d. A
        solution exists near any point, and lies on a continuum if F(h) - h = -W mu is zero to rounding.
        """
        points, k, n, d = guesses.copy(), *right.shape
        going, before = np.arange(k), np.full(k, np.inf)
        usable = np.zeros(k, dtype=bool)
        for _ in range(_MOST_ITERATIONS):
            if not len(going):
                break
            value, jacobian = self.at(points[going])
            offset = np.einsum("knd,kn->kd", right[going], points[going] - guesses[going])
            steps, fine = _solved(_bordered(jacobian, right[going], left[going]), np.concatenate([-value, -offset], 1))
            size = np.abs(steps[:, :n]).max(axis=1, initial=0.0)
            fine &= size <= np.maximum(_LEAST_CONTRACTION * before[going], _CLOSE)
            points[going[fine]] += steps[fine, :n]
            before[going] = size
            # The error is of the order of the step's square; the last look at F judges it.
            done = fine & (size <= _CLOSE * (1.0 + np.abs(points[going]).max(axis=1, initial=0.0)))
            usable[going[done]] = True
            going = going[fine & ~done]
        value, jacobian = self.at(points)
        matrix = _bordered(jacobian, right, left)
        unit = np.zeros((k, n + d, d))
        unit[:, n:] = np.eye(d)
        along, fine = _solved(matrix, unit)
        across, fine_too = _solved(matrix.transpose(0, 2, 1), unit)
        usable &= fine & fine_too
        # The block below the null vectors is zero if and only if DF - I is singular d times (Govaerts 2000, chapter 3).
        excess = np.abs(along[:, n:]).max(axis=(1, 2), initial=0.0) / _SINGULAR
        along, across = (np.where(usable[:, None, None], part[:, :n], 0.0) for part in (along, across))
        drift = np.where(usable, np.maximum(self.drift(points, value, jacobian), excess), np.inf)
        return Chart(points, _orthonormal(along, right), _orthonormal(across, left), drift, usable)


def _bordered(jacobian: np.ndarray, right: np.ndarray, left: np.ndarray) -> np.ndarray:
    """[J, W; V^T, 0], [k, n + d, n + d]."""
    k, n, d = right.shape
    whole = np.zeros((k, n + d, n + d))
    whole[:, :n, :n], whole[:, :n, n:], whole[:, n:, :n] = jacobian, left, right.transpose(0, 2, 1)
    return whole


def _solved(matrices: np.ndarray, rhs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The solutions of k systems, and which of them have one: LAPACK refuses all where one is singular."""
    columns = rhs[..., None] if rhs.ndim == 2 else rhs
    finite = np.isfinite(matrices).all(axis=(1, 2)) & np.isfinite(columns).all(axis=(1, 2))
    solution = np.full_like(columns, np.inf)
    try:
        solution[finite] = np.linalg.solve(matrices[finite], columns[finite])
    except np.linalg.LinAlgError:
        for row in np.nonzero(finite)[0]:
            try:
                solution[row] = np.linalg.solve(matrices[row], columns[row])
            except np.linalg.LinAlgError:
                continue
    solution = solution.reshape(rhs.shape)
    good = np.array([bool(np.isfinite(row).all()) for row in solution], dtype=bool)
    return np.where(good.reshape(-1, *[1] * (rhs.ndim - 1)), solution, 0.0), good


def _orthonormal(columns: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Orthonormal bases of the spans of columns [k, n, d], turned to be as near to ``like`` as they can be."""
    if not len(columns):
        return columns
    basis = np.linalg.qr(columns)[0]
    # The nearest rotation (Procrustes) keeps directions from flipping along a walk.
    first, _, second = np.linalg.svd(basis.transpose(0, 2, 1) @ like)
    return basis @ (first @ second)
