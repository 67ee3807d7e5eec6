"""Uncertainty exponents and Wada's property of boundaries that are known in closed form."""

import math

import numpy as np
import pytest
import torch
from problems.maps import held
from scipy.optimize import brentq
from scipy.special import logsumexp
from torch import Tensor

import rnn_dynamics as rd

DOUBLE = torch.float64
ROOTS = torch.tensor([[1.0, 0.0], [-0.5, 3**0.5 / 2], [-0.5, -(3**0.5) / 2]], dtype=DOUBLE)


def uniform(k: int, n: int, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(k, n, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)


def cantor(h: Tensor) -> Tensor:
    """Fifths of [0, 1]: the first, third and last are stretched over all of it, the others go to -1 and to 2.

    What never leaves is a Cantor set of three copies a fifth as large, and the boundary of both basins: its dimension
    is ln 3 / ln 5.
    """
    fifth = (5 * h).floor().clamp(-1, 5)
    inner = (fifth == 0) | (fifth == 2) | (fifth == 4)
    away = torch.where((fifth == 1) | (h < 0), -1.0, 2.0)
    return torch.where(inner, 5 * h - fifth, away.to(h))


def newton_cubic(h: Tensor) -> Tensor:
    """Newton's method for z^3 = 1: its three basins are Wada's best known example (Cayley 1879)."""
    z = torch.complex(h[..., 0], h[..., 1])
    after = z - (z**3 - 1) / (3 * z**2)
    return torch.stack([after.real, after.imag], dim=-1)


def test_a_cantor_set_has_its_dimension() -> None:
    system = held(cantor, 1)
    found = rd.find_attractors(system, [[-1.0], [2.0]])
    # The set looks the same at every fifth of a distance, and not between: f(eps / 5) = 3 / 5 f(eps).
    result = rd.uncertainty_exponent(system, found, uniform(9_999, 1, 0, 1), largest=5**-2, smallest=5**-6, distances=5)
    alpha = 1 - math.log(3) / math.log(5)
    assert result.exponent == pytest.approx(alpha, abs=0.02)
    assert result.interval[0] < result.exponent < result.interval[1] < alpha + 0.04
    assert result.dimension == pytest.approx(1 - result.exponent)
    assert result.verdict.startswith("fractal")


def twisted(h: Tensor) -> Tensor:
    """The map on which Grebogi et al. 1983, doi:10.1016/0375-9601(83)90945-3, found alpha = 0.2: of an angle and x."""
    angle, x = h[..., 0], h[..., 1]
    turned = angle + 1.32 * torch.sin(2 * angle) - 0.9 * torch.sin(4 * angle) - x * torch.sin(angle)
    return torch.stack([torch.remainder(turned, 2 * math.pi), -0.3 * torch.cos(angle)], dim=-1)


def test_a_published_exponent() -> None:
    system = held(twisted, 2)
    found = rd.find_attractors(system, [[0.0, -0.3], [math.pi, 0.3]])
    starts = uniform(4096, 2, 0, 1) * torch.tensor([2 * math.pi, 1.0], dtype=DOUBLE) - torch.tensor([0, 0.5])
    result = rd.uncertainty_exponent(system, found, starts)
    assert result.exponent == pytest.approx(0.2, abs=0.02)


def test_a_plane_between_two_basins_is_smooth() -> None:
    system = held(lambda h: torch.tanh(2 * h), 2)
    found = rd.find_attractors(system, [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    result = rd.uncertainty_exponent(system, found, uniform(20_000, 2, -1, 1), largest=0.05, smallest=1e-3)
    assert result.interval[0] < 1 < result.interval[1]
    assert result.verdict.startswith("smooth")
    # Of random directions by an angle theta, each of two lines through a square of side 2 parts pairs with the
    # probability eps E|cos theta| / 2 = eps 2 / pi / 2, eps in units of the state.
    expected = 2 * 0.05 * result.span * (2 / math.pi) / 2
    assert float(result.parted[0] / result.pairs[0]) == pytest.approx(expected, rel=0.1)


def test_one_basin_has_no_boundary() -> None:
    system = held(lambda h: h / 2, 2)
    result = rd.uncertainty_exponent(system, rd.find_attractors(system, [[0.0, 0.0]]), uniform(64, 2, -1, 1))
    assert math.isnan(result.exponent)
    assert "too few" in result.verdict


def test_newtons_basins_are_wada_and_fractal() -> None:
    system = held(newton_cubic, 2)
    found = rd.find_attractors(system, ROOTS)
    corners = [[-1.5, -1.5], [1.5, -1.5], [-1.5, 1.5]]
    picture = rd.basin_map(system, corners, found, resolution=256, border=0)
    result = rd.wada(picture)
    assert result.verdict.startswith("Wada")
    assert result.growth < 0.3
    assert result.basins == (0, 1, 2)
    spread = rd.uncertainty_exponent(system, found, uniform(20_000, 2, -1.5, 1.5), largest=0.05, smallest=1e-3)
    assert spread.dimension == pytest.approx(julia_dimension(), abs=0.04)
    assert spread.verdict.startswith("fractal")


def julia_dimension(levels: int = 9) -> float:
    """Of the boundary, by Bowen's formula: s with as large a sum of |DN^k|^-s over all w, N^k(w) = z, as for k - 1.

    Derivatives are those of the sphere, whose N expands near infinity too. It is 1.4445 as k grows; 1.442 for k = 9.
    """

    def log_metric(w: np.ndarray) -> np.ndarray:
        return np.log(2 / (1 + np.abs(w) ** 2))

    points, logs, sizes = np.array([0.3 + 0.5j]), np.zeros(1), []
    for _ in range(levels):
        companions = np.zeros((len(points), 3, 3), dtype=complex)  # of 2 w^3 - 3 z w^2 + 1
        companions[:, 1, 0] = companions[:, 2, 1] = 1
        companions[:, 0, 2], companions[:, 2, 2] = -0.5, 1.5 * points
        before = np.linalg.eigvals(companions)
        slopes = np.log(np.abs(2 / 3 * (1 - before**-3.0)))
        logs = (logs[:, None] + slopes + log_metric(points)[:, None] - log_metric(before)).ravel()
        points = before.ravel()
        sizes.append(logs)
    last, first = sizes[-1], sizes[-2]
    return brentq(lambda s: logsumexp(-s * last) - logsumexp(-s * first), 1.05, 1.95)


def test_three_sectors_are_not_wada() -> None:
    """Basins of three points that meet in one point alone."""

    def nearest(h: Tensor) -> Tensor:
        return h + 0.5 * (ROOTS.to(h)[(h[..., None, :] - ROOTS.to(h)).norm(dim=-1).argmin(dim=-1)] - h)

    system = held(nearest, 2)
    found = rd.find_attractors(system, ROOTS)
    picture = rd.basin_map(system, [[-1.5, -1.5], [1.5, -1.5], [-1.5, 1.5]], found, resolution=256, border=0)
    result = rd.wada(picture)
    assert result.verdict.startswith("not Wada")
    assert result.growth == pytest.approx(1, abs=0.1)


def test_pictures_that_cannot_tell_are_refused() -> None:
    system = held(lambda h: torch.tanh(2 * h), 2)
    found = rd.find_attractors(system, [[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]])
    picture = rd.basin_map(system, [[-1, -1], [1, -1], [-1, 1]], found, resolution=16)
    with pytest.raises(ValueError, match="256 cells"):
        rd.wada(picture)
    one = rd.find_attractors(held(lambda h: h / 2, 2), [[0.0, 0.0]])
    with pytest.raises(ValueError, match="three basins"):
        rd.wada(rd.basin_map(held(lambda h: h / 2, 2), [[-1, -1], [1, -1], [-1, 1]], one, resolution=16))
    with pytest.raises(ValueError, match="one state"):
        rd.uncertainty_exponent(system, found, [[0.0, 0.0]] * 3)
