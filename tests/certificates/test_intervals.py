"""Intervals hold what they are to hold: real numbers, by mpmath; values and slopes of maps at states of a box."""

from collections.abc import Callable, Iterator

import flint
import mpmath
import pytest
import torch
from flint import arb
from problems.maps import normal
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.certificates.intervals import Batches, Intervals, OverBalls, contracted, product
from rnn_dynamics.certificates.intervals.circular import cos, sin
from rnn_dynamics.certificates.intervals.exponential import exp, softplus
from rnn_dynamics.certificates.intervals.hyperbolic import sigmoid, tanh
from rnn_dynamics.enclosures import enclose

DOUBLE = torch.float64


def boxes(k: int, n: int, width: float, seed: int = 0) -> Intervals:
    middle = 1.5 * normal(k, n, seed=seed)
    return Intervals(middle - width, middle + width)


def inside(box: Intervals, seed: int) -> Tensor:
    share = torch.rand(box.lower.shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)
    return torch.lerp(box.lower, box.upper, share)


@pytest.mark.parametrize(("bounded", "exact"), [(tanh, mpmath.tanh), (sigmoid, lambda x: 1 / (1 + mpmath.exp(-x)))])
def test_hyperbolic_functions_hold_the_real_numbers(bounded, exact) -> None:
    points = torch.cat([normal(300) * 3, normal(50) * 1e-12, torch.tensor([-800.0, -20.0, 0.0, 19.999, 40.0]).double()])
    result = bounded(Intervals.exactly(points))
    with mpmath.workdps(40):
        for x, low, high in zip(points.tolist(), result.lower.tolist(), result.upper.tolist(), strict=True):
            assert mpmath.mpf(low) <= exact(mpmath.mpf(x)) <= mpmath.mpf(high)
    assert (result.upper - result.lower).max() < 3e-15


def wide(f: Callable[[Intervals], Intervals]) -> Iterator[tuple[float, float, float, float]]:
    """The ends of random intervals of all sizes and places, and what is said to hold the function over them."""
    generator = torch.Generator().manual_seed(0)
    size = 10.0 ** (4 * torch.rand(400, generator=generator, dtype=DOUBLE) - 2)
    middle = size * torch.randn(400, generator=generator, dtype=DOUBLE)
    width = 10.0 ** (18 * torch.rand(400, generator=generator, dtype=DOUBLE) - 16)
    width[::5] = 0.0
    box = Intervals(middle - width, middle + width)
    result = f(box)
    yield from zip(*ends_of(box), *ends_of(result), strict=True)


def between(lower: list[float], upper: list[float]) -> Intervals:
    return Intervals(torch.tensor(lower, dtype=DOUBLE), torch.tensor(upper, dtype=DOUBLE))


def ends_of(box: Intervals) -> tuple[list[float], list[float]]:
    return box.lower.tolist(), box.upper.tolist()


FUNCTIONS: dict[str, tuple[Callable[[Intervals], Intervals], Callable[[arb], arb]]] = {
    "exp": (exp, arb.exp),
    "softplus": (softplus, lambda x: x.exp().log1p()),
    "sin": (sin, arb.sin),
    "cos": (cos, arb.cos),
}


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_functions_hold_what_balls_hold(name: str) -> None:
    """At both ends, and at places between, in balls of 200 bits."""
    bounded, exact = FUNCTIONS[name]
    with flint.ctx.workprec(200):
        for low, high, below, above in wide(bounded):
            for share in (0.0, 0.1, 0.37, 0.5, 0.81, 1.0):
                value = exact(arb(low) + share * (arb(high) - arb(low)))
                assert not bool(value < below)
                assert not bool(value > above)


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_functions_are_hardly_wider_than_balls(name: str) -> None:
    bounded, exact = FUNCTIONS[name]
    points = 3 * normal(300)
    found = bounded(Intervals.exactly(points))
    value = torch.tensor([float(exact(arb(x))) for x in points.flatten().tolist()], dtype=DOUBLE).reshape(points.shape)
    assert ((found.upper - found.lower) <= 1e-14 * (1 + value.abs())).all()
    assert ((found.middle - value).abs() <= 1e-14 * (1 + value.abs())).all()


