"""Networks of ReLUs, region by region, against solving every one of the 2^n patterns in NumPy."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import DaleRNN, LeakyRNN, LowRankRNN
from rnn_dynamics.roots import every_root
from rnn_dynamics.roots.arrangements import solved_regions
from rnn_dynamics.systems import HeldMap, Rectifiers

DOUBLE = torch.float64
ALL = 10**9


pytestmark = pytest.mark.usefixtures("seeded")


def brute_force(weight: np.ndarray, drive: np.ndarray) -> np.ndarray:
    """All h = relu(W h + c), [p, n]: each pattern of active units solved by itself, and kept if it is its own."""
    n, found = len(drive), []
    for active in itertools.product((False, True), repeat=n):
        z = np.linalg.solve(np.eye(n) - weight * np.array(active, float), drive)
        if np.array_equal(z > 0, active):
            found.append(np.maximum(z, 0.0))
    return np.array(found).reshape(-1, n)


def elman(weight: np.ndarray, drive: np.ndarray) -> HeldMap:
    module = nn.RNN(1, len(drive), nonlinearity="relu", dtype=DOUBLE)
    with torch.no_grad():
        module.weight_hh_l0.copy_(torch.from_numpy(weight))
        module.bias_ih_l0.copy_(torch.from_numpy(drive))
        module.bias_hh_l0.zero_()
    return rd.as_map(module).hold()


def same(found: Tensor | None, expected: np.ndarray) -> bool:
    """Whether two lists of points hold the same, in any order."""
    assert found is not None
    if len(found) != len(expected):
        return False
    gaps = np.abs(found.numpy()[:, None] - expected[None]).max(axis=2, initial=0)
    return bool(
        (gaps.min(axis=1, initial=np.inf if len(expected) else 0) <= 1e-9 * (1 + np.abs(expected).max(initial=0))).all()
    )


def test_known_counts_of_random_networks() -> None:
    counts = []
    for seed in range(40):
        draw = np.random.default_rng(seed)
        weight, drive = 1.2 * draw.standard_normal((6, 6)), 0.5 * draw.standard_normal(6)
        expected = brute_force(weight, drive)
        system = elman(weight, drive)
        assert same(every_root(system, ALL), expected)
        points = rd.find_fixed_points(system, torch.from_numpy(draw.standard_normal((4, 6))))
        assert same(points.states, expected)
        assert points.completeness.exhaustive
        assert points.completeness.verdict.startswith("all: every linear region was solved")
        counts.append(len(expected))
    assert min(counts) == 0
    assert max(counts) >= 4


@pytest.mark.parametrize("leak", ["outside", "inside", "current"])
@pytest.mark.parametrize("kind", [LeakyRNN, DaleRNN])
def test_leaky_networks(kind, leak) -> None:
    torch.manual_seed(3)
    module = kind(2, 7, alpha=0.3, leak=leak, nonlinearity="relu", dtype=DOUBLE)
    with torch.no_grad():
        module.weight_hh_l0.mul_(2.0)
    held = torch.tensor([1.0, -2.0], dtype=DOUBLE)
    (layer,) = rd.as_map(module).layers
    weight, drive = layer.recurrent_weight().detach().numpy(), layer.project(held).detach().numpy()
    rates = brute_force(weight, drive)
    expected = rates @ weight.T + drive if leak == "current" else rates
    points = rd.find_fixed_points(rd.as_map(module).hold(held), torch.zeros(1, 7))
    assert len(expected)
    assert same(points.states, expected)
    assert points.completeness.exhaustive


def test_layers_on_one_another() -> None:
    draw = np.random.default_rng(5)
    lower, upper, between = (1.2 * draw.standard_normal((3, 3)) for _ in range(3))
    module = nn.RNN(1, 3, num_layers=2, nonlinearity="relu", dtype=DOUBLE)
    for weight in module.parameters():
        nn.init.zeros_(weight)
    drives = 0.5 * draw.standard_normal(6)
    with torch.no_grad():
        module.weight_hh_l0.copy_(torch.from_numpy(lower))
        module.weight_hh_l1.copy_(torch.from_numpy(upper))
        module.weight_ih_l1.copy_(torch.from_numpy(between))
        module.bias_ih_l0.copy_(torch.from_numpy(drives[:3]))
        module.bias_hh_l1.copy_(torch.from_numpy(drives[3:]))
    weight = np.block([[lower, np.zeros((3, 3))], [between, upper]])
    assert same(every_root(rd.as_map(module).hold(), ALL), brute_force(weight, drives))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("n", "rank"), [(6, 1), (9, 1), (7, 2), (9, 2), (8, 3)])
def test_regions_of_low_rank(n, rank, seed) -> None:
    draw = np.random.default_rng(seed)
    outgoing, incoming = draw.standard_normal((rank, n)) * 2, draw.standard_normal((n, rank))
    drive = draw.standard_normal(n)
    equation = Rectifiers(*map(torch.from_numpy, (outgoing, incoming, drive)), torch.zeros(rank, dtype=DOUBLE))
    found = solved_regions(equation)
    assert found is not None
    roots = found[(equation.images(found) - found).norm(dim=1) < 1e-9]
    distinct: list[Tensor] = []
    for root in roots:
        if all((root - other).abs().max() > 1e-8 * (1 + root.abs().max()) for other in distinct):
            distinct.append(root)
    expected = brute_force(incoming @ outgoing, drive) @ outgoing.T
    assert same(torch.stack(distinct) if distinct else roots, expected)


@pytest.mark.parametrize("leak", ["outside", "current"])
def test_low_rank_networks_of_many_units(leak) -> None:
    module = LowRankRNN(1, 80, rank=2, nonlinearity="relu", leak=leak, dtype=DOUBLE)
    with torch.no_grad():
        module.weight_n_l0.copy_(2.4 * module.weight_m_l0 + 0.3 * torch.randn(80, 2))
        module.bias_ih_l0.normal_().sub_(0.7)
    system = rd.as_map(module).hold()
    points = rd.find_fixed_points(system, torch.zeros(1, 80, dtype=DOUBLE))
    assert points.completeness.exhaustive
    assert points.residuals.max() < 1e-12
    # By brute force over a grid of starts in the plane, in NumPy: Newton's method in the region of each.
    m, n, c = (value.detach().numpy() for value in (module.weight_m_l0, module.weight_n_l0, module.bias_ih_l0))
    roots: list[np.ndarray] = []
    for kappa in np.stack(np.meshgrid(*[np.linspace(-40, 40, 33)] * 2), axis=-1).reshape(-1, 2):
        for _ in range(20):
            active = m @ kappa + c > 0
            step = np.eye(2) - (n.T * active) @ m / 80
            kappa = np.linalg.solve(step, (n.T * active) @ c / 80)
        gap = n.T @ np.maximum(m @ kappa + c, 0) / 80 - kappa
        if np.abs(gap).max() < 1e-10 and all(np.abs(kappa - root).max() > 1e-6 for root in roots):
            roots.append(kappa)
    currents = np.stack(roots) @ m.T + c
    assert same(points.states, currents if leak == "current" else np.maximum(currents, 0))


def test_points_on_kinks_are_one_each() -> None:
    draw = np.random.default_rng(0)
    weight = draw.standard_normal((5, 5)) / 5
    points = rd.find_fixed_points(elman(weight, np.zeros(5)), torch.from_numpy(draw.standard_normal((4, 5))))
    assert len(points) == 1  # the origin, where all 32 regions meet
    assert points.kinds == ("marginal kink",)
    assert points.completeness.exhaustive


def test_singular_regions_leave_it_to_the_search() -> None:
    # h = relu(h): every positive state is a fixed point.
    system = elman(np.diag([1.0, 0.5]), np.zeros(2))
    assert every_root(system, ALL) is None
    points = rd.find_fixed_points(system, torch.rand(64, 2, dtype=DOUBLE))
    assert not points.completeness.exhaustive
    assert len(points.continua) == 1


def test_by_name_and_what_it_refuses() -> None:
    draw = np.random.default_rng(2)
    large = elman(draw.standard_normal((21, 21)) / 4, draw.standard_normal(21))
    starts = torch.zeros(1, 21, dtype=DOUBLE)
    searched = rd.find_fixed_points(large, starts)
    assert not searched.completeness.exhaustive
    solved = rd.find_fixed_points(large, starts, rd.LinearRegions(), extra_starts=0)
    assert solved.completeness.exhaustive
    assert len(solved) >= len(searched)
    with pytest.raises(ValueError, match=r"must have most=524288 or more for 21 units in 21 dimensions, got 1000"):
        rd.find_fixed_points(large, starts, rd.LinearRegions(most=1000))
    with pytest.raises(ValueError, match="solver LinearRegions must have a network of ReLUs, got RNN"):
        rd.find_fixed_points(rd.as_map(nn.RNN(1, 3)).hold(), torch.zeros(1, 3), rd.LinearRegions())
    none = rd.find_fixed_points(
        elman(draw.standard_normal((4, 4)) / 4, draw.standard_normal(4)), torch.zeros(1, 4), extra_starts=0
    )
    assert not none.completeness.exhaustive  # nothing was asked for beyond the starts
