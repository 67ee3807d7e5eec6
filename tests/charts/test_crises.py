"""Crises where they are known to be: logistic maps, Henon's, and families that have none."""

import pytest
import torch
from torch import Tensor

import rnn_dynamics as rd

LOGISTIC = rd.as_map(lambda h, x: x * h * (1 - h), 1, 1).input_family(0)


def test_the_logistic_map_ends_at_4_on_its_saddle_0() -> None:
    crisis = rd.find_crisis(LOGISTIC, [0.3], (3.95, 4.05), orbits=256, steps=512)
    assert crisis.kind == "boundary crisis"
    assert crisis.beyond > 4.0
    assert crisis.parameter == pytest.approx(4.0, abs=1e-6)
    assert crisis.returned == 0
    assert crisis.exponent == pytest.approx(0.6931, abs=0.02)  # ln 2
    assert crisis.saddle is not None
    assert crisis.saddle.flatten().tolist() == pytest.approx([0.0], abs=1e-9)
    assert crisis.multipliers is not None
    assert float(crisis.multipliers[0].real) == pytest.approx(crisis.before, rel=1e-6)  # F'(0) = r
    assert crisis.distance < 1e-3 < crisis.distance_first


def test_the_window_of_period_3_ends_in_an_interior_crisis() -> None:
    """At r = 3.8568006..., where the bands meet the cycle of period 3 that was born unstable: F^3(1/2) is on it."""
    low, high = 3.85, 3.86
    for _ in range(60):  # the cycle by Newton's method, and where the critical orbit lands on it
        middle = (low + high) / 2
        low, high = (middle, high) if _lands_above(middle) else (low, middle)
    crisis = rd.find_crisis(LOGISTIC, [0.5], (3.8562, 3.858), orbits=256, steps=1024)
    assert crisis.kind == "interior crisis"
    assert crisis.parameter == pytest.approx(low, abs=1e-6)
    assert low == pytest.approx(3.8568, abs=1e-5)
    assert crisis.returned == crisis.left > 0
    assert crisis.saddle is not None
    assert len(crisis.saddle) == 3


def _lands_above(r: float) -> bool:
    """Whether the critical orbit's sixth state has not yet come down to the unstable cycle, left of the middle band."""

    def third(h: float) -> float:
        for _ in range(3):
            h = r * h * (1 - h)
        return h

    grid = torch.linspace(0.45, 0.5, 20_001, dtype=torch.float64)
    h = grid.clone()
    for _ in range(3):
        h = r * h * (1 - h)
    gap = h - grid
    places = (gap[1:].sign() != gap[:-1].sign()).nonzero().flatten().tolist()
    # of both cycles of period 3 the unstable one is farther from 1/2
    sides = [(float(grid[place]), float(grid[place + 1])) for place in places]
    both = [*sides, *_beyond_half(r)]
    cycle = max((_root(third, *side) for side in both), key=lambda root: abs(root - 0.5))
    image = third(third(0.5))
    return abs(image - 0.5) < abs(cycle - 0.5)


def _beyond_half(r: float) -> list[tuple[float, float]]:
    grid = torch.linspace(0.5, 0.56, 20_001, dtype=torch.float64)
    h = grid.clone()
    for _ in range(3):
        h = r * h * (1 - h)
    gap = h - grid
    places = (gap[1:].sign() != gap[:-1].sign()).nonzero().flatten().tolist()
    return [(float(grid[place]), float(grid[place + 1])) for place in places]


def _root(function, low: float, high: float) -> float:
    rising = function(high) - high > 0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if (function(middle) - middle > 0) == rising else (middle, high)
    return low


def test_what_only_doubles_is_no_crisis() -> None:
    crisis = rd.find_crisis(LOGISTIC, [0.3], (3.2, 3.5), orbits=64, steps=256)
    assert crisis.kind == "none"
    assert "not chaotic" in crisis.reason
    assert crisis.saddle is None
    assert crisis.summary().startswith("no crisis")


def test_an_attractor_that_stays_has_none() -> None:
    crisis = rd.find_crisis(LOGISTIC, [0.3], (3.99, 3.995), orbits=64, steps=256)
    assert (crisis.kind, crisis.left) == ("none", 0)
    assert "no orbit was seen to leave" in crisis.reason


def test_a_start_that_runs_away_and_a_span_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="start runs away at 4"):
        rd.find_crisis(LOGISTIC, [0.3], (4.5, 5.0), orbits=8, steps=64)
    with pytest.raises(ValueError, match="span must be two different finite numbers"):
        rd.find_crisis(LOGISTIC, [0.3], (4.0, 4.0))


def henon(h: Tensor, x: Tensor) -> Tensor:
    return torch.stack([1 - x[..., :1].squeeze(-1) * h[..., 0] ** 2 + h[..., 1], 0.3 * h[..., 0]], dim=-1)


def test_henon_s_attractor_ends_where_it_meets_its_other_fixed_point() -> None:
    """At a = 1.4269 for b = 0.3 (Grebogi, Ott and Yorke 1983), on the saddle with both coordinates negative."""
    crisis = rd.find_crisis(rd.as_map(henon, 2, 1).input_family(0), [0.1, 0.1], (1.41, 1.45), orbits=512, steps=512)
    assert crisis.kind == "boundary crisis"
    assert crisis.parameter == pytest.approx(1.4269, abs=2e-4)
