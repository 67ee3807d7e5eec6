"""Limit cycles of leaky networks and Euler steps: one circle with its mean period, from however many starts."""

import math
import time

import pytest
import torch
from problems.attractors import near_snic, rotating
from problems.maps import held
from torch import Tensor

import rnn_dynamics as rd


def leaky(n: int, a: float, turn: float, seed: int = 0) -> rd.AutonomousMap:
    """r + a (-r + W tanh(r) + b): of W's eigenvalues one pair is 1.6 +- i omega, with 2 pi / (a omega) = ``turn``."""
    generator = torch.Generator().manual_seed(seed)
    w = 0.3 * torch.randn(n, n, generator=generator, dtype=torch.float64) / n**0.5
    plane = torch.linalg.qr(torch.randn(n, 2, generator=generator, dtype=torch.float64))[0]
    rest = torch.eye(n, dtype=torch.float64) - plane @ plane.T
    omega = 2 * math.pi / (a * turn)
    w = rest @ w @ rest + plane @ torch.tensor([[1.6, -omega], [omega, 1.6]], dtype=torch.float64) @ plane.T
    b = 0.1 * torch.randn(n, generator=generator, dtype=torch.float64)
    return held(lambda r: r + a * (-r + torch.tanh(r) @ w.T + b), n)


def van_der_pol(dt: float) -> rd.AutonomousMap:
    return held(
        lambda h: torch.stack(
            [h[..., 0] + dt * h[..., 1], h[..., 1] + dt * ((1 - h[..., 0] ** 2) * h[..., 1] - h[..., 0])], dim=-1
        ),
        2,
    )


