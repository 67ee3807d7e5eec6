"""Systems whose fixed points are known, each carrying its own answer."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq, linear_sum_assignment
from torch import Tensor

from problems.maps import held, normal
from rnn_dynamics.systems import HeldMap


@dataclass(frozen=True)
class Problem:
    """A map and all of its fixed points."""

    name: str
    step: Callable[[Tensor], Tensor]
    points: Tensor  # [p, n], every one
    radii: Tensor | None = None  # [p]
    kinds: tuple[str, ...] | None = None
    box: float | None = None  # half-width of a cube mapped into itself
    spread: float = 1.0  # of the starts
    accuracy: float = 1e-8  # of ``points`` as stated

    @property
    def system(self) -> HeldMap:
        return held(self.step, self.points.shape[1], box=self.box)

    def starts(self, k: int = 256, seed: int = 0) -> Tensor:
        return self.spread * normal(k, self.points.shape[1], seed=seed)


def match(found: Tensor, known: Tensor) -> tuple[np.ndarray, float]:
    """Which found row belongs to each known one, and the largest distance between them."""
    distance = torch.cdist(known, found, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    _, column = linear_sum_assignment(distance)
    return column, float(distance[np.arange(len(known)), column].max())


def _rows(*rows: object) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def _scalar_roots(f: Callable[[float], float], low: float, high: float, pieces: int = 20001) -> list[float]:
    """All simple roots of f on an interval by sign changes and bisection: an independent method."""
    grid = torch.linspace(low, high, pieces, dtype=torch.float64).tolist()
    return [brentq(f, a, b, xtol=1e-15) for a, b in itertools.pairwise(grid) if f(a) * f(b) < 0 or f(a) == 0]


def linear(n: int, radius: float, seed: int) -> Problem:
    """H' = A h + b with a given spectral radius: one fixed point, (I - A)^-1 b."""
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(n, n, generator=generator, dtype=torch.float64)
    a *= radius / torch.linalg.eigvals(a).abs().max()
    b = torch.randn(n, generator=generator, dtype=torch.float64)
    point = torch.linalg.solve(torch.eye(n, dtype=torch.float64) - a, b)
    return Problem(f"linear {n}, rho {radius}", lambda h: h @ a.T + b, point[None], _rows(radius).flatten())


def uncoupled(n: int, gain: float = 2.0) -> Problem:
    """X' = tanh(gain x) in n dimensions: 3^n points."""
    (root,) = _scalar_roots(lambda x: math.tanh(gain * x) - x, 1e-3, 1.0)
    points = torch.tensor(list(itertools.product((-root, 0.0, root), repeat=n)), dtype=torch.float64)
    zeros = (points == 0).sum(dim=1)
    kinds = tuple("stable node" if z == 0 else "unstable node" if z == n else "saddle" for z in zeros.tolist())
    radii = torch.where(zeros > 0, gain, gain * (1 - root**2)).double()
    return Problem(f"uncoupled tanh, n = {n}", lambda h: torch.tanh(gain * h), points, radii, kinds, box=1.0)


def tanh_network(name: str, weight: Tensor, points: Tensor, radii: tuple[float, ...], accuracy: float) -> Problem:
    """V' = tanh(W v): the origin, where DF = W, and published points with published radii."""
    origin = torch.linalg.eigvals(weight).abs().max()
    every_radius = torch.cat([origin[None], _rows(*radii).flatten()])
    return Problem(name, lambda v: torch.tanh(v @ weight.T), points, every_radius, box=1.0, accuracy=accuracy)


def planted(n: int, seed: int) -> tuple[HeldMap, Tensor]:
    """V' = tanh(W v) with W = arctanh(V) V^-1: the columns of +-V are fixed points, among others."""
    generator = torch.Generator().manual_seed(seed)
    columns = 2 * torch.rand(n, n, generator=generator, dtype=torch.float64) - 1
    weight = torch.atanh(columns) @ torch.linalg.inv(columns)
    return held(lambda v: torch.tanh(v @ weight.T), n, box=1.0), torch.cat([columns.T, -columns.T])


