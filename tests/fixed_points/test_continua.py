"""Lines, rings and sheets of fixed points, as closed forms have them, from however few starts; and slow clouds."""

import math

import pytest
import torch
from problems.maps import held, normal
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.fixed_points import Continuum
from rnn_dynamics.fixed_points.continua import describe, fades_out
from rnn_dynamics.fixed_points.growing import grow_continua
from rnn_dynamics.systems import AutonomousMap

DOUBLE = torch.float64
STARTS = [16, 64, 256, 1024]


def ring(h: Tensor) -> Tensor:
    """The unit circle, with 1/2 across it."""
    return h * (1 + 0.5 * (1 - h.norm(dim=-1, keepdim=True)))


def crossing(h: Tensor) -> Tensor:
    """Both axes."""
    x, y = h[..., :1], h[..., 1:]
    return torch.cat([x - 0.2 * x * y**2, y - 0.2 * x**2 * y], dim=-1)


def infections(h: Tensor, b: float = 0.5, g: float = 0.2) -> Tensor:
    """Susceptibles and infected with their sum conserved: fixed where there are no infected, or where b S = g."""
    s, i = h[..., :1], h[..., 1:]
    return torch.cat([s - b * s * i + g * i, i + b * s * i - g * i], dim=-1)


def clipped(h: Tensor) -> Tensor:
    """The diagonal from 0 to 1: a line with two ends of a network of clipped rectifiers."""
    return (0.5 * h.sum(dim=-1, keepdim=True)).clamp(0, 1).expand(h.shape)


def check(continuum: Continuum, system: AutonomousMap, distance) -> None:
    """Samples are fixed points to rounding, on the set that they should be on."""
    assert (system(continuum.states) - continuum.states).norm(dim=-1).max() < 1e-13
    assert distance(continuum.states).abs().max() < 1e-9
    assert continuum.transverse is not None
    assert len(continuum.transverse) == len(continuum.states)


@pytest.mark.parametrize("k", STARTS)
def test_a_ring_is_one_ring_from_any_number_of_starts(k: int) -> None:
    system = held(ring, 2)
    (found,) = rd.find_fixed_points(system, normal(k, 2, seed=k)).continua
    check(found, system, lambda h: h.norm(dim=-1) - 1)
    assert found.shape == "ring"
    assert found.name == "ring attractor"
    assert torch.allclose(found.transverse, torch.tensor(0.5, dtype=DOUBLE), atol=1e-9)
    # All the way round, without a gap.
    angles = torch.atan2(found.states[:, 1], found.states[:, 0]).sort().values
    assert torch.cat([angles, angles[:1] + 2 * math.pi]).diff().max() < 0.3


@pytest.mark.parametrize("k", STARTS)
def test_a_line_with_ends_is_one_line_between_them(k: int) -> None:
    system = held(clipped, 2)
    points = rd.find_fixed_points(system, normal(k, 2, seed=k))
    (found,) = points.continua
    check(found, system, lambda h: h[:, 0] - h[:, 1])
    assert len(points) == 0  # its ends are no points of their own
    assert (found.shape, found.ends, found.hits) == ("line", ("edge", "edge"), k)
    assert sorted([float(found.states[0, 0]), float(found.states[-1, 0])]) == pytest.approx([0, 1], abs=1e-8)
    steps = found.states[:, 0].diff()
    assert (steps > 0).all() or (steps < 0).all()


@pytest.mark.parametrize("k", STARTS)
def test_a_half_line_ends_at_its_corner_and_goes_on_beyond_the_starts(k: int) -> None:
    system = held(lambda h: torch.relu(0.5 * h.sum(dim=-1, keepdim=True)).expand(h.shape), 2)
    points = rd.find_fixed_points(system, normal(k, 2, seed=k))
    (found,) = points.continua
    check(found, system, lambda h: h[:, 0] - h[:, 1])
    assert len(points) == 0
    assert set(found.ends) == {"edge", "beyond"}
    assert float(found.states[:, 0].min()) == pytest.approx(0, abs=1e-8)
    assert "goes on beyond" in repr(found)