def drawn(k: int, n: int) -> Tensor:
    return torch.randn(k, n, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


@torch.no_grad()
def steps_a_turn(system: rd.AutonomousMap, start: Tensor, turns: int) -> float:
    """By brute force: plain steps, and upward zeros of the coordinate that moves most, interpolated."""
    state, path = system.iterate(start[None], 20_000), []
    for _ in range(2000 * (turns + 2)):
        state = system(state)
        path.append(state[0])
    centred = torch.stack(path) - torch.stack(path).mean(dim=0)
    x = centred[:, centred.std(dim=0).argmax()]
    ups = ((x[:-1] < 0) & (x[1:] >= 0)).nonzero().flatten()
    times = ups + x[ups] / (x[ups] - x[ups + 1])
    return float(times[-1] - times[0]) / (len(times) - 1)


SYSTEMS = {
    "leaky, a = .02": (lambda: leaky(64, 0.02, 800), 64),
    "leaky, a = .01": (lambda: leaky(48, 0.01, 1000), 48),
    "leaky, a = .05": (lambda: leaky(32, 0.05, 250), 32),
    "van der Pol, dt = .02": (lambda: van_der_pol(0.02), 2),
    "van der Pol, dt = .01": (lambda: van_der_pol(0.01), 2),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_one_limit_cycle_from_any_number_of_starts(name: str) -> None:
    make, n = SYSTEMS[name]
    system = make()
    wanted = steps_a_turn(system, drawn(1, n)[0], 3)
    assert wanted > 200
    for k in (1, 8, 32, 64):
        found = rd.find_attractors(system, drawn(k, n))
        assert found.kinds == ("circle",)
        assert found.hits.tolist() == [k]
        assert float(found.mean_periods[0]) == pytest.approx(wanted, rel=1e-3)
        assert abs(float(found.largest_exponents[0])) < 1e-5
        assert found.evidence[0].exponents[1] < -1e-3
        assert f"limit cycle of mean period {float(found.mean_periods[0]):,.5g} steps" in repr(found)
        assert float(found.to_pandas()["mean_period"][0]) == float(found.mean_periods[0])


@pytest.mark.parametrize("k", [1, 32])
def test_it_costs_no_more_than_plain_steps(k: int) -> None:
    """CPU time against 5,000 plain steps of 256 states, one run beside the other, with room for a busy machine."""
    system = leaky(64, 0.02, 800)
    starts = drawn(256, 64)
    rd.find_attractors(system, starts[:1], settle=rd.Settle(max_steps=64))
    begin = time.process_time()
    found = rd.find_attractors(system, starts[:k])
    ours = time.process_time() - begin
    with torch.no_grad():
        begin = time.process_time()
        system.iterate(starts, 1000)
        plain = 5 * (time.process_time() - begin)
    assert found.kinds == ("circle",)
    # What decides is the work, which does not depend on the machine.
    assert found.work[0] < 5000 * 256
    assert ours < 20 * plain


def test_two_limit_cycles_and_a_point_between_them_are_three() -> None:
    """r' = r + .02 r (r^2 - 1/4)(1 - r^2)...: rings of radius 1 attract within a bistable third coordinate."""

    def step(h: Tensor) -> Tensor:
        x, y, z = h[..., 0], h[..., 1], h[..., 2]
        r2 = x * x + y * y
        grow = 0.02 * (r2 - 0.25) * (1 - r2)
        return torch.stack([x + grow * x - 0.01 * y, y + grow * y + 0.01 * x, z + 0.05 * (z - z**3)], dim=-1)

    angle = torch.linspace(0, 6, 48, dtype=torch.float64)
    radius = torch.where(torch.arange(48) % 3 == 0, 0.2, 0.9)
    height = torch.where(torch.arange(48) % 2 == 0, 0.5, -0.5)
    found = rd.find_attractors(
        held(step, 3), torch.stack([radius * angle.cos(), radius * angle.sin(), height], dim=1).double()
    )
    assert found.kinds == ("fixed point", "fixed point", "circle", "circle")
    assert set(found.outcomes) == {"settled"}
    # Euler's step turns by atan(.01 / (1 + growth)), and on the ring 1 + growth = sqrt(1 - 1e-4).
    assert found.mean_periods[2:].tolist() == pytest.approx([2 * math.pi / math.asin(0.01)] * 2, rel=1e-4)


def test_the_mean_period_of_a_fast_circle_is_its_mean_rotation() -> None:
    system = held(rotating(1.3, 1.0), 2)
    found = rd.find_attractors(system, drawn(20, 2))
    state, angles = drawn(1, 2), []
    with torch.no_grad():
        for _ in range(20_000):
            state = system(state)
            angles.append(torch.atan2(state[0, 1], state[0, 0]))
    turned = torch.stack(angles).diff()
    turned = torch.remainder(turned, 2 * math.pi).mean()
    assert float(found.mean_periods[0]) == pytest.approx(2 * math.pi / float(turned), rel=1e-3)
    assert "limit cycle" not in repr(found)


def test_a_bottleneck_has_the_period_of_its_closed_form() -> None:
    """Theta' = theta + .01 (1.0005 - sin theta): 2 pi / (.01 sqrt(1.0005^2 - 1)) steps as a flow."""
    starts = drawn(20, 2)
    found = rd.find_attractors(held(near_snic, 2), starts)
    assert found.kinds == ("circle",)
    assert found.hits.tolist() == [20]
    assert float(found.mean_periods[0]) == pytest.approx(2 * math.pi / (0.01 * math.sqrt(1.0005**2 - 1)), rel=0.01)


def test_a_slow_rotation_that_does_not_attract_is_no_limit_cycle() -> None:
    angle = torch.tensor(0.01, dtype=torch.float64)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
    found = rd.find_attractors(held(lambda h: h @ turn.T, 2), drawn(6, 2), settle=rd.Settle(max_steps=4000))
    assert len(found) == 0
    assert set(found.outcomes) == {"unfinished"}


def test_saved_results_keep_the_mean_period(tmp_path) -> None:
    found = rd.find_attractors(van_der_pol(0.02), drawn(4, 2))
    again = rd.load(rd.save(found, tmp_path / "found.safetensors"))
    assert torch.equal(again.mean_periods, found.mean_periods)
    assert repr(again) == repr(found)
    more = rd.find_attractors(van_der_pol(0.02), drawn(3, 2), known=found)
    assert more.kinds == ("circle",)
    assert torch.equal(more.mean_periods, found.mean_periods)
