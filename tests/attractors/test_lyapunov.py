"""Lyapunov exponents against closed forms and published values."""

import math

import pytest
import torch
from problems.attractors import ikeda, logistic, random_tanh, rotating, turn
from problems.maps import held
from problems.roots import henon
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.attractors.lyapunov import birkhoff_weights

DOUBLE = torch.float64


def test_henon() -> None:
    starts = 0.1 * torch.rand(16, 2, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    result = rd.lyapunov_spectrum(held(henon, 2), starts, steps=5000)
    mean = result.exponents.mean(dim=0)
    assert mean.tolist() == pytest.approx([0.4196, -1.6236], rel=0.01)
    # The map contracts areas by .3 everywhere, so the sum is exact at every length.
    assert torch.allclose(result.exponents.sum(dim=1), torch.full((16,), math.log(0.3), dtype=DOUBLE), atol=1e-12)
    # Block errors foretell the scatter of independent orbits.
    assert float(result.errors[:, 0].mean()) == pytest.approx(float(result.exponents[:, 0].std()), rel=0.5)
    assert result.kaplan_yorke_dimensions.mean().item() == pytest.approx(1 + 0.4196 / 1.6236, abs=0.01)


@pytest.mark.parametrize(
    ("step", "n", "exponents"),
    [
        (lambda h: h @ (0.5 * turn(1.0)).T, 2, [math.log(0.5)] * 2),
        (lambda h: h * torch.tensor([1.5, 0.9, 0.1], dtype=DOUBLE), 3, [math.log(1.5), math.log(0.9), math.log(0.1)]),
        (rotating(1.3, 1.0), 2, [0.0, -0.58099]),
    ],
    ids=["focus", "diagonal", "circle"],
)
@pytest.mark.parametrize("every", [1, 3])
def test_smooth_maps(step, n: int, exponents: list[float], every: int) -> None:
    result = rd.lyapunov_spectrum(held(step, n), torch.full((n,), 0.1), steps=600, transient=300, every=every)
    assert result.weighted[0].tolist() == pytest.approx(exponents, abs=2e-4)
    assert result.exponents[0].tolist() == pytest.approx(exponents, abs=2e-3)


def test_weighted_averages_tell_zero_from_small() -> None:
    """On a circle the plain mean is off by 1 / steps, the weighted one by far less."""
    result = rd.lyapunov_spectrum(held(rotating(1.3, 1.0), 2), [0.1, 0.1], steps=2000)
    assert abs(float(result.weighted[0, 0])) < 1e-10 < 1e-6 < abs(float(result.exponents[0, 0]))
    assert float(birkhoff_weights(100).sum()) == pytest.approx(1)


def test_leading_exponents_agree_with_the_whole_spectrum() -> None:
    system = held(random_tanh(20, 2.0, 1), 20)
    whole = rd.lyapunov_spectrum(system, torch.full((20,), 0.1), steps=400)
    few = rd.lyapunov_spectrum(system, torch.full((20,), 0.1), k=3, steps=400)
    assert few.exponents.shape == (1, 3)
    assert torch.allclose(few.exponents, whole.exponents[:, :3], atol=0.05)
    assert torch.isnan(few.kaplan_yorke_dimensions).all() or few.exponents.cumsum(1)[0, -1] < 0


def test_memory_budget_changes_nothing() -> None:
    system = held(ikeda, 2)
    one = rd.lyapunov_spectrum(system, torch.rand(5, 2, generator=torch.Generator().manual_seed(0)), steps=200)
    two = rd.lyapunov_spectrum(
        system, torch.rand(5, 2, generator=torch.Generator().manual_seed(0)), steps=200, memory_budget=4000
    )
    assert torch.allclose(one.exponents, two.exponents, atol=1e-9)


@pytest.mark.parametrize(
    ("exponents", "n", "dimension"),
    [
        ([0.4, -1.6], 2, 1.25),
        ([-0.1, -0.2], 2, 0.0),
        ([0.0, -0.5], 2, 1.0),
        ([0.5, 0.2, -0.3, -0.5], 4, 3.8),
        ([0.5, 0.1], 2, 2.0),
        ([0.5, 0.1], 5, math.nan),
    ],
)
def test_kaplan_yorke(exponents: list[float], n: int, dimension: float) -> None:
    value = float(rd.kaplan_yorke_dimension(torch.tensor(exponents), n))
    assert value == pytest.approx(dimension, nan_ok=True, rel=1e-6)


def test_finite_time_exponents_of_a_driven_network() -> None:
    """Under a constant input they are those of the held map; under any input, products of autograd Jacobians."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = rd.as_map(nn.GRU(2, 5, num_layers=2, dtype=DOUBLE))
        inputs = torch.randn(3, 30, 2, dtype=DOUBLE)
    held = inputs[:1, :1].expand(1, 400, 2)
    driven = rd.finite_time_exponents(network, held)
    system = network.hold(held[0, 0])
    fixed = system.iterate(torch.zeros(10, dtype=DOUBLE), 3000)
    values = torch.linalg.eigvals(system.jacobian(fixed)).abs().log().sort(descending=True).values
    assert float(driven.exponents[0, 0]) == pytest.approx(float(values[0]), abs=0.02)

    result = rd.finite_time_exponents(network, inputs, k=10)
    state = torch.zeros(10, dtype=DOUBLE)
    total = torch.zeros((), dtype=DOUBLE)
    for input in inputs[1]:
        jacobian = torch.func.jacrev(network.step)(state, input).detach()
        total = total + torch.linalg.slogdet(jacobian)[1]
        state = network.step(state, input).detach()
    assert float(result.exponents[1].sum() * 30) == pytest.approx(float(total), abs=1e-8)


def test_an_orbit_that_escapes_gives_nan_and_the_others_not() -> None:
    result = rd.lyapunov_spectrum(held(henon, 2), torch.tensor([[0.1, 0.1], [5.0, 5.0]]), steps=200)
    assert result.exponents[0].isfinite().all()
    assert result.exponents[1].isnan().all()


def test_saved_and_loaded(tmp_path) -> None:
    result = rd.lyapunov_spectrum(held(logistic(4.0), 1), [0.3], steps=500)
    again = rd.load(rd.save(result, tmp_path / "spectrum.safetensors"))
    assert repr(again) == repr(result)
    assert "±" in repr(result)


def test_superstable_directions_are_no_nan() -> None:
    def onto_circle(h: Tensor) -> Tensor:
        return h / h.norm(dim=-1, keepdim=True) @ turn(1.0).T

    result = rd.lyapunov_spectrum(held(onto_circle, 2), [1.0, 0.0], steps=100)
    assert float(result.exponents[0, 0]) == pytest.approx(0, abs=1e-12)
    assert float(result.exponents[0, 1]) < -30


@pytest.mark.parametrize(
    ("step", "n", "exponent"),
    [(henon, 2, 0.4196), (logistic(4.0), 1, math.log(2)), (random_tanh(32, 3.0, 2), 32, None)],
    ids=["Henon", "logistic", "random tanh"],
)
def test_settling_stops_when_the_exponent_is_known_as_well_as_is_asked(step, n: int, exponent: float | None) -> None:
    """That of the random network is compared with a single orbit of 10,000 steps."""
    system = held(step, n)
    starts = 0.1 + 0.1 * torch.rand(8, n, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    rough, fine = (
        rd.find_attractors(system, starts, settle=rd.Settle(exponent_error=error)) for error in (0.05, 0.005)
    )
    if exponent is None:
        one = rd.lyapunov_spectrum(system, starts[0], k=1, every=4)
        exponent = float(one.exponents[0, 0])
    errors = []
    for found, asked in ((rough, 0.05), (fine, 0.005)):
        assert found.kinds == ("chaotic",)
        value, error = float(found.evidence[0].exponents[0]), float(found.evidence[0].exponent_errors[0])
        assert error <= asked * value
        assert value == pytest.approx(exponent, abs=4 * error + 0.02 * exponent)
        errors.append(error)
    assert errors[1] < errors[0] or errors[0] <= 0.005 * exponent
