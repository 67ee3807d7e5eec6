"""Cycles of a given period, stable or not, against published counts."""

import math

import numpy as np
import pytest
import scipy.optimize
import torch
from problems.attractors import logistic, piecewise
from problems.maps import held
from problems.roots import henon
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.attractors.shooting import PhaseMap
from rnn_dynamics.systems import IteratedMap


def henon_starts() -> torch.Tensor:
    unit = torch.rand(2000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (2 * unit - 1) * torch.tensor([1.5, 0.45])


@pytest.mark.parametrize(
    ("period", "roots", "cycles"),
    [(1, 2, 2), (2, 4, 1), (3, 2, 0), (4, 8, 1), (5, 2, 0), (6, 16, 2), (7, 30, 4), (8, 64, 7)],
)
def test_henon_points_of_period_1_to_8(period: int, roots: int, cycles: int) -> None:
    found = rd.find_cycles(held(henon, 2), period, henon_starts())
    assert found.n_roots == roots
    assert len(found) == cycles
    if not cycles:
        return
    assert found.residuals.max() < 1e-10
    assert not found.stable.any()
    # Areas shrink by .3 a step, so the multipliers multiply to (-.3)^k.
    product = found.multipliers.prod(dim=1).real
    assert torch.allclose(product, torch.full_like(product, (-0.3) ** period), rtol=1e-5)
    system = held(henon, 2)
    for orbit in found.orbits:
        assert torch.allclose(system(orbit), orbit.roll(-1, dims=0), atol=1e-9)
        apart = torch.pdist(orbit)
        assert period == 1 or apart.min() > 1e-3  # the period is minimal


def test_the_27_cycles_of_a_piecewise_linear_map() -> None:
    """One stable and one unstable, with the published radii."""
    starts = 6 * torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) - 3
    found = rd.find_cycles(held(piecewise(0.9777689, -0.14375, 0.52505308), 2), 27, starts)
    assert len(found) == 2
    assert found.multipliers[:, 0].abs().tolist() == pytest.approx([0.6932, 1.1320], abs=1e-3)
    assert found.stable.tolist() == [True, False]
    assert found.n_unstable.tolist() == [0, 1]


def test_the_box_gives_starts_and_the_index_sum() -> None:
    """Tanh(-2x) in the plane: F^2 is tanh(2 tanh(2x)) up to signs, 9 fixed points, 4 cycles of period 2."""
    found = rd.find_cycles(held(lambda h: torch.tanh(-2 * h), 2, box=1.0), 2)
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
    found = rd.find_cycles(held(logistic(r), 1), 2, starts)
    assert found.multipliers[:, 0].real.tolist() == pytest.approx([4 + 2 * r - r * r])
    root = math.sqrt((r + 1) * (r - 3))
    assert found.orbits[0].flatten().tolist() == pytest.approx([(r + 1 - root) / (2 * r), (r + 1 + root) / (2 * r)])


def test_a_continuum_of_roots_is_said() -> None:
    """Every state of h -> -h is back after two steps."""
    found = rd.find_cycles(held(lambda h: -h, 1), 2, torch.linspace(-1, 1, 100)[:, None])
    assert len(found) == 0
    assert "and a line of fixed points" in repr(found)


def test_saved_and_loaded(tmp_path) -> None:
    found = rd.find_cycles(held(henon, 2), 4, henon_starts()[:500])
    again = rd.load(rd.save(found, tmp_path / "cycles.safetensors"))
    assert repr(again) == repr(found)
    assert again._repr_html_() == found._repr_html_()


@pytest.mark.parametrize("period", [1, 2, 3, 6, 8])
def test_every_point_of_the_full_logistic_map(period: int) -> None:
    """At r = 4 F^k has 2^k fixed points, and all but 0 have multipliers of modulus 2^k."""
    starts = torch.linspace(0.003, 0.997, 400, dtype=torch.float64)[:, None]
    found = rd.find_cycles(held(logistic(4.0), 1), period, starts)
    assert found.n_roots == 2**period
    moduli = found.multipliers.abs().flatten().sort().values
    assert torch.allclose(moduli[: len(found) - (period == 1)], torch.tensor(2.0**period, dtype=torch.float64))


@pytest.mark.parametrize("gain", [5.0, 10.0])
@pytest.mark.parametrize("period", [6, 7, 8])
def test_fixed_points_of_a_steep_network_are_roots_of_every_iterate(gain: float, period: int) -> None:
    """Tanh(g x) beside tanh(-g y): 3 fixed points, and 9 roots of every even iterate, with multipliers to g^(2k)."""
    system = held(lambda h: torch.stack([torch.tanh(gain * h[..., 0]), torch.tanh(-gain * h[..., 1])], -1), 2, box=2.0)
    found = rd.find_cycles(system, period)
    assert found.n_roots == (3 if period % 2 else 9)
    assert len(found) == 0
    assert found.completeness.index_sum == 1
    assert "no sign of a missing point" in repr(found)
    two = rd.find_cycles(system, 2)
    assert (two.n_roots, len(two)) == (9, 3)


