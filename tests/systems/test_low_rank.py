"""Low-rank networks are searched in as many dimensions as their weight has: the results are those of the whole map."""

import numpy as np
import pytest
import scipy
import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.cells import LowRankRNN
from rnn_dynamics.stability import spectrum
from rnn_dynamics.systems import AutonomousMap, Linearization, WrappedMap

DOUBLE = torch.float64


class Whole(WrappedMap):
    """A map that does not tell how it can be reduced."""

    def __call__(self, states: Tensor) -> Tensor:
        return self.system(states)

    def linearize(self, states: Tensor) -> tuple[Tensor, Linearization]:
        return self.system.linearize(states)

    def ungated(self) -> AutonomousMap:
        return Whole(self.system.ungated())

    def input_jacobian(self, states: Tensor) -> Tensor | None:
        return self.system.input_jacobian(states)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def network(n: int = 60, rank: int = 2, gain: float = 2.0, **options) -> LowRankRNN:
    """One with several fixed points, since its factors overlap."""
    module = LowRankRNN(2, n, rank=rank, dtype=DOUBLE, **options)
    with torch.no_grad():
        module.weight_n_l0.copy_(gain * module.weight_m_l0 + torch.randn(n, rank))
        module.weight_ih_l0.mul_(0.05)
    return module


@pytest.mark.parametrize("leak", ["current", "outside"])
@pytest.mark.parametrize("alpha", [0.2, 1.0, "each"])
@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid", "softsign"])
def test_low_rank_is_full(leak, alpha, nonlinearity) -> None:
    each = torch.rand(60).clamp(min=0.1) if alpha == "each" else alpha
    system = rd.as_map(network(leak=leak, alpha=each, nonlinearity=nonlinearity, gain=12.0)).hold([0.1, 0.2])
    starts = torch.randn(64, 60, dtype=DOUBLE)
    points = rd.find_fixed_points(system, starts)
    # From the very points and from elsewhere, the search of the whole map finds these and no others.
    whole = rd.find_fixed_points(Whole(system), torch.cat([points.states + 1e-3, 3 * starts]), extra_starts=2048)
    assert len(points) == len(whole)
    assert points.index_sum == whole.index_sum == 1
    assert "searched in 2 dimensions instead of 60" in points.completeness.reason
    assert points.residuals.max() < 1e-13
    for row, state in enumerate(points.states):
        twin = int((whole.states - state).norm(dim=-1).argmin())
        assert (whole.states[twin] - state).abs().max() < 1e-9
        assert points.kinds[row].split()[0] == whole.kinds[twin].split()[0]
        assert points.n_unstable[row] == whole.n_unstable[twin]
        assert _matched(points.eigenvalues[row], whole.eigenvalues[twin]) < 1e-9
    assert (points.input_jacobians - system.input_jacobian(points.states)).abs().max() == 0
    assert points.hits.sum() == (points.labels >= 0).sum() <= 64
    modes, jacobians = points.eigenvalues.unsqueeze(1), system.jacobian(points.states).to(torch.complex128)
    right, left = points.right_eigenvectors, points.left_eigenvectors
    assert (jacobians @ right - right * modes).abs().max() < 1e-9
    assert (left.mH @ jacobians - left.mH * modes.mT).abs().max() < 1e-9
    assert ((left.mH @ right).diagonal(dim1=1, dim2=2) - 1).abs().max() < 1e-9
    assert (right.norm(dim=1) - 1).abs().max() < 1e-12


def _matched(one: Tensor, other: Tensor) -> float:
    """How far apart two spectra are, each eigenvalue given one of the other."""
    costs = (one.unsqueeze(1) - other).abs().numpy()
    return float(costs[scipy.optimize.linear_sum_assignment(costs)].max())


@pytest.mark.parametrize("leak", ["current", "outside"])
def test_every_start_of_the_whole_map_leads_to_a_point_that_is_known(leak) -> None:
    system = rd.as_map(network(leak=leak, alpha=0.5)).hold([0.3, -0.2])
    points = rd.find_fixed_points(system, torch.randn(32, 60, dtype=DOUBLE))
    assert len(points) >= 3
    states = 10 * torch.randn(300, 60, dtype=DOUBLE)
    for _ in range(600):
        states = system(states)
    stable = points.states[points.stable]
    nearest = torch.cdist(states, stable, compute_mode="donot_use_mm_for_euclid_dist").amin(dim=1)
    assert nearest.max() < 1e-8


def test_all_points_of_the_plane_by_scipy() -> None:
    module = network(n=40, alpha=0.3, gain=6.0)
    held = np.array([0.3, -0.2])
    m, n, u = (value.detach().numpy() for value in (module.weight_m_l0, module.weight_n_l0, module.weight_ih_l0))
    drive = u @ held + module.bias_ih_l0.detach().numpy()

    def gap(kappa: np.ndarray) -> np.ndarray:
        return n.T @ np.tanh(m @ kappa + drive) / 40 - kappa

    reach = np.abs(n).sum(axis=0) / 40
    roots: list[np.ndarray] = []
    for start in np.stack(np.meshgrid(*(np.linspace(-r, r, 15) for r in reach)), axis=-1).reshape(-1, 2):
        found = scipy.optimize.root(gap, start, tol=1e-13)
        if np.abs(gap(found.x)).max() < 1e-11 and all(np.abs(found.x - root).max() > 1e-6 for root in roots):
            roots.append(found.x)
    points = rd.find_fixed_points(rd.as_map(module).hold(held), torch.randn(16, 40, dtype=DOUBLE))
    assert len(points) == len(roots) > 1
    expected = torch.from_numpy(np.stack(roots) @ m.T + drive)
    assert torch.cdist(expected, points.states, compute_mode="donot_use_mm_for_euclid_dist").amin(dim=1).max() < 1e-9


