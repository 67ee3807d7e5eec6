"""Maps that fade far out have no fixed points there, and no lines of them; degenerate roots and true lines stay."""

import math

import pytest
import torch
from problems.maps import held, normal
from torch import Tensor, nn

import rnn_dynamics as rd

DOUBLE = torch.float64


FADING = {
    "exponential": lambda h: h + torch.exp(-h),
    "sigmoid": lambda h: h + torch.sigmoid(-5 * h),
    "hyperbolic": lambda h: h + 1 / torch.cosh(h),
    "algebraic": lambda h: h + 1 / (1 + h**2) ** 3,
    "steeper than a Gaussian": lambda h: h + torch.exp(-(h**4)),
}
SPREAD_STARTS = [normal(64, 1), 3 * normal(64, 1), 10 * normal(64, 1)]
FAR_STARTS = torch.linspace(30, 50, 32, dtype=DOUBLE).unsqueeze(1)


@pytest.mark.parametrize("name", FADING)
def test_a_map_without_fixed_points_has_none(name: str) -> None:
    """F(h) - h is positive everywhere."""
    for starts in (*SPREAD_STARTS, FAR_STARTS):
        points = rd.find_fixed_points(held(FADING[name], 1), starts)
        assert len(points) == 0
        assert points.continua == ()


@pytest.mark.parametrize("starts", SPREAD_STARTS, ids=["1", "3", "10"])
def test_a_fading_map_keeps_its_one_fixed_point(starts: Tensor) -> None:
    points = rd.find_fixed_points(held(lambda h: h - 0.5 * torch.exp(-(h**2) / 4) * (h - 1), 1), starts)
    assert points.continua == ()
    assert len(points) == 1
    assert abs(float(points.states) - 1) < 1e-14
    # F'(1) = 1 - exp(-1/4) / 2
    assert abs(float(points.eigenvalues[0, 0].real) - (1 - 0.5 * math.exp(-0.25))) < 1e-12
    assert points.kinds == ("stable node",)


def test_in_float32_too() -> None:
    points = rd.find_fixed_points(held(FADING["exponential"], 1, dtype=torch.float32), 3 * normal(64, 1).float())
    assert len(points) == 0
    assert points.continua == ()


def test_in_higher_dimensions_and_turned() -> None:
    """One coordinate fades beside others that contract; turned, so that no axis is special."""
    basis = torch.linalg.qr(normal(4, 4, seed=1))[0]
    rates = torch.tensor([0.0, 0.9, 0.5, -0.3], dtype=DOUBLE)

    def step(h: Tensor) -> Tensor:
        y = h @ basis
        first = y[..., :1] + torch.exp(-y[..., :1])
        return torch.cat([first, (rates * y)[..., 1:]], dim=-1) @ basis.T

    points = rd.find_fixed_points(held(step, 4), 3 * normal(128, 4))
    assert len(points) == 0
    assert points.continua == ()


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_degenerate_roots_are_roots(order: int) -> None:
    points = rd.find_fixed_points(held(lambda h: h - 0.1 * h**order, 1), normal(64, 1), max_steps=300)
    assert points.continua == ()
    assert len(points) == 1
    # |h|^order <= 1e-10: no more of a root of this order can be known.
    assert float(points.states.abs()) < 10 ** (-10 / order)
    assert points.kinds[0].startswith("marginal")


def test_a_true_half_line_is_kept() -> None:
    """x' = max(x, x / 2): every x >= 0 is fixed, beside a coordinate that contracts."""
    points = rd.find_fixed_points(
        held(lambda h: torch.stack([torch.maximum(h[..., 0], h[..., 0] / 2), 0.5 * h[..., 1]], dim=-1), 2),
        3 * normal(128, 2),
    )
    assert [continuum.shape for continuum in points.continua] == ["line"]


class _Own(nn.Module):
    """A GRU's step as a user writes it: no closed form, no box."""

    def __init__(self, trained: nn.GRU) -> None:
        super().__init__()
        self.trained = trained

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        gru = self.trained
        r, z, n = (input @ gru.weight_ih_l0.T + gru.bias_ih_l0).chunk(3, dim=-1)
        a, b, c = (state @ gru.weight_hh_l0.T + gru.bias_hh_l0).chunk(3, dim=-1)
        z = torch.sigmoid(z + b)
        return (1 - z) * torch.tanh(n + torch.sigmoid(r + a) * c) + z * state


@pytest.mark.parametrize("noise", [0.5, 1.5])
def test_a_gru_written_by_its_user_has_the_same_points(trained_flip_flop, noise: float) -> None:
    """Every fixed point of a GRU lies in [-1, 1]; in its closed form the search knows that."""
    module = trained_flip_flop("GRU-16", 0).module
    network = rd.as_map(module)
    sequences = torch.randn(32, 60, 3, generator=torch.Generator().manual_seed(0))
    starts = rd.sample_states(network, sequences, 256, noise=noise, seed=1)
    known = rd.find_fixed_points(network.hold(), starts)
    own = rd.find_fixed_points(rd.as_map(_Own(module), 16, 3).hold(), starts)
    assert known.index_sum == 1
    assert not any("fixed" in repr(continuum) for continuum in own.continua)
    assert len(own) == len(known)
    assert (own.states - known.states).abs().max() < 1e-8