@pytest.mark.parametrize("gain", [5.0, 10.0])
def test_a_steep_random_network_against_brute_force(gain: float) -> None:
    """F^8 of tanh(g W x): roots from a grid of starts, by scipy, of the equation for all eight states."""
    weight = torch.randn(2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    system = held(lambda h: torch.tanh(gain * h @ weight.T), 2, box=2.0)
    found = rd.find_cycles(system, 8)

    matrix = gain * weight.numpy()

    def gaps(flat: np.ndarray) -> np.ndarray:
        orbit = flat.reshape(8, 2)
        return (np.tanh(np.roll(orbit, 1, axis=0) @ matrix.T) - orbit).ravel()

    roots: list[np.ndarray] = []
    for x in np.linspace(-1, 1, 15):
        for y in np.linspace(-1, 1, 15):
            orbit = [np.array([x, y])]
            for _ in range(7):
                orbit.append(np.tanh(matrix @ orbit[-1]))
            for guess in (np.concatenate(orbit), np.tile(orbit[0], 8)):
                solved = scipy.optimize.root(gaps, guess)
                end = solved.x[:2]
                if np.abs(gaps(solved.x)).max() < 1e-10 and all(np.abs(end - root).max() > 1e-6 for root in roots):
                    roots.append(end)
    assert found.n_roots == len(roots)
    assert found.completeness.index_sum == 1


def bump(gain: float, width: float):
    """Two steep units that see only s = w (h_1 - h_2) - w: s itself follows a one-humped, chaotic map."""

    def step(h):
        s = width * (h[..., 0] - h[..., 1] - 1)
        return torch.stack([torch.tanh(gain * (s + 0.5)), torch.tanh(gain * (s - 0.5))], -1)

    def scalar(s: np.ndarray) -> np.ndarray:
        return width * (np.tanh(gain * (s + 0.5)) - np.tanh(gain * (s - 0.5)) - 1)

    return step, scalar


@pytest.mark.parametrize("period", [4, 6, 8])
@pytest.mark.parametrize("gain", [5.0, 8.0])
def test_all_cycles_of_a_steep_chaotic_network(gain: float, period: int) -> None:
    """Up to 257 roots with multipliers to 7e5, against the changes of sign of a scalar map on a fine grid."""
    step, scalar = bump(gain, 0.9)
    found = rd.find_cycles(held(step, 2, box=2.0), period)
    grid = np.linspace(-2.2, 2.2, 2_000_001)
    image = grid
    for _ in range(period):
        image = scalar(image)
    below = image < grid
    assert found.n_roots == int((below[1:] != below[:-1]).sum())
    assert found.completeness.index_sum == 1
    assert found.residuals.max() < 1e-13
    # Every state of every cycle, also where one phase alone carries 1e-10 to the last.
    s = 0.9 * (found.orbits[..., 0] - found.orbits[..., 1] - 1).numpy()
    assert np.abs(scalar(s) - np.roll(s, -1, axis=1)).max() < 1e-12
    assert found.multipliers[:, 0].abs().max() > 100


def test_one_start_brings_its_whole_cycle_and_the_shorter_ones_before_the_verdict() -> None:
    """Tanh(-2x): from a start at one phase of the 2-cycle, without any further starts."""
    found = rd.find_cycles(held(lambda h: torch.tanh(-2 * h), 1, box=1.0), 2, [[0.9], [0.01]], extra_starts=0)
    assert (found.n_roots, len(found)) == (3, 1)
    assert found.completeness.index_sum == 1
    assert "implied by others" in {phase.starts_from for phase in found.completeness.rounds}
    # F^4 from the fixed point's neighbourhood alone: F^2, searched for first, gives nothing but 0 either.
    alone = rd.find_cycles(held(lambda h: torch.tanh(-2 * h), 1, box=1.0), 4, [[0.01]], extra_starts=0)
    assert (alone.n_roots, alone.completeness.index_sum) == (1, -1)


@pytest.mark.parametrize(("period", "n"), [(1, 3), (4, 3), (9, 13)])
def test_the_equation_for_all_states(period: int, n: int) -> None:
    """Its derivative, solving with it (eliminated by phases beyond 96 unknowns) and its eigenvalues."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = rd.as_map(nn.GRU(1, n, dtype=torch.float64)).hold()
        whole = PhaseMap(system, period)
        states = torch.randn(4, period * n, dtype=torch.float64)
        rhs = torch.randn(4, period * n, dtype=torch.float64)
    value, linearization = whole.linearize(states)
    jacobian = torch.func.vmap(torch.func.jacrev(whole))(states)
    identity = torch.eye(period * n, dtype=torch.float64)
    assert torch.allclose(value, whole(states))
    assert torch.allclose(linearization.dense(), jacobian, atol=1e-14)
    assert torch.allclose(linearization.apply(rhs[..., None]), jacobian @ rhs[..., None], atol=1e-13)
    for shift in (1.0, 1.4):
        solved = linearization.solve(rhs, torch.full((4,), shift, dtype=torch.float64))
        assert torch.allclose(solved, torch.linalg.solve(jacobian - shift * identity, rhs), atol=1e-9)
    # det(I - DG) = det(I - DF^k), and the eigenvalues are the k-th roots of the multipliers.
    turn = torch.linalg.det(torch.eye(n, dtype=torch.float64) - linearization.product)
    assert torch.allclose(torch.linalg.det(identity - jacobian), turn)
    moduli = linearization.eigenvalues().abs().sort().values
    assert torch.allclose(moduli, torch.linalg.eigvals(jacobian).abs().sort().values, atol=1e-4)
