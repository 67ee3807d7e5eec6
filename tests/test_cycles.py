"""Cycles of a given period, stable or not, against published counts."""

import math

import pytest
import torch
from moving_problems import logistic, piecewise
from problems import henon
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.systems import IteratedMap


def hold(step, n: int, box: float | None = None) -> rd.AutonomousMap:
    bounds = None if box is None else (torch.full((n,), -box), torch.full((n,), box))
    return rd.as_map(lambda state, _: step(state), state_size=n, input_size=0, box=bounds).hold()


def henon_starts() -> torch.Tensor:
    unit = torch.rand(2000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (2 * unit - 1) * torch.tensor([1.5, 0.45])


@pytest.mark.parametrize(
    ("period", "roots", "cycles"),
    [(1, 2, 2), (2, 4, 1), (3, 2, 0), (4, 8, 1), (5, 2, 0), (6, 16, 2), (7, 30, 4), (8, 64, 7)],
)
def test_henon_points_of_period_1_to_8(period: int, roots: int, cycles: int) -> None:
    found = rd.find_cycles(hold(henon, 2), period, henon_starts())
    assert found.n_roots == roots
    assert len(found) == cycles
    if not cycles:
        return
    assert found.residuals.max() < 1e-10
    assert not found.stable.any()
    # Areas shrink by .3 a step, so the multipliers multiply to (-.3)^k.
    product = found.multipliers.prod(dim=1).real
    assert torch.allclose(product, torch.full_like(product, (-0.3) ** period), rtol=1e-5)
    system = hold(henon, 2)
    for orbit in found.orbits:
        assert torch.allclose(system(orbit), orbit.roll(-1, dims=0), atol=1e-9)
        apart = torch.pdist(orbit)
        assert period == 1 or apart.min() > 1e-3  # the period is minimal


def test_the_27_cycles_of_a_piecewise_linear_map() -> None:
    """One stable and one unstable, with the published radii."""
    starts = 6 * torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) - 3
    found = rd.find_cycles(hold(piecewise(0.9777689, -0.14375, 0.52505308), 2), 27, starts)
    assert len(found) == 2
    assert found.multipliers[:, 0].abs().tolist() == pytest.approx([0.6932, 1.1320], abs=1e-3)
    assert found.stable.tolist() == [True, False]
    assert found.n_unstable.tolist() == [0, 1]


def test_the_box_gives_starts_and_the_index_sum() -> None:
    """Tanh(-2x) in the plane: F^2 is tanh(2 tanh(2x)) up to signs, 9 fixed points, 4 cycles of period 2."""
    found = rd.find_cycles(hold(lambda h: torch.tanh(-2 * h), 2, box=1.0), 2)
    assert (found.n_roots, len(found), int(found.stable.sum())) == (9, 4, 2)
    assert found.completeness.index_sum == 1
    assert "index sum 1" in repr(found)


def test_a_network_of_its_own_box() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = nn.RNN(1, 6)
    with torch.no_grad():
        module.weight_hh_l0.mul_(8)
    system = rd.as_map(module).hold()
    for period in (1, 2, 3):
        found = rd.find_cycles(system, period)
        assert found.completeness.index_sum in (1, None)
        if len(found):
            assert found.residuals.max() < 1e-10


def test_iterated_map_is_the_map_applied_again_and_differentiated() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = rd.as_map(nn.LSTM(2, 3, num_layers=2, dtype=torch.float64)).hold([0.3, -0.2])
        states = torch.randn(4, 12, dtype=torch.float64)
    iterated = IteratedMap(system, 3)
    assert torch.equal(iterated(states), system(system(system(states))))
    by_autograd = torch.func.vmap(torch.func.jacrev(iterated))(states)
    assert torch.allclose(iterated.jacobian(states), by_autograd, atol=1e-12)
    assert iterated.box.reason.endswith("and so does every iterate")


def test_logistic_flip() -> None:
    """Past r = 3 the fixed point is a flip saddle in 1-D, unstable, and the 2-cycle has multiplier 4 + 2 r - r^2."""
    r = 3.3
    starts = torch.linspace(0.01, 0.99, 200, dtype=torch.float64)[:, None]
    found = rd.find_cycles(hold(logistic(r), 1), 2, starts)
    assert found.multipliers[:, 0].real.tolist() == pytest.approx([4 + 2 * r - r * r])
    root = math.sqrt((r + 1) * (r - 3))
    assert found.orbits[0].flatten().tolist() == pytest.approx([(r + 1 - root) / (2 * r), (r + 1 + root) / (2 * r)])


def test_a_continuum_of_roots_is_said() -> None:
    """Every state of h -> -h is back after two steps."""
    found = rd.find_cycles(hold(lambda h: -h, 1), 2, torch.linspace(-1, 1, 100)[:, None])
    assert len(found) == 0
    assert "and a line of fixed points" in repr(found)


def test_saved_and_loaded(tmp_path) -> None:
    found = rd.find_cycles(hold(henon, 2), 4, henon_starts()[:500])
    again = rd.load(rd.save(found, tmp_path / "cycles.safetensors"))
    assert repr(again) == repr(found)
    assert again._repr_html_() == found._repr_html_()
