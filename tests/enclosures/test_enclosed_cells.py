"""Cells to 60 digits, evaluated anew from their equations; maps of every other kind."""

from collections.abc import Callable
from itertools import pairwise

import flint
import mpmath
import pytest
import torch
from flint import arb, arb_mat
from inside import DOUBLE, holds, samples, width, within
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.enclosures import ball, enclose, exact, midpoints, radii
from rnn_dynamics.systems import HeldMap, IteratedMap, LayeredMap, MapInUnits
from rnn_dynamics.systems.layers.gru_reset_before import ResetBeforeGRULayer

pytestmark = pytest.mark.usefixtures("seeded")

mp = mpmath.mp.clone()
mp.dps = 60


def _sigmoid(x: object) -> object:
    return 1 / (1 + mp.exp(-x))


def _affine(module: nn.Module, part: str, vector: list[object]) -> list[object]:
    weight, bias = (getattr(module, f"{name}_{part}_l0").tolist() for name in ("weight", "bias"))
    return [
        mp.fsum(mp.mpf(w) * x for w, x in zip(row, vector, strict=True)) + mp.mpf(b)
        for row, b in zip(weight, bias, strict=True)
    ]


def _elman(module: nn.Module, h: list[object], x: list[object]) -> list[object]:
    drives = zip(_affine(module, "ih", x), _affine(module, "hh", h), strict=True)
    return [mp.tanh(one + other) for one, other in drives]


def _gru(module: nn.Module, h: list[object], x: list[object]) -> list[object]:
    n = len(h)
    by_input, by_state = _affine(module, "ih", x), _affine(module, "hh", h)
    new = []
    for i in range(n):
        r = _sigmoid(by_input[i] + by_state[i])
        z = _sigmoid(by_input[n + i] + by_state[n + i])
        candidate = mp.tanh(by_input[2 * n + i] + r * by_state[2 * n + i])
        new.append((1 - z) * candidate + z * h[i])
    return new


def _lstm(module: nn.Module, state: list[object], x: list[object]) -> list[object]:
    n = len(state) // 2
    h, c = state[:n], state[n:]
    drives = [one + other for one, other in zip(_affine(module, "ih", x), _affine(module, "hh", h), strict=True)]
    i, f, g, o = (drives[k * n : (k + 1) * n] for k in range(4))
    cells = [_sigmoid(f[k]) * c[k] + _sigmoid(i[k]) * mp.tanh(g[k]) for k in range(n)]
    return [_sigmoid(o[k]) * mp.tanh(cells[k]) for k in range(n)] + cells


WRITTEN_ANEW = {nn.RNN: _elman, nn.GRU: _gru, nn.LSTM: _lstm}


@pytest.mark.parametrize("cell", WRITTEN_ANEW)
@pytest.mark.parametrize("bits", [53, 170])
def test_a_point_is_enclosed_to_60_digits(cell: Callable[..., nn.Module], bits: int) -> None:
    for _ in range(5):
        module = cell(2, 3, dtype=DOUBLE)
        system = rd.as_map(module).hold(torch.randn(2))
        state = torch.randn(system.state_size, dtype=DOUBLE)
        given = [mp.mpf(x) for x in system.input.tolist()]
        h = [mp.mpf(x) for x in state.tolist()]
        value, jacobian, kinked = enclose(system).linearize(exact(state), bits)
        assert not kinked
        wanted = WRITTEN_ANEW[cell](module, h, given)
        assert all(_contains(value[i, 0], one, 1e-57) for i, one in enumerate(wanted))
        step = mp.mpf(10) ** -20
        for j in range(len(h)):
            ahead, behind = (
                WRITTEN_ANEW[cell](module, [*h[:j], h[j] + side * step, *h[j + 1 :]], given) for side in (1, -1)
            )
            slopes = [(one - other) / (2 * step) for one, other in zip(ahead, behind, strict=True)]
            assert all(_contains(jacobian[i, j], one, 1e-35) for i, one in enumerate(slopes))
        # As narrow as the bits allow.
        widest = max(float(one.rad()) for one in [*value.entries(), *jacobian.entries()])
        assert widest < 100 * 2.0**-bits


def _contains(one: arb, number: object, error: float) -> bool:
    before, flint.ctx.prec = flint.ctx.prec, 220
    try:
        return bool(arb(mpmath.nstr(number, 60)).overlaps(one + arb(0, error)))
    finally:
        flint.ctx.prec = before