@pytest.mark.parametrize("k", STARTS)
@pytest.mark.parametrize("step", [crossing, infections])
def test_two_crossing_lines_are_two_lines(step, k: int) -> None:
    system = held(step, 2)
    points = rd.find_fixed_points(system, normal(k, 2, seed=k))
    assert [found.shape for found in points.continua] == ["line", "line"]
    assert len(points) == 0
    place = 0.4 if step is infections else 0.0
    lines = sorted(points.continua, key=lambda found: float(found.states[:, 0].std()))
    for found, distance in zip(lines, (lambda h: h[:, 0] - place, lambda h: h[:, 1]), strict=True):
        check(found, system, distance)
        assert found.crossings.shape == (1, 2)
        assert found.crossings[0].tolist() == pytest.approx([place, 0], abs=1e-6)
    if step is infections:  # across the line without infected the eigenvalue is 1 + b S - g
        expected = (1 + 0.5 * lines[1].states[:, 0] - 0.2).abs()
        assert torch.allclose(lines[1].transverse, expected, atol=1e-9)


@pytest.mark.parametrize("k", STARTS)
def test_a_sphere_and_a_plane_are_one_sheet(k: int) -> None:
    sphere = held(ring, 3)
    (found,) = rd.find_fixed_points(sphere, normal(k, 3, seed=k)).continua
    check(found, sphere, lambda h: h.norm(dim=-1) - 1)
    assert found.dimension == 2
    # No cap of 30 degrees anywhere is without a sample.
    probes = torch.nn.functional.normalize(normal(500, 3, seed=1), dim=-1)
    assert (probes @ found.states.T).amax(dim=1).min() > math.cos(math.pi / 6)
    scale = torch.tensor([1.0, 1.0, 0.5, 0.2], dtype=DOUBLE)
    (found,) = rd.find_fixed_points(held(lambda h: h * scale, 4), normal(k, 4, seed=k)).continua
    assert found.dimension == 2
    assert found.ends == ("beyond", "beyond")
    assert torch.allclose(found.transverse, torch.tensor(0.5, dtype=DOUBLE))


def test_units_do_not_matter() -> None:
    """The unit circle where one coordinate is counted in millions and the other in millionths."""
    units = torch.tensor([1e6, 1e-6], dtype=DOUBLE)
    system = held(lambda h: ring(h / units) * units, 2)
    (found,) = rd.find_fixed_points(system, normal(200, 2) * units).continua
    assert found.shape == "ring"
    assert ((found.states / units).norm(dim=-1) - 1).abs().max() < 1e-9


def test_continua_beyond_the_samples_are_found_from_one_point() -> None:
    system = held(ring, 2)
    one = torch.tensor([[0.6, 0.8]], dtype=DOUBLE)
    grown = grow_continua(system, one, torch.tensor([True]), torch.ones(2, dtype=DOUBLE))
    assert [found.shape for found in grown.continua] == ["ring"]
    assert grown.owner.tolist() == [0]


