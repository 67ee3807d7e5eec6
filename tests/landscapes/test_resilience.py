"""Shocks, pulses and transients against closed forms."""

import math
import signal

import pytest
import torch
from problems.maps import held, normal
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.landscapes.amplification import transient_growth

DOUBLE = torch.float64
POINT = 0.9575040240772687
"""Of h = tanh(2 h)."""


def uncoupled(n: int) -> rd.DrivenMap:
    """h' = tanh(2 h + x): 2^n attractors, their basins the orthants."""
    with torch.random.fork_rng():
        module = torch.nn.RNN(1, n, bias=False)
    with torch.no_grad():
        module.weight_hh_l0.copy_(2 * torch.eye(n))
        module.weight_ih_l0.fill_(1.0)
    return rd.as_map(module)


def corners(n: int) -> Tensor:
    return torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=DOUBLE)] * n).view(-1, n)


def test_uncoupled_units() -> None:
    system = uncoupled(2).hold()
    found = rd.find_attractors(system, corners(2))
    table = rd.resilience(system, found, restarts=3, n=512)
    # The nearest other basin begins at the plane where one coordinate is 0.
    assert table.shock_sizes.tolist() == pytest.approx([POINT] * 4, abs=3e-6)
    assert table.shock_directions.abs().amax(dim=1).tolist() == pytest.approx([1] * 4, abs=1e-6)
    assert (table.alignments > 1 - 1e-5).all()
    # And it is a bound: what was tried did lead there.
    again = rd.find_attractors(system, table.shock_states + table.shocks, known=found)
    assert torch.equal(again.labels, table.shock_targets)
    # A pulse of A moves every unit by A: up, the lowest one leaves once 2 h + A > 0.
    low, high = table.states.amin(dim=1), table.states.amax(dim=1)
    for row in range(4):
        up, down = table.pulses[row, 0].tolist()
        assert up == pytest.approx(2 * POINT, rel=2e-6) if low[row] < 0 else math.isnan(up)
        assert down == pytest.approx(2 * POINT, rel=2e-6) if high[row] > 0 else math.isnan(down)
    slope = 2 * (1 - POINT**2)
    assert table.return_times.tolist() == pytest.approx([-1 / math.log(slope)] * 4)
    assert table.reactivities.tolist() == pytest.approx([slope - 1] * 4)
    assert table.amplifications.tolist() == [1.0] * 4
    assert table.shares.tolist() == pytest.approx([0.25] * 4, abs=0.08)
    assert set(table.reasons) == {""}


def test_a_shock_turns_into_the_normal_of_an_oblique_boundary() -> None:
    """z = A h of uncoupled units: the basins' walls are no longer at right angles to the ways between attractors."""
    shear = torch.tensor([[1.0, 0.0, 0.0], [1.5, 1.0, 0.0], [-0.7, 0.4, 1.0]], dtype=DOUBLE)
    back = torch.linalg.inv(shear)
    system = held(lambda z: torch.tanh(2 * z @ back.T) @ shear.T, 3)
    found = rd.find_attractors(system, corners(3) @ shear.T)
    table = rd.resilience(system, found, normal(64, 3), restarts=4)
    # The wall h_i = 0 is the plane b_i z = 0 with b_i a row of the inverse: |b_i A h*| / |b_i| = h* / |b_i| away.
    nearest = POINT / float(back.norm(dim=1).max())
    assert len(found) == 8
    assert table.shock_sizes.tolist() == pytest.approx([nearest] * 8, rel=1e-4)
    assert (table.shock_sizes >= nearest * (1 - 1e-6)).all()
    assert (table.alignments > 1 - 1e-4).all()


def test_convergence_is_counted_in_steps() -> None:
    system = held(lambda h: h / 2, 1)
    found = rd.find_attractors(system, [[1.0]])
    starts = torch.tensor([[0.0005], [0.004], [0.9], [-0.9]], dtype=DOUBLE)
    table = rd.resilience(system, found, starts, restarts=2)
    # 0.004 / 2^2 = 0.001; 0.9 / 2^10 < 0.001 < 0.9 / 2^9.
    assert table.mean_times.tolist() == [(0 + 2 + 10 + 10) / 4]
    assert table.median_times.tolist() == [6.0]
    assert table.reasons[0] == "no shock that was tried led elsewhere"
    assert table.shock_targets.tolist() == [-1]
    assert math.isnan(float(table.shock_sizes[0]))