def test_extrema_and_infinite_ends() -> None:
    box = Intervals(
        torch.tensor([1.0, 4.0, -0.5, 0.0, -torch.inf, 1e7]).double(),
        torch.tensor([2.0, 5.0, 0.5, 7.0, 0.0, 1e7]).double(),
    )
    assert [(low == -1, high == 1) for low, high in zip(*ends_of(sin(box)), strict=True)] == [
        (False, True),
        (True, False),
        (False, False),
        (True, True),
        (True, True),
        (True, True),
    ]
    assert [(low == -1, high == 1) for low, high in zip(*ends_of(cos(box)), strict=True)] == [
        (False, False),
        (False, False),
        (False, True),
        (True, True),
        (True, True),
        (True, True),
    ]
    far = between([-torch.inf, -800.0, 750.0], [0.0, -750.0, torch.inf])
    low, high = ends_of(exp(far))
    assert low[:2] == [0.0, 0.0]
    assert 1e300 < low[2] < torch.inf
    assert 1 < high[0] < 1 + 1e-14
    assert 0 < high[1] < 1e-300
    assert high[2] == torch.inf
    low, high = ends_of(softplus(far))
    assert low[:2] == [0.0, 0.0]
    assert high[1] < 1e-14
    assert (low[2] <= 750, high[2]) == (True, torch.inf)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_softplus_is_torchs_across_its_threshold(beta: float) -> None:
    batches = Batches(lambda h: nn.functional.softplus(h, beta), 1)
    box = Intervals(
        torch.tensor([[1.0], [19.0 / beta], [25.0]]).double(), torch.tensor([[2.0], [21.0 / beta], [26.0]]).double()
    )
    value, slope = batches.linearize(box)
    for seed in range(5):
        states = inside(box, seed)
        image = nn.functional.softplus(states, beta)
        assert ((image >= value.lower - 1e-12) & (image <= value.upper + 1e-12)).all()
    assert slope.upper.flatten().isfinite().tolist() == [True, False, True]


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__mul__", "__truediv__"])
def test_elementary_operations_hold_the_real_numbers(operation: str) -> None:
    a, b = boxes(200, 1, 0.3, 1), boxes(200, 1, 1e-9, 2)
    result = getattr(a, operation)(b)
    with mpmath.workdps(60):
        for seed in range(3):
            x, y = inside(a, seed), inside(b, seed + 10)
            rows = zip(x.flatten(), y.flatten(), result.lower.flatten(), result.upper.flatten(), strict=True)
            for one, other, low, high in (map(float, row) for row in rows):
                value = getattr(mpmath.mpf(one), operation)(mpmath.mpf(other))
                assert mpmath.mpf(low) <= value <= mpmath.mpf(high)


def test_products_of_matrices_hold_the_real_numbers() -> None:
    a, b = normal(4, 30), 1e8 * normal(30, 3, seed=1)
    result = product("ij,jk->ik", Intervals.exactly(a), Intervals.exactly(b), 30)
    with mpmath.workdps(60):
        exact = mpmath.matrix(a.tolist()) * mpmath.matrix(b.tolist())
        for i in range(4):
            for k in range(3):
                assert mpmath.mpf(float(result.lower[i, k])) <= exact[i, k] <= mpmath.mpf(float(result.upper[i, k]))
    assert ((result.upper - result.lower) / result.upper.abs()).median() < 1e-12


def test_infinite_ends_are_no_numbers() -> None:
    endless = Intervals(torch.tensor([-torch.inf]).double(), torch.tensor([torch.inf]).double())
    zero, one = Intervals.exactly(torch.zeros(1).double()), Intervals.exactly(torch.ones(1).double())
    assert (endless * zero).lower == (endless * zero).upper * 0 - 1e-300 or (endless * zero).upper < 1e-200
    for whole in (endless - endless, endless * one, one / Intervals(-one.lower, one.upper)):
        assert whole.lower == -torch.inf
        assert whole.upper == torch.inf
    weights = Intervals.exactly(torch.tensor([[0.0, 2.0], [1.0, 0.0]]).double())
    half = Intervals(torch.tensor([[-torch.inf, 0.5]]).double(), torch.tensor([[torch.inf, 0.5]]).double())
    image = product("ij,jk->ik", half, weights, 2)
    assert image.upper[0, 0] < 1.0
    assert image.upper[0, 1] == torch.inf


