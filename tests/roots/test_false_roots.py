"""Maps that fade far out have no fixed points there, and no lines of them; degenerate roots and true lines stay."""

import math

import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.roots import Reason

DOUBLE = torch.float64


def _map(step, n: int, dtype: torch.dtype = DOUBLE):
    return rd.as_map(lambda h, _: step(h), state_size=n, input_size=0).hold(dtype=dtype)


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


FADING = {
    "exponential": lambda h: h + torch.exp(-h),
    "sigmoid": lambda h: h + torch.sigmoid(-5 * h),
    "hyperbolic": lambda h: h + 1 / torch.cosh(h),
    "algebraic": lambda h: h + 1 / (1 + h**2) ** 3,
    "steeper than a Gaussian": lambda h: h + torch.exp(-(h**4)),
}
SPREAD_STARTS = [_randn(64, 1), 3 * _randn(64, 1), 10 * _randn(64, 1)]
FAR_STARTS = torch.linspace(30, 50, 32, dtype=DOUBLE).unsqueeze(1)


@pytest.mark.parametrize("name", FADING)
def test_a_map_without_fixed_points_has_none(name: str) -> None:
    """F(h) - h is positive everywhere."""
    for starts in (*SPREAD_STARTS, FAR_STARTS):
        points = rd.find_fixed_points(_map(FADING[name], 1), starts)
        assert len(points) == 0
        assert points.continua == ()


@pytest.mark.parametrize("starts", SPREAD_STARTS, ids=["1", "3", "10"])
def test_a_fading_map_keeps_its_one_fixed_point(starts: Tensor) -> None:
    points = rd.find_fixed_points(_map(lambda h: h - 0.5 * torch.exp(-(h**2) / 4) * (h - 1), 1), starts)
    assert points.continua == ()
    assert len(points) == 1
    assert abs(float(points.states) - 1) < 1e-14
    # F'(1) = 1 - exp(-1/4) / 2
    assert abs(float(points.eigenvalues[0, 0].real) - (1 - 0.5 * math.exp(-0.25))) < 1e-12
    assert points.kinds == ("stable node",)


@pytest.mark.parametrize("solver", [rd.Newton(), rd.NewtonKrylov(), rd.SpeedMinimizer(), rd.ScipyRoot()], ids=repr)
def test_no_solver_calls_it_found(solver) -> None:
    result = solver.solve(_map(FADING["exponential"], 1), torch.tensor([[0.0], [20.0], [40.0]], dtype=DOUBLE))
    reasons = [Reason(code) for code in result.reasons.tolist()]
    assert Reason.CONVERGED not in reasons
    assert reasons[2] is Reason.FADING
    assert "fades" in Reason.FADING.advice


def test_in_float32_too() -> None:
    points = rd.find_fixed_points(_map(FADING["exponential"], 1, torch.float32), 3 * _randn(64, 1).float())
    assert len(points) == 0
    assert points.continua == ()


def test_in_higher_dimensions_and_turned() -> None:
    """One coordinate fades beside others that contract; turned, so that no axis is special."""
    basis = torch.linalg.qr(_randn(4, 4, seed=1))[0]
    rates = torch.tensor([0.0, 0.9, 0.5, -0.3], dtype=DOUBLE)

    def step(h: Tensor) -> Tensor:
        y = h @ basis
        first = y[..., :1] + torch.exp(-y[..., :1])
        return torch.cat([first, (rates * y)[..., 1:]], dim=-1) @ basis.T

    points = rd.find_fixed_points(_map(step, 4), 3 * _randn(128, 4))
    assert len(points) == 0
    assert points.continua == ()


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_degenerate_roots_are_roots(order: int) -> None:
    points = rd.find_fixed_points(_map(lambda h: h - 0.1 * h**order, 1), _randn(64, 1), max_steps=300)
    assert points.continua == ()
    assert len(points) == 1
    # |h|^order <= 1e-10: no more of a root of this order can be known.
    assert float(points.states.abs()) < 10 ** (-10 / order)
    assert points.kinds[0].startswith("marginal")


def test_a_true_half_line_is_kept() -> None:
    """x' = max(x, x / 2): every x >= 0 is fixed, beside a coordinate that contracts."""
    points = rd.find_fixed_points(
        _map(lambda h: torch.stack([torch.maximum(h[..., 0], h[..., 0] / 2), 0.5 * h[..., 1]], dim=-1), 2),
        3 * _randn(128, 2),
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