@pytest.mark.parametrize("feed", [0.0, 1.0, 5.0])
def test_transient_growth_of_a_jordan_block(feed: float) -> None:
    """A = [[a, f], [0, a]]: A^t = [[a^t, t a^(t-1) f], [0, a^t]], whose norm is known in closed form."""
    a = 0.8
    matrix = torch.tensor([[a, feed], [0.0, a]], dtype=DOUBLE)
    system = held(lambda h: h @ matrix.T, 2)

    def norm(t: int) -> float:
        c = t * a ** (t - 1) * feed if t else 0.0
        return (abs(c) + math.sqrt(c**2 + 4 * a ** (2 * t))) / 2

    growth = transient_growth(system, torch.zeros(1, 2, dtype=DOUBLE))
    best = max(range(200), key=norm)
    assert growth.amplification == pytest.approx(norm(best))
    assert growth.steps == best
    assert growth.reactivity == pytest.approx(norm(1) - 1)


def test_a_cycle_grows_from_its_worst_phase() -> None:
    """A cycle of two states with slopes 3 and 1/4: a deviation begun before the steep one grows threefold."""
    system = held(lambda h: torch.where(h > 0, 3 * (h - 1) - 1, (h + 1) / 4 + 1), 1)
    growth = transient_growth(system, torch.tensor([[-1.0], [1.0]], dtype=DOUBLE))
    assert growth.amplification == pytest.approx(3.0)
    assert growth.steps == 1


def test_entropy_of_one_wall() -> None:
    """Of h' = tanh(2 h) a box at c holds both sides where |c| < r; there the mean of H(u), u uniform, is 1/2 nat."""
    system = uncoupled(1).hold()
    found = rd.find_attractors(system, [[-1.0], [1.0]])
    starts = torch.linspace(-1, 1, 128, dtype=DOUBLE)[:, None]
    table = rd.resilience(system, found, starts, restarts=1, entropy_radius=0.25)  # half-width 0.5 of the span 2
    assert table.boundary_share == pytest.approx(0.5, abs=0.08)
    # With 16 states a box the entropy is short by 1/32 nat on average, and boxes with a sliver look whole.
    assert table.boundary_entropy == pytest.approx(0.5, abs=0.08)
    assert table.entropy == pytest.approx(0.25, abs=0.05)


def test_what_leads_away_is_a_shock_too() -> None:
    system = held(lambda h: h / 2 + h**3, 1)  # beyond sqrt(1/2) everything grows
    found = rd.find_attractors(system, [[0.1]])
    table = rd.resilience(system, found, [[0.1], [2.0]], restarts=2)
    assert float(table.shock_sizes[0]) == pytest.approx(math.sqrt(0.5), abs=3e-6)
    assert table.shock_targets.tolist() == [-2]


def test_chaos_has_no_return() -> None:
    system = held(lambda h: 3.9 * h * (1 - h), 1)
    found = rd.find_attractors(system, [[0.3], [0.4]])
    table = rd.resilience(system, found, [[0.3], [0.4]], restarts=2)
    assert math.isnan(float(table.return_times[0]))
    assert "deviations along a chaotic attractor do not fall" in table.reasons[0]
    assert table.shock_targets.tolist() == [-2]


def test_ctrl_c_keeps_what_is_measured() -> None:
    calls = [0]

    def step(h: Tensor) -> Tensor:
        calls[0] += 1
        if calls[0] == stop[0]:
            signal.raise_signal(signal.SIGINT)
        return torch.tanh(2 * h)

    stop = [-1]
    system = held(step, 1)
    found = rd.find_attractors(system, [[-1.0], [1.0]])
    begin = calls[0]
    whole = rd.resilience(system, found, [[-0.5], [0.5]], restarts=1)
    stop[0], calls[0] = (calls[0] - begin) // 2, 0
    part = rd.resilience(system, found, [[-0.5], [0.5]], restarts=1)
    assert not whole.interrupted
    assert part.interrupted
    assert part.mean_times.tolist() == whole.mean_times.tolist()
    assert "interrupted" in part.reasons[-1]


def test_bad_input() -> None:
    system = uncoupled(1).hold()
    found = rd.find_attractors(system, [[-1.0], [1.0]])
    with pytest.raises(ValueError, match="found holds no attractor"):
        rd.resilience(system, found[[]])
    with pytest.raises(ValueError, match="found has states of size 1, the system of 2"):
        rd.resilience(uncoupled(2).hold(), found)
    with pytest.raises(ValueError, match="starts are needed, since no box is known"):
        rd.resilience(held(lambda h: h / 2, 1), found)
