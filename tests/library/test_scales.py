"""A large coordinate hides no small one, and small units do not vanish."""

import pytest
import torch
from problems.maps import held, normal
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import bifurcation_diagram, continue_bifurcation, continue_fixed_point
from rnn_dynamics.continuation import follow
from rnn_dynamics.systems import HeldMap, relative, units_of, walk_units

DOUBLE = torch.float64


@pytest.mark.parametrize("large", [1.0, 1e5, 1e6, 1e8, 1e12])
@pytest.mark.parametrize("where", ["at zero", "spread", "at the large one"])
def test_three_points_beside_a_large_coordinate(large: float, where: str) -> None:
    """X' = x + .3 (K - x), y' = y + .2 (y - y^3): (K, -1), (K, 1) stable with .7 and .6, (K, 0) a saddle with 1.2."""

    def step(h: Tensor) -> Tensor:
        x, y = h[..., 0], h[..., 1]
        return torch.stack([x + 0.3 * (large - x), y + 0.2 * (y - y**3)], dim=-1)

    starts = normal(64, 2)
    if where == "spread":
        starts = starts * torch.tensor([large, 1.0], dtype=DOUBLE)
    elif where == "at the large one":
        starts = starts + torch.tensor([large, 0.0], dtype=DOUBLE)
    points = rd.find_fixed_points(held(step, 2), starts)
    assert len(points) == 3
    assert points.kinds == ("stable node", "stable node", "saddle")
    assert (points.states[:, 0] / large - 1).abs().max() < 1e-13
    assert (points.states[:, 1] - torch.tensor([-1.0, 1.0, 0.0])).abs().max() < 1e-13
    wanted = torch.tensor([[0.7, 0.6], [0.7, 0.6], [1.2, 0.7]], dtype=DOUBLE)
    assert (points.eigenvalues.real - wanted).abs().max() < 1e-12


@pytest.mark.parametrize("unit", [1e9, 1.0, 1e-3, 1e-6, 1e-9, 1e-12])
def test_three_points_in_any_unit(unit: float) -> None:
    """H' = h + .2 (h - h^3 / s^2): -s and s stable with .6, 0 unstable with 1.2, from starts of order s."""
    points = rd.find_fixed_points(held(lambda h: h + 0.2 * (h - h**3 / unit**2), 1), unit * normal(64, 1))
    assert points.kinds == ("stable node", "stable node", "unstable node")
    assert (points.states[:, 0] / unit - torch.tensor([-1.0, 1.0, 0.0])).abs().max() < 1e-13
    assert (points.eigenvalues[:, 0].real - torch.tensor([0.6, 0.6, 1.2], dtype=DOUBLE)).abs().max() < 1e-12
    assert points.index_sum is None
    assert int(points.hits.sum()) == 64


def test_a_declared_box_of_small_size_justifies_the_index_sum() -> None:
    unit = 1e-9
    box = (torch.tensor([-1.5 * unit]), torch.tensor([1.5 * unit]))
    system = rd.as_map(lambda h, _: h + 0.2 * (h - h**3 / unit**2), 1, 0, box=box).hold()
    points = rd.find_fixed_points(system, unit * normal(64, 1))
    assert len(points) == 3
    assert points.index_sum == 1


def test_points_of_one_size_beside_starts_of_another() -> None:
    """The same map at s = 1e-6, from starts of order 1."""
    points = rd.find_fixed_points(held(lambda h: h + 0.2 * (h - h**3 / 1e-12), 1), normal(64, 1))
    assert points.kinds == ("stable node", "stable node", "unstable node")


def test_a_coordinate_that_drifts_without_end_is_no_fixed_point() -> None:
    """X' = x + 1 beside y that rests at 1e7, 1e12 or 1e30: nothing is fixed."""
    for large in (1e7, 1e12, 1e30):

        def step(h: Tensor, large: float = large) -> Tensor:
            return torch.stack([h[..., 0] + 1e-3, 0.5 * h[..., 1] + 0.5 * large], dim=-1)

        starts = normal(32, 2) + torch.tensor([0.0, large], dtype=DOUBLE)
        points = rd.find_fixed_points(held(step, 2), starts)
        assert len(points) == 0
        assert not any("fixed" in repr(continuum) for continuum in points.continua)


def _counting_lstm(forget: float) -> nn.LSTM:
    """Cell 0 adds about 1 a step and keeps all but exp(-forget) of it; unit 1 is bistable, whatever cell 0 holds."""
    with torch.random.fork_rng():
        module = nn.LSTM(1, 2, dtype=DOUBLE)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.bias_ih_l0.copy_(torch.tensor([30.0, 3.0, forget, -3.0, 30.0, 0.0, 30.0, 3.0]))  # i, f, g, o by unit
        module.weight_hh_l0[5, 1] = 4.0
    return module


