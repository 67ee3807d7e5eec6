"""A drift without end is no attractor, whatever moves beside it; what fills up to a bound is bounded."""

import pytest
import torch
from problems.roots import henon
from torch import Tensor

import rnn_dynamics as rd


def beside_henon(cell) -> rd.AutonomousMap:
    return rd.as_map(
        lambda h, _: torch.cat([henon(h[..., :2]), cell(h)[..., None]], dim=-1), state_size=3, input_size=0
    ).hold()


def near_henon(k: int) -> Tensor:
    unit = torch.rand(k, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return 0.2 * (2 * unit - 1)


@pytest.mark.parametrize("speed", [1e-5, 1e-4, 1e-3, 1.0])
def test_chaos_beside_a_counter_is_no_attractor(speed: float) -> None:
    found = rd.find_attractors(beside_henon(lambda h: h[..., 2] + speed), near_henon(8))
    assert len(found) == 0
    assert set(found.outcomes) == {"diverged"}
    assert found.running.any(dim=0).tolist() == [False, False, True]
    assert "coordinates that run away: 2" in repr(found)


def test_a_counter_driven_by_chaos_is_no_attractor() -> None:
    """It grows by 0.01 (1 + x / 2) a step: at an uneven rate."""
    found = rd.find_attractors(beside_henon(lambda h: h[..., 2] + 0.01 * (1 + h[..., 0] / 2)), near_henon(8))
    assert len(found) == 0
    assert set(found.outcomes) <= {"diverged", "unfinished"}


@pytest.mark.parametrize("bound", [1.0, 1e4])
def test_chaos_beside_a_cell_that_fills_up_is_one_bounded_set(bound: float) -> None:
    """The cell fills as 0.999^t: after 10,000 steps it is full to five digits."""
    system = beside_henon(lambda h: 0.999 * h[..., 2] + 0.001 * bound)
    found = rd.find_attractors(system, near_henon(8))
    assert found.kinds == ("chaotic",)
    assert found.hits.tolist() == [8]
    assert float(found.largest_exponents[0]) == pytest.approx(0.4192, rel=0.01)
    assert float((found.orbits[0][:, 2] - bound).abs().max()) < 0.05 * bound


def test_an_lstm_that_counts_under_chaos_or_rest_ends_with_its_cells_named() -> None:
    """Two layers; the forget gates of the first's even cells are 1 and their input gates open: they count for ever."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = torch.nn.LSTM(1, 16, num_layers=2, dtype=torch.float64)
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0"):
            weight = getattr(module, name)
            for gate in range(4):
                weight[16 * gate : 16 * (gate + 1) : 2] = 0.0
        for gate in range(4):
            module.bias_ih_l0[16 * gate : 16 * (gate + 1) : 2] = 50.0
            module.bias_hh_l0[16 * gate : 16 * (gate + 1) : 2] = 0.0
    network = rd.as_map(module)
    starts = rd.sample_states(network, torch.randn(8, 20, 1, generator=torch.Generator().manual_seed(0)).double(), 16)
    found = rd.find_attractors(network.hold(), starts)
    assert len(found) == 0
    assert set(found.outcomes) == {"diverged"}
    ends = network.hold().iterate(starts, 3000)
    counts = (ends - starts).abs().amin(dim=0) > 2000
    assert counts.sum() == 8
    assert torch.equal(found.running.any(dim=0), counts)
