"""Attractors of systems whose coordinates have sizes of their own: large ones hide no small ones."""

import pytest
import torch
from problems.maps import held
from torch import Tensor

import rnn_dynamics as rd


def drawn(k: int, n: int) -> Tensor:
    return torch.randn(k, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("far", [1.0, 1e5, 1e6, 1e8])
def test_a_large_coordinate_hides_no_bistable_one(far: float) -> None:
    """x comes to K, y to +1 or -1 by its sign, whatever K is."""
    system = held(
        lambda h: torch.stack(
            [h[..., 0] + 0.3 * (far - h[..., 0]), h[..., 1] + 0.2 * (h[..., 1] - h[..., 1] ** 3)], -1
        ),
        2,
    )
    starts = drawn(64, 2).clamp(-2, 2)  # beyond sqrt 6 a step changes the sign
    found = rd.find_attractors(system, starts)
    assert found.kinds == ("fixed point", "fixed point")
    assert set(found.outcomes) == {"settled"}
    assert torch.equal(found.states[found.labels, 1] > 0, starts[:, 1] > 0)
    assert torch.allclose(found.states[:, 1].abs(), torch.ones(2, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(found.states[:, 0], torch.full((2,), far, dtype=torch.float64), rtol=1e-9)
    # Multipliers 0.7 and 1 + 0.2 (1 - 3) = 0.6.
    for evidence in found.evidence:
        assert torch.allclose(evidence.multipliers.real, torch.tensor([0.7, 0.6], dtype=torch.float64), atol=1e-6)


@pytest.mark.parametrize("small", [1.0, 1e-6, 1e-9])
def test_small_units_do_not_vanish(small: float) -> None:
    system = held(lambda h: h + 0.2 * (h - h**3 / small**2), 1)
    starts = small * drawn(64, 1).clamp(-2, 2)
    found = rd.find_attractors(system, starts)
    assert found.kinds == ("fixed point", "fixed point")
    assert set(found.outcomes) == {"settled"}
    assert torch.allclose(
        found.states[:, 0].sort().values, small * torch.tensor([-1.0, 1.0]).double(), rtol=1e-6, atol=0
    )
    assert torch.equal(found.states[found.labels, 0] > 0, starts[:, 0] > 0)


def test_a_filled_cell_beside_a_bistable_one() -> None:
    """An LSTM: one cell leaks 1e-6 of itself a step and fills to 1e6; the other remembers a sign.

    Only the sign is remembered: two attractors.
    """
    with torch.random.fork_rng():
        module = torch.nn.LSTM(1, 2, dtype=torch.float64)
    forget = torch.tensor(1 - 1e-6, dtype=torch.float64)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        # Gates in torch's order: input, forget, cell, output, two units each.
        module.bias_ih_l0.copy_(torch.tensor([50.0, 50, float(torch.logit(forget)), 0, 50, 0, 50, 50]).double())
        module.bias_ih_l0[2] = torch.logit(forget)
        module.weight_hh_l0[5, 1] = 4.0
    starts = drawn(64, 4)
    starts[:, 2] = 1 / (1 - torch.sigmoid(module.bias_ih_l0.detach()[2]))
    system = rd.as_map(module).hold()
    found = rd.find_attractors(system, starts)
    assert found.kinds == ("fixed point", "fixed point")
    assert set(found.outcomes) == {"settled"}
    assert torch.equal(found.states[found.labels, 3] > 0, system.iterate(starts, 2000)[:, 3] > 0)
    assert torch.allclose(found.states[:, 2], torch.full((2,), 1e6, dtype=torch.float64), rtol=1e-3)


@pytest.mark.parametrize("far", [0.0, 1e7, 1e12])
def test_what_drifts_without_end_beside_a_large_coordinate_is_no_attractor(far: float) -> None:
    """One coordinate grows by 0.01 a step for ever, one rests at K."""
    system = held(
        lambda h: torch.stack([h[..., 0] + 0.3 * (far - h[..., 0]), 0.5 * h[..., 1], h[..., 2] + 0.01], dim=-1), 3
    )
    found = rd.find_attractors(system, drawn(16, 3))
    assert len(found) == 0
    assert set(found.outcomes) <= {"diverged", "slow"}
    assert found.running.any(dim=0).tolist() == [False, False, True]


def test_a_cell_that_fills_to_a_far_bound_does_not_escape() -> None:
    """c' = .999 c + K / 1000 from starts of size 1 rests at K = 1e9, a billion times the starts."""
    system = held(lambda h: torch.stack([0.999 * h[..., 0] + 1e6, 0.5 * h[..., 1]], dim=-1), 2)
    found = rd.find_attractors(system, drawn(8, 2))
    assert found.kinds == ("fixed point",)
    assert float(found.states[0, 0]) == pytest.approx(1e9, rel=1e-9)
    assert set(found.outcomes) == {"settled"}


@pytest.mark.parametrize("rate", [1.0001, 1.01, 2.0])
def test_what_grows_escapes_or_runs_away(rate: float) -> None:
    system = held(lambda h: torch.stack([rate * h[..., 0], 0.5 * h[..., 1]], dim=-1), 2)
    found = rd.find_attractors(system, drawn(8, 2))
    assert len(found) == 0
    assert set(found.outcomes) <= {"diverged"}
    assert found.running.any(dim=0).tolist() == [True, False]


@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_units_do_not_matter_to_circles_and_chaos(size: float) -> None:
    """A circle in a coordinate of another size beside a bistable one: two circles, as with size 1."""
    angle = torch.tensor(1.0, dtype=torch.float64)
    turn = 1.3 * torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)

    def step(h: Tensor) -> Tensor:
        turning = size * torch.tanh((h[..., :2] / size) @ turn.T)
        return torch.cat([turning, torch.tanh(2 * h[..., 2:])], dim=-1)

    starts = drawn(40, 3) * torch.tensor([size, size, 1.0])
    found = rd.find_attractors(held(step, 3), starts)
    assert found.kinds == ("circle", "circle")
    assert set(found.outcomes) == {"settled"}
    assert torch.equal(found.states[found.labels, 2] > 0, starts[:, 2] > 0)
    unit = rd.find_attractors(held(lambda h: torch.tanh(h @ turn.T), 2), drawn(4, 2))
    assert found.mean_periods.tolist() == pytest.approx(unit.mean_periods.tolist() * 2, rel=1e-3)
