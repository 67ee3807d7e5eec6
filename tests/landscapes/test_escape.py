"""Escape by noise against the exact mean first-passage time."""

import signal
from functools import cache

import numpy as np
import pytest
import torch
from problems.maps import held
from torch import Tensor

import rnn_dynamics as rd

ETA = 0.2
WELLS = [[-1.0], [1.0]]


def two_wells(h: Tensor) -> Tensor:
    """One step of length eta down the potential h^4 / 4 - h^2 / 2: the barrier at 0 is 1/4 high."""
    return h + ETA * (h - h**3)


def exact_time(noise: float) -> float:
    """Steps from 1 until h < 0: tau(h) = 1 + the integral of p(h, g) tau(g) over g > 0, by quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(300)
    g, weights = 1.6 * (nodes + 1), 1.6 * weights

    def density(h: np.ndarray) -> np.ndarray:
        mean = h + ETA * (h - h**3)
        return np.exp(-((g - mean[:, None]) ** 2) / (2 * noise**2)) / np.sqrt(2 * np.pi) / noise * weights

    times = np.linalg.solve(np.eye(300) - density(g), np.ones(300))
    return float(1 + (density(np.ones(1)) @ times)[0])


LEVELS = (0.3, 0.4, 0.6)
EXACT = [exact_time(level) for level in LEVELS]


@cache
def escapes() -> rd.EscapeTimes:
    system = held(two_wells, 1)
    return rd.escape_times(system, rd.find_attractors(system, WELLS), LEVELS, trials=100, max_steps=500)


def test_first_passages_take_the_exact_time() -> None:
    exact = torch.tensor(EXACT, dtype=torch.float64)
    intervals = escapes().time_intervals(0.999)
    assert (intervals[..., 0] <= exact).all()
    assert (exact <= intervals[..., 1]).all()
    assert (escapes().mean_times / exact - 1).abs().max() < 0.3
    # From each well to the other, and nowhere else.
    assert escapes().escapes.sum(dim=1).bool().tolist() == [[False, True, False], [True, False, False]]
    assert torch.allclose(escapes().rates.sum(dim=-1), 1 / escapes().mean_times)


def test_the_slope_is_the_barrier() -> None:
    exact = np.polyfit(np.array(LEVELS) ** -2.0, np.log(EXACT), 1)[0]
    assert ((escapes().barriers - exact).abs() < 4 * escapes().barrier_errors).all()
    assert (escapes().barrier_errors < 0.03).all()


def test_what_never_leaves_has_a_bound() -> None:
    system = held(two_wells, 1)
    found = rd.find_attractors(system, WELLS)
    escapes = rd.escape_times(system, found, 0.01, trials=5, max_steps=20)
    assert escapes.exposures.tolist() == [[100], [100]]
    assert escapes.mean_times.isinf().all()
    # 3.69 / 100 is the exact upper bound of a rate of which no event was seen.
    assert escapes.rate_intervals()[..., 1].amax().item() == pytest.approx(0.0369, abs=1e-4)
    assert escapes.time_intervals()[0, 0].tolist() == pytest.approx([100 / 3.6889, torch.inf], rel=1e-4)
    assert escapes.barriers.isnan().all()
    assert "fewer than 10 trials left" in escapes.advice[0]
    assert escapes.to_pandas()["leads_to"].tolist() == ["none", "none"]


def test_noise_in_the_input_moves_all_units_alike() -> None:
    """Of h' = h + eta (h - h^3) + x noise in x is noise in the state."""
    network = rd.as_map(lambda h, x: two_wells(h) + x, 1, 1)
    found = rd.find_attractors(network.hold(), WELLS)
    state = rd.escape_times(network.hold(), found, 0.5, trials=20, max_steps=200)
    input = rd.escape_times(network.hold(), found, 0.5, trials=20, max_steps=200, noise_in="input")
    assert torch.equal(state.exposures, input.exposures)
    assert torch.equal(state.escapes, input.escapes)
    assert input.noise_in == "input"
    with pytest.raises(ValueError, match="noise_in must be 'state': the system holds no input"):
        rd.escape_times(held(two_wells, 1), found, 0.5, noise_in="input")


def test_looks_may_be_rare() -> None:
    system = held(two_wells, 1)
    found = rd.find_attractors(system, WELLS)
    often = rd.escape_times(system, found, 0.4, trials=40, max_steps=400)
    seldom = rd.escape_times(system, found, 0.4, trials=40, max_steps=400, every=10)
    assert int(seldom.counts.min()) > 20
    assert (seldom.mean_times > 0.7 * often.mean_times).all()
    assert (seldom.mean_times < 2.5 * often.mean_times + 10).all()


def test_ctrl_c_keeps_the_steps_taken() -> None:
    calls, stop = [0], [-1]

    def step(h: Tensor) -> Tensor:
        calls[0] += 1
        if calls[0] == stop[0]:
            signal.raise_signal(signal.SIGINT)
        return two_wells(h)

    found = rd.find_attractors(held(two_wells, 1), WELLS)
    system = held(step, 1)
    calls[0] = 0
    whole = rd.escape_times(system, found, 0.05, trials=3, max_steps=2000)
    assert int(whole.exposures[0, 0]) == 3 * 2000
    stop[0], calls[0] = calls[0] // 2, 0
    part = rd.escape_times(system, found, 0.05, trials=3, max_steps=2000)
    assert part.interrupted
    assert 0 < int(part.exposures[0, 0]) < 3 * 2000


@pytest.mark.parametrize("noise", [0.0, -1.0, [], [0.1, float("inf")]])
def test_bad_noise(noise: object) -> None:
    system = held(two_wells, 1)
    found = rd.find_attractors(system, WELLS)
    with pytest.raises(ValueError, match="noise"):
        rd.escape_times(system, found, noise)  # pyright: ignore[reportArgumentType]