def test_dynamics_on_the_plane_are_those_of_the_network() -> None:
    # Of currents the plane is invariant; what rates add up to never depends on anything else.
    for leak in ("current", "outside"):
        system = rd.as_map(network(leak=leak, alpha=0.3)).hold([0.1, 0.2])
        reduction = system.reduced()
        assert reduction is not None
        y = 2 * torch.randn(20, 2, dtype=DOUBLE)
        states = reduction.lift(y) if leak == "current" else torch.randn(20, 60, dtype=DOUBLE)
        y = reduction.lower(states)
        for _ in range(5):
            states, y = system(states), reduction.system(y)
        assert (reduction.lower(states) - y).abs().max() < 1e-12


def test_maps_that_are_not_reduced() -> None:
    assert rd.as_map(network(rank=2, leak="inside")).hold().reduced() is None
    assert rd.as_map(LowRankRNN(2, 5, rank=5)).hold().reduced() is None
    assert rd.as_map(LowRankRNN(2, 5, num_layers=2)).hold().reduced() is None
    assert rd.as_map(torch.nn.GRU(2, 5)).hold().reduced() is None
    behind = rd.as_map(network(), encoder=torch.nn.Linear(3, 2, dtype=DOUBLE)).hold([0.1, 0.2, 0.3])
    assert behind.reduced() is not None
    assert rd.find_fixed_points(behind, torch.randn(8, 60, dtype=DOUBLE)).index_sum == 1


def test_spectra_where_the_own_modes_are_degenerate() -> None:
    module = network(n=20, nonlinearity="relu", alpha=0.25)
    with torch.no_grad():
        module.bias_ih_l0.fill_(-5.0)  # no unit is active: DF = 1 - alpha, and T^T P = 0
    system = rd.as_map(module).hold()
    points = rd.find_fixed_points(system, torch.zeros(4, 20, dtype=DOUBLE))
    silent = points.states[(points.states + 5).abs().amax(dim=1) < 1e-9]
    assert len(silent) == 1
    assert (points.eigenvalues[0] - 0.75).abs().max() < 1e-12
    reduction = rd.as_map(network(n=20, rank=3)).hold().reduced()
    assert reduction is not None
    states = torch.randn(3, 20, dtype=DOUBLE)
    for modes in (1, 3, 7, 20):
        known = reduction.spectrum(states, modes)
        full = spectrum(rd.as_map(network(n=20, rank=3)).hold().jacobian(states), modes)
        assert known.right_eigenvectors.shape == full.right_eigenvectors.shape == (3, 20, modes)


def test_slow_points_and_lines_are_of_the_whole_map() -> None:
    # Just beyond a fold: rank 1, kappa' = 1.2 tanh(kappa + c) has a ghost where its roots met.
    module = LowRankRNN(1, 30, rank=1, alpha=0.5, dtype=DOUBLE)
    with torch.no_grad():
        module.weight_m_l0.fill_(1.0)
        module.weight_n_l0.fill_(1.6)
        module.weight_ih_l0.fill_(1.0)
    edge = float(np.arccosh(1.6**0.5) - 1.6 * np.tanh(np.arccosh(1.6**0.5)))
    system = rd.as_map(module).hold([-edge + 1e-4])
    points = rd.find_fixed_points(system, torch.linspace(-3, 3, 32, dtype=DOUBLE).unsqueeze(1).expand(32, 30))
    assert len(points) == 1
    assert len(points.slow) == 1
    slow = points.slow
    assert (slow.speeds - (system(slow.states) - slow.states).norm(dim=-1)).abs().max() == 0
    assert slow.speeds.max() < 1e-3
    assert slow.stable.all()
    assert slow.eigenvalues.shape == (1, 30)
    with torch.no_grad():  # a ring: rank 2, factors that turn with one another
        ring = LowRankRNN(1, 400, rank=2, alpha=0.5, bias=False, dtype=DOUBLE)
        angles = torch.arange(400, dtype=DOUBLE) * (2 * torch.pi / 400)
        ring.weight_m_l0.copy_(2.0 * torch.stack([angles.cos(), angles.sin()], dim=1))
        ring.weight_n_l0.copy_(2.0 * ring.weight_m_l0)
        ring.weight_ih_l0.zero_()
    system = rd.as_map(ring).hold()
    found = rd.find_fixed_points(system, torch.randn(64, 400, dtype=DOUBLE))
    (line,) = found.continua
    assert line.name == "ring attractor"
    assert (line.speeds - (system(line.states) - line.states).norm(dim=-1)).abs().max() == 0
    assert line.speeds.max() < 1e-9
    assert line.states.shape[1] == 400


def test_reduced_results_are_saved_and_chosen_from(tmp_path) -> None:
    points = rd.find_fixed_points(rd.as_map(network()).hold(), torch.randn(16, 60, dtype=DOUBLE))
    rd.save(points, tmp_path / "points.safetensors")
    assert torch.equal(rd.load(tmp_path / "points.safetensors").states, points.states)
    assert points[0].completeness.index_sum is None