def maps() -> dict[str, rd.AutonomousMap]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        modules = [
            nn.RNN(1, 3),
            nn.GRU(1, 3),
            nn.LSTM(1, 2),
            nn.GRU(1, 2, num_layers=2),
            nn.RNN(1, 3, nonlinearity="relu"),
        ]
        modules += [rd.cells.MGU(1, 3), rd.cells.BRC(1, 3), rd.cells.NBRC(1, 3), rd.cells.LowRankRNN(1, 6, rank=2)]
        for module in modules:
            for weight in module.parameters():
                weight.data.mul_(2.0)
    held = {f"{type(m).__name__} {i}": rd.as_map(m).hold([0.3]) for i, m in enumerate(modules)}
    held["function"] = rd.as_map(
        lambda h, _: torch.stack([h[0] * h[1], h[0] ** 2 - h[1].abs()]).tanh() / (2 + h[0]), 2, 0
    ).hold()
    return held | {f"{name} ungated": system.ungated() for name, system in held.items()}


MAPS = maps()


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("width", [0.0, 1e-3, 0.4])
def test_values_and_slopes_hold_those_of_states_in_the_box(name: str, width: float) -> None:
    system = MAPS[name]
    box = boxes(20, system.state_size, width)
    box = Intervals(box.lower.clamp(min=-1.5), box.upper.clamp(min=-1.5))  # 2 + h of the function is above 0
    value, slope = Batches(system, system.state_size).linearize(box)
    for seed in range(5):
        states = inside(box, seed)
        image, jacobian = system(states), system.jacobian(states)
        assert ((image > value.lower - 1e-12) & (image < value.upper + 1e-12)).all()
        assert ((jacobian > slope.lower - 1e-12) & (jacobian < slope.upper + 1e-12)).all()
    if width == 0.0:
        assert (value.width.max() < 1e-12 and slope.width.max() < 1e-11) or "relu" in name


@pytest.mark.parametrize("name", ["GRU 1", "LSTM 2", "RNN 0"])
def test_two_arithmetics_agree(name: str) -> None:
    system = MAPS[name]
    box = boxes(4, system.state_size, 0.0)
    fast, slow = Batches(system, system.state_size), OverBalls(enclose(system))
    for one, other in zip(fast.linearize(box), slow.linearize(box), strict=True):
        assert (one.lower <= other.upper).all()
        assert (other.lower <= one.upper).all()


def test_along_a_chord_slopes_are_held_and_narrower_than_over_its_box() -> None:
    system = MAPS["GRU 1"]
    law = Batches(system, 3)
    middle, half, radii = 0.3 * normal(10, 3), 0.1 * normal(10, 3, seed=1), torch.full((10, 3), 1e-3, dtype=DOUBLE)
    value, slopes = law.along(Intervals.exactly(middle), Intervals.exactly(half), radii)
    assert ((system(middle) >= value.lower - 1e-12) & (system(middle) <= value.upper + 1e-12)).all()
    for s in torch.linspace(-1, 1, 7).tolist():
        states = middle + s * half + radii * torch.rand(10, 3, generator=torch.Generator().manual_seed(3))
        jacobian = system.jacobian(states)
        assert ((jacobian > slopes.lower[:, :, 1:] - 1e-12) & (jacobian < slopes.upper[:, :, 1:] + 1e-12)).all()
        along = (jacobian @ half.unsqueeze(-1)).squeeze(-1)
        assert ((along > slopes.lower[:, :, 0] - 1e-12) & (along < slopes.upper[:, :, 0] + 1e-12)).all()
    reach = half.abs() + radii
    _, over_box = law.linearize(Intervals(middle - reach, middle + reach))
    assert slopes[:, :, 1:].width.mean() < 0.9 * over_box.width.mean()


def test_contraction_loses_no_fixed_point() -> None:
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), 2, 0).hold()
    root = 0.9575040240772687
    roots = torch.cartesian_prod(*[torch.tensor([-root, 0.0, root], dtype=DOUBLE)] * 2)
    corners = torch.rand(2, 400, 2, generator=torch.Generator().manual_seed(0), dtype=DOUBLE) * 2 - 1
    box = Intervals(corners.amin(0), corners.amax(0))
    left, _ = contracted(Batches(system, 2), box)
    for point in roots:
        before = ((box.lower < point - 1e-9) & (box.upper > point + 1e-9)).all(dim=-1)
        after = ((left.lower <= point + 1e-12) & (left.upper >= point - 1e-12)).all(dim=-1)
        assert (after | ~before).all()