def test_an_lstm_with_a_full_cell_beside_a_bistable_one() -> None:
    """C_0 rests at i g / (1 - f), about 1e6; unit 1 has two memories and a saddle between them."""
    module = _counting_lstm(13.8)
    points = rd.find_fixed_points(rd.as_map(module).hold(), normal(64, 4), max_steps=200)
    filled = torch.sigmoid(torch.tensor(30.0, dtype=DOUBLE)) * torch.tanh(torch.tensor(30.0, dtype=DOUBLE))
    filled = filled / torch.sigmoid(torch.tensor(-13.8, dtype=DOUBLE))
    assert len(points) == 3
    assert (points.states[:, 2] / filled - 1).abs().max() < 1e-6
    assert points.n_unstable.tolist() == [0, 0, 1]
    assert abs(float(points.states[0, 1] + points.states[1, 1])) < 1e-9
    assert float(points.states[:2, 1].abs().min()) > 0.5


def test_a_smooth_point_far_out_is_on_no_kink() -> None:
    """At h of 1e5 and more DF was compared over a stretch of the map's own width."""
    for large in (1e5, 1e8):
        system = held(lambda h, large=large: large + torch.tanh(2 * (h - large)), 1)
        points = rd.find_fixed_points(system, large + normal(64, 1))
        assert points.kinds == ("stable node", "stable node", "unstable node")


def test_units_follow_the_order_of_the_starts_and_not_the_starts() -> None:
    system = held(lambda h: 0.5 * h, 3)
    starts = normal(100, 3) * torch.tensor([1e-8, 1.0, 1e5], dtype=DOUBLE)
    units = units_of(system, starts)
    assert torch.equal(units_of(system, normal(100, 3)), units_of(system, normal(20, 3, seed=1)))
    assert units[1] == 1.0
    assert ((units / torch.tensor([1e-8, 1.0, 1e5])).log2().abs() <= 3).all()
    far = torch.cat([starts, torch.full((5, 3), 1e20, dtype=DOUBLE)])
    assert torch.equal(units, units_of(system, far))
    shifted = held(lambda h: 0.5 * h + torch.tensor([300.0, 0.0, 0.0], dtype=DOUBLE), 3)
    assert units_of(shifted, torch.zeros(4, 3, dtype=DOUBLE)).tolist() == [64.0, 1.0, 1.0]
    here = torch.tensor([[0.0, 2.0, 1e6]], dtype=DOUBLE)
    assert float(relative(torch.tensor([[0.0, 1e-3, 1.0]]), here, torch.ones(3))) == pytest.approx(5e-4)


@pytest.mark.parametrize("unit", [1e9, 1.0, 1e-3, 1e-6, 1e-9, 1e-12])
def test_a_cycle_in_any_unit(unit: float) -> None:
    """H' = -h - .2 (h - h^3 / s^2): F^2 has five fixed points: 0, +- s, an unstable pair, and -+ s sqrt(11) cycles."""
    system = held(lambda h: -h - 0.2 * (h - h**3 / unit**2), 1)
    cycles = rd.find_cycles(system, 2, unit * normal(64, 1))
    assert cycles.n_roots == 5
    assert (cycles.orbits[0, :, 0].sort().values / unit - torch.tensor([-1.0, 1.0])).abs().max() < 1e-13
    assert (cycles.multipliers[0, 0] - 0.36).abs() < 1e-12


@pytest.mark.parametrize(
    ("offset", "unit"), [(0.0, 1e-9), (0.0, 1e5), (0.0, 1e9), (1e4, 1.0), (1e8, 1.0), (1e9, 1.0), (1.0, 1e-8)]
)
def test_a_diagram_in_any_unit_and_beside_a_large_coordinate(offset: float, unit: float) -> None:
    """A pitchfork at p = 0 whose arms are y = +- s sqrt(p), beside a coordinate that rests at the offset."""

    def step(h: Tensor, p: Tensor) -> Tensor:
        x, y = h[..., :1], h[..., 1:]
        return torch.cat([x + 0.3 * (offset - x), y + 0.2 * (p * y - y**3 / unit**2)], dim=-1)

    starts = unit * normal(16, 2) + torch.tensor([offset, 0.0], dtype=DOUBLE)
    family = rd.as_map(step, state_size=2, input_size=1).input_family(0)
    diagram = bifurcation_diagram(family, starts, (-1.0, 1.1), sections=0)
    ((_, point),) = diagram.distinct_points
    assert (point.kind, point.criticality, point.detail) == ("branch point", "supercritical", "pitchfork")
    assert abs(point.parameter) < 2e-8
    assert point.coefficient * unit**2 == pytest.approx(-0.2, rel=1e-6)
    assert diagram.counts.tolist() == [1, 3]
    assert diagram.stable_counts.tolist() == [1, 2]
    arms = torch.cat([branch.near(0.81) for branch in diagram.branches])[:, 1].sort().values / unit
    assert (arms - torch.tensor([-0.9, 0.0, 0.9], dtype=DOUBLE)).abs().max() < 1e-5