def henon(h: Tensor) -> Tensor:
    """The Henon map at a = 1.4, b = 0.3."""
    return torch.stack([1 - 1.4 * h[..., 0] ** 2 + h[..., 1], 0.3 * h[..., 0]], dim=-1)


def logistic(r: float) -> Problem:
    """X' = r x (1 - x): 0 and 1 - 1/r, with multipliers r and 2 - r."""
    points, radii = _rows([0.0], [1 - 1 / r]), _rows(abs(r), abs(2 - r)).flatten()
    return Problem(f"logistic r = {r}", lambda x: r * x * (1 - x), points, radii)


def biased_tanh(w: float, b: float) -> Problem:
    """X' = tanh(w x + b) in one dimension, roots by bisection."""
    roots = _scalar_roots(lambda x: math.tanh(w * x + b) - x, -1.0, 1.0)
    points = _rows(*[[x] for x in roots])
    return Problem(
        f"tanh({w} x + {b})", lambda x: torch.tanh(w * x + b), points, (w * (1 - points**2)).abs().flatten(), box=1.0
    )


def _piecewise(a: float, w1: float, w2: float, point: list[list[float]], radius: float) -> Problem:
    diagonal, coupling = _rows(a, 0.96461297).flatten(), _rows([0.0, w1], [w2, 0.0])
    offset = _rows(0.37298253, -0.97931491).flatten()
    return Problem(
        f"piecewise linear, a = {a}",
        lambda z: diagonal * z + z.clamp(min=0) @ coupling.T + offset,
        _rows(*point),
        _rows(radius).flatten(),
        accuracy=2e-6,
        spread=10.0,
    )


_SQUARE = -torch.stack([torch.roll(torch.linspace(-1, 1, 2, dtype=torch.float64), -i) for i in range(2)])

ALL: list[Problem] = [
    *[
        linear(n, radius, seed)
        for seed, (n, radius) in enumerate([(1, 0.5), (4, 0.9), (30, 0.99), (5, 1.7), (200, 0.8)])
    ],
    *[uncoupled(n) for n in (1, 2, 3, 4)],
    uncoupled(3, gain=1.2),
    tanh_network(
        "roll",
        _SQUARE.T,
        _rows([0, 0], [0.957504024, -0.957504024], [-0.957504024, 0.957504024]),
        (0.166372, 0.166372),
        1e-9,
    ),
    tanh_network(
        "two-unit A",
        _rows([1.24980837, -0.01702046], [0.16869383, 1.23345761]),
        _rows(
            [0, 0],
            [0.04823416, 0.70572931],
            [-0.04823416, -0.70572931],
            [0.69112426, 0.80303357],
            [-0.69112426, -0.80303357],
        ),
        (1.244602, 1.244602, 0.650325, 0.650325),
        5e-7,
    ),
    tanh_network(
        "two-unit B",
        _rows([1.3216786, -0.06273015], [0.15134484, 1.19697091]),
        _rows(
            [0, 0], [0.1368768, 0.6881187], [-0.1368768, -0.6881187], [0.7134805, 0.77720561], [-0.7134805, -0.77720561]
        ),
        (1.289477, 1.289477, 0.637595, 0.637595),
        5e-7,
    ),
    Problem(
        "Henon",
        henon,
        _rows([0.631354477, 0.189406343], [-1.131354477, -0.339406343]),
        _rows(1.923738858, 3.259822097).flatten(),
    ),
    *[logistic(r) for r in (0.5, 2.5, 3.5, 4.0)],
    *[biased_tanh(w, b) for w, b in [(2.0, 0.0), (2.0, 0.5), (2.0, 0.54), (-1.5, 0.2), (5.0, -0.3)]],
    _piecewise(-0.0222311, -0.64375, 0.52505308, [[0.364871, -22.260649]], 0.96461297),
]