class _Module(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recur, self.read = nn.Linear(4, 4), nn.Linear(2, 4)
        self.norm = nn.LayerNorm(4)

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        return 0.3 * state + self.norm(torch.tanh(self.recur(state) + self.read(input)))


def _noisy(state: Tensor, input: Tensor) -> Tensor:
    return torch.tanh(state + input) + 0.1 * torch.randn_like(state)


MAPS: dict[str, Callable[[], rd.AutonomousMap]] = {
    "a module": lambda: rd.as_map(_Module(), state_size=4, input_size=2).hold([0.3, -0.2]),
    "a function of float32": lambda: rd.as_map(
        lambda h, x: torch.tanh(h * torch.linspace(0, 1, 3) + x[..., :1]), 3, 1
    ).hold([0.2]),
    "a step whose noise is frozen": lambda: rd.as_map(_noisy, 3, 3).hold([0.1, 0.2, 0.3]),
    "differences": lambda: rd.as_map(lambda h, _: torch.tanh(h), 3, 0, derivatives="differences").hold(),
    "a vector field": lambda: rd.as_map(
        lambda h, _: torch.stack([h[..., 1], -(h[..., 0] ** 3)], dim=-1), 2, 0, dt=0.1, scheme="rk4"
    ).hold(),
    "an encoder": lambda: rd.as_map(nn.GRU(3, 4), encoder=nn.Linear(2, 3)).hold([0.3, -0.2]),
    "without gates": lambda: rd.as_map(nn.GRU(2, 4)).hold([0.3, -0.2]).ungated(),
    "an iterate": lambda: IteratedMap(rd.as_map(nn.GRU(2, 3)).hold([0.3, -0.2]), 3),
    "in units": lambda: MapInUnits(rd.as_map(nn.RNN(2, 3)).hold([0.3, -0.2]), torch.tensor([2.0, 0.3, 7.0]).to(DOUBLE)),
    "in rank space": lambda: _reduced(rd.as_map(rd.cells.LowRankRNN(2, 6, rank=2)).hold([0.3, -0.2])),
    "the other GRU": lambda: HeldMap(LayeredMap([_reset_before()]), torch.tensor([0.3, -0.2], dtype=DOUBLE)),
    "an LRU": lambda: rd.as_map(rd.cells.LRU(2, 3)).hold([0.3, -0.2]),
    "parallel cells": lambda: rd.as_map(rd.cells.Parallel(2, 3, cells=(nn.LSTM, nn.GRU))).hold([0.3, -0.2]),
}


def _reduced(system: rd.AutonomousMap) -> rd.AutonomousMap:
    reduction = system.reduced()
    assert reduction is not None
    return reduction.system


def _reset_before() -> ResetBeforeGRULayer:
    shapes = {"weight_ih": (12, 2), "weight_hh": (12, 4), "bias_ih": (12,)}
    return ResetBeforeGRULayer(**{name: torch.randn(shape, dtype=DOUBLE) for name, shape in shapes.items()})


@pytest.mark.parametrize("name", MAPS)
def test_maps_of_every_kind_are_enclosed(name: str) -> None:
    system = MAPS[name]()
    enclosure = enclose(system)
    assert enclosure.state_size == system.state_size
    state = torch.randn(system.state_size, dtype=DOUBLE)
    value, jacobian, kinked = enclosure.linearize(exact(state))
    assert not kinked
    rounding = 1e-7 if name == "differences" else 1e-12
    assert within(system(state), value, rounding)
    assert within(system.jacobian(state), jacobian, rounding)
    assert width(value) < 1e-13
    assert width(jacobian) < 1e-13
    for reach in (1e-6, 0.1):
        assert holds(system, enclosure, ball(state, reach), samples(state, reach, 6, 0))


@pytest.mark.parametrize("cell", [nn.RNN, nn.GRU, nn.LSTM])
def test_what_an_enclosure_says_stays_as_the_network_is_trained_on(cell: Callable[..., nn.Module]) -> None:
    module = cell(2, 3)
    system = rd.as_map(module).hold([0.3, -0.2])
    enclosure = enclose(system)
    state = torch.randn(system.state_size, dtype=DOUBLE)
    before = enclosure.linearize(exact(state))
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(1.0)
    after = enclosure.linearize(exact(state))
    assert midpoints(before[0]).equal(midpoints(after[0]))
    assert midpoints(before[1]).equal(midpoints(after[1]))


def test_wider_balls_give_wider_enclosures() -> None:
    """Of nested boxes."""
    system = rd.as_map(nn.GRU(2, 5, 2)).hold([0.3, -0.2])
    enclosure = enclose(system)
    state = 0.5 * torch.randn(10, dtype=DOUBLE)
    boxes = [ball(state, reach) for reach in (1e-9, 1e-6, 1e-3)]
    results = [enclosure.linearize(box) for box in boxes]
    for (narrow, by_narrow, _), (wide, by_wide, _) in pairwise(results):
        assert wide.contains(narrow)
        assert by_wide.contains(by_narrow)
        assert width(by_wide) > 100 * width(by_narrow)


def test_a_ball_matrix_of_another_shape_is_refused() -> None:
    enclosure = enclose(rd.as_map(nn.RNN(2, 3)).hold())
    with pytest.raises(ValueError, match=r"box must be a matrix of balls \[3, 1\], got \[1, 3\]"):
        enclosure.value(arb_mat(1, 3))
    with pytest.raises(ValueError, match="precision must be a whole number of at least 2"):
        enclosure.linearize(arb_mat(3, 1), 0)
    with pytest.raises(ValueError, match="box"):
        enclosure.value(torch.zeros(3))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("cell", [nn.RNN, nn.GRU, nn.LSTM])
def test_slopes_along_directions_are_those_of_all_their_states(cell: Callable[..., nn.Module]) -> None:
    system = rd.as_map(cell(2, 5, 2)).hold([0.3, -0.2])
    enclosure = enclose(system)
    n = system.state_size
    center, directions = 0.3 * torch.randn(n, dtype=DOUBLE), torch.randn(n, 3, dtype=DOUBLE)
    reach = 0.02
    spread = ball(torch.zeros(3), reach)
    slopes, kinked = enclosure.slopes_along(exact(center), exact(directions), spread)
    assert not kinked
    for y in samples(torch.zeros(3, dtype=DOUBLE), reach, 12, 0):
        assert within(system.jacobian(center + directions @ y) @ directions, slopes)
    # Narrower than of the box that the states lie in.
    box = exact(center) + exact(directions) * spread
    whole = enclosure.linearize(box)[1] * exact(directions)
    assert float(radii(slopes).sum()) < 0.8 * float(radii(whole).sum())
    with pytest.raises(ValueError, match=r"spread must be balls \[3, 1\] that contain 0"):
        enclosure.slopes_along(exact(center), exact(directions), ball(torch.ones(3), 0.1))
    with pytest.raises(ValueError, match=rf"directions must be balls \[{n}, q\], got \[3, 1\]"):
        enclosure.slopes_along(exact(center), exact(torch.zeros(3)), spread)