@pytest.mark.parametrize("unit", [1e9, 1e4, 1.0, 1e-4, 1e-9])
def test_points_are_followed_in_any_unit(unit: float) -> None:
    """Y' = y + .2 (c(t) + y - y^3) beside a state of 1e4 or more: two meet in the fold at c = 2 / sqrt(27)."""
    sizes = unit * torch.tensor([1e4, 1.0], dtype=DOUBLE)

    def step(h: Tensor, c: Tensor) -> Tensor:
        x, y = (h / sizes)[..., :1], (h / sizes)[..., 1:]
        return sizes * torch.cat([0.7 * x + 0.3 + 0.1 * y, y + 0.2 * (c + y - y**3)], dim=-1)

    family = rd.as_map(step, state_size=2, input_size=1).input_family(0)
    ys = torch.tensor([-1.0, 0.0, 1.0], dtype=DOUBLE)
    points = sizes * torch.stack([1 + ys / 3, ys], dim=1)
    followed = follow(family, points, 0.0, 1.0)
    assert followed.outcomes == ("fold", "fold", "arrived")
    assert (followed.parameters[:2] - 2 / 27**0.5).abs().max() < 1e-8
    for row, partner in ((0, 1), (1, 0)):
        assert ((followed.ends[row] - points[partner]) / sizes).abs().max() < 1e-6
    assert (followed.fold_states[:2, 1] / unit + 1 / 3**0.5).abs().max() < 1e-6
    assert [special.kind for special in followed.crossings[0]] == ["fold"]
    y = float(followed.ends[2, 1]) / unit
    assert 1 + y - y**3 == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("unit", [1e9, 1e4, 1.0, 1e-4, 1e-9])
def test_a_cusp_in_any_unit(unit: float) -> None:
    """H' = h + .2 (q h - h^3 / s^2 + p s): folds at p = +- 2 sqrt(q^3 / 27), a cusp at 0 of coefficient 0."""

    def step(h: Tensor, x: Tensor) -> Tensor:
        return h + 0.2 * (x[..., 1:] * h - h**3 / unit**2 + x[..., :1] * unit)

    network = rd.as_map(step, state_size=1, input_size=2).frozen(DOUBLE)

    def family(p: float, q: float) -> HeldMap:
        return HeldMap(network, torch.tensor([p, q], dtype=DOUBLE))

    branch = continue_fixed_point(lambda p: family(p, 1.0), [1.3 * unit], (1.0, -1.0))
    fold = next(point for point in branch.special_points if point.kind == "fold")
    assert abs(abs(fold.parameter) - 2 / 27**0.5) < 1e-8
    assert fold.coefficient * unit == pytest.approx(0.6 / 3**0.5, rel=1e-6)
    curve = continue_bifurcation(family, fold, ((-1.0, 1.0), (-0.5, 1.2)), at=1.0)
    (cusp,) = curve.codimension_two
    assert cusp.kind == "cusp"
    assert cusp.parameters.abs().max() < 1e-6
    p, q = curve.parameters.T
    assert (p**2 - 4 * q**3 / 27).abs().max() < 1e-8
    assert (curve.coefficients.abs() * unit - 0.6 * (q.clamp(min=0) / 3).sqrt()).abs().max() < 1e-4


def test_walks_of_ordinary_networks_have_no_units() -> None:
    """Nothing is scaled where units fire between -1 and 1, or where a small start says little of the map."""
    with torch.random.fork_rng():
        tanh = rd.as_map(nn.RNN(1, 3, dtype=DOUBLE)).hold()
    plain = held(lambda h: 0.5 * h, 3)
    near_zero = torch.tensor([[1e-8, 0.0, 0.4]], dtype=DOUBLE)
    for system in (tanh, plain):
        for states in (near_zero, torch.zeros(1, 3, dtype=DOUBLE), 1e-13 * torch.ones(1, 3, dtype=DOUBLE)):
            assert walk_units(system, states).tolist() == [1.0, 1.0, 1.0]
    assert walk_units(plain, 1e-9 * torch.ones(1, 3, dtype=DOUBLE)).max() < 1e-8
    many = normal(64, 3) * torch.tensor([1e-8, 1.0, 1e4], dtype=DOUBLE)
    assert (walk_units(plain, many, sampled=True).log2() - many.std(dim=0).log2()).abs().max() <= 3.5