@pytest.mark.parametrize(
    ("step", "n"),
    [
        (lambda h: h + torch.exp(-h), 1),
        (lambda h: h + torch.sigmoid(-5 * h), 1),
        (lambda h: h + 1 / torch.cosh(h), 1),
        (lambda h: h + torch.exp(-h), 2),
    ],
    ids=["exp", "sigmoid", "cosh", "sheet"],
)
def test_where_a_map_fades_out_there_is_no_continuum(step, n: int) -> None:
    """Far out F(h) - h is rounding and DF = I: only how it gets there tells it from a line of fixed points."""
    system = held(step, n)
    states = 38.0 + 2 * torch.rand(12, n, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    if "sigmoid" in repr(step):
        states = states / 5
    grown = grow_continua(system, states, torch.ones(12, dtype=torch.bool), torch.full((n,), 10.0, dtype=DOUBLE))
    assert grown.continua == ()
    assert grown.fading.all()


def test_a_trend_of_residuals_is_told_from_rounding() -> None:
    states = torch.linspace(0, 9, 40, dtype=DOUBLE)[:, None]
    noise = 1e-16 * torch.rand(40, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    assert not fades_out(states, noise)
    assert fades_out(states, 1e-11 * torch.exp(-states[:, 0]) + noise)


def test_an_isolated_degenerate_point_is_no_continuum() -> None:
    for step, power in ((torch.tanh, 3), (lambda h: h - h**7, 7)):
        at = torch.zeros(1, 1, dtype=DOUBLE)
        grown = grow_continua(held(step, 1), at, torch.tensor([True]), torch.ones(1, dtype=DOUBLE))
        assert grown.continua == (), power
        assert not grown.fading.any(), power


# Slow points ---------------------------------------------------------------------------------------------------------


def cloud(*widths: float, k: int = 300) -> Tensor:
    uniform = torch.rand(k, len(widths), generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    basis = torch.linalg.qr(normal(len(widths), len(widths), seed=3))[0]
    return (uniform - 0.5) * torch.tensor(widths, dtype=DOUBLE) @ basis


@pytest.mark.parametrize(
    ("widths", "dimension"), [((1.0, 0.1, 0.02), 1), ((1.0, 0.9, 0.02), 2), ((1.0, 0.5, 0.02), 2), ((1, 0.8, 0.9), 3)]
)
def test_a_thin_cloud_is_a_line_by_its_variance(widths: tuple[float, ...], dimension: int) -> None:
    """A uniform cloud of widths w has variances w^2 / 12: of 1 and 0.1 the first component holds 99 %."""
    states = cloud(*widths)
    found = describe(states, torch.full((len(states),), 1e-4, dtype=DOUBLE), 0)
    assert found.dimension == dimension
    squares = torch.tensor(widths, dtype=DOUBLE).square()
    expected = (squares / squares.sum()).sort(descending=True).values
    assert torch.allclose(found.variances, expected, atol=0.05)


def test_a_slow_line_is_named_a_line_attractor() -> None:
    """X drifts by 1e-3 sin, y and z decay at once: slow points along x, not exactly on it."""
    step = lambda h: torch.cat([h[..., :1] + 1e-4 * torch.sin(3 * h[..., :1]), 0.5 * h[..., 1:]], dim=-1)  # noqa: E731
    states = cloud(3.0, 0.2, 0.05) @ torch.linalg.qr(normal(3, 3, seed=3))[0].T
    found = describe(states, (step(states) - states).norm(dim=-1), 12, held(step, 3))
    assert (found.dimension, found.name) == (1, "line attractor")
    assert "line attractor of slow points, speed <= " in repr(found)
    assert "% of the variance in 1 dimension" in repr(found)
    assert found.attracting == 1
    assert torch.allclose(found.transverse, torch.tensor(0.5, dtype=DOUBLE))
    repelling = describe(
        states,
        torch.full((300,), 1e-4, dtype=DOUBLE),
        12,
        held(lambda h: step(h) * 3 - 2 * h * torch.tensor([1.0, 0, 0], dtype=DOUBLE), 3),
    )
    assert repelling.name == "line"


def test_a_ring_keeps_its_dimension() -> None:
    angles = torch.linspace(0, 2 * math.pi, 61, dtype=DOUBLE)[:-1]
    states = torch.stack([angles.cos(), angles.sin()], dim=1)
    found = describe(states, torch.full((60,), 1e-3, dtype=DOUBLE), 0)
    assert (found.dimension, found.closed, found.shape) == (1, True, "ring")


def test_scalars_declare_a_box_for_every_coordinate() -> None:
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=3, input_size=0, box=(-1, 1)).hold()
    assert system.box.lower.tolist() == [-1, -1, -1]
    assert system.box.upper.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="box"):
        rd.as_map(lambda h, _: h, state_size=3, input_size=0, box=(1, -1))
    with pytest.raises(ValueError, match="box"):
        rd.as_map(lambda h, _: h, state_size=3, input_size=0, box=(-1, "one"))


def test_continua_are_kept(tmp_path) -> None:
    points = rd.find_fixed_points(held(infections, 2), normal(32, 2))
    again = rd.load(rd.save(points, tmp_path / "points.safetensors"))
    assert repr(again) == repr(points)
    for one, other in zip(again.continua, points.continua, strict=True):
        assert torch.equal(one.crossings, other.crossings)
        assert torch.equal(one.transverse, other.transverse)
        assert one.ends == other.ends
