"""What settling costs beyond plain steps: never a multiple of brute force, whatever the dynamics."""

import time
from pathlib import Path

import pytest
import torch
from problems.attractors import named, piecewise
from problems.maps import held
from torch import Tensor, nn

import rnn_dynamics as rd

_PLACES = [folder / "shared" / "data" / "coded_gru64.pt" for folder in Path(__file__).parents]
CODED = next((place for place in _PLACES if place.exists()), None)


def measured(system: rd.AutonomousMap, starts: Tensor) -> tuple[rd.Attractors, float]:
    """What is found, and its CPU time in units of 10,000 plain steps of all starts, one run beside the other."""
    rd.find_attractors(system, starts[:2], settle=rd.Settle(max_steps=32))
    begin = time.process_time()
    found = rd.find_attractors(system, starts)
    ours = time.process_time() - begin
    with torch.no_grad():
        begin = time.process_time()
        system.iterate(starts, 1000)
        plain = 10 * (time.process_time() - begin)
    return found, ours / plain


# Stable 16-cycles of the piecewise linear map, found by plain iteration of random parameters.
SIXTEEN = [
    (0.8688140511512756, -0.5981919765472412, 0.3502817153930664),
    (0.8556243777275085, -0.304190456867218, 0.884854257106781),
]


@pytest.mark.parametrize("parameters", SIXTEEN)
def test_a_stable_cycle_of_a_piecewise_linear_map(parameters: tuple[float, float, float]) -> None:
    system = held(piecewise(*parameters), 2)
    starts = 6 * torch.rand(500, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 3
    end = system.iterate(starts, 6000)
    assert (system.iterate(end, 16) - end).norm(dim=1).max() < 1e-9
    found, ratio = measured(system, starts)
    assert found.kinds == ("cycle",)
    assert found.periods.tolist() == [16]
    assert found.hits.tolist() == [500]
    # The work does not depend on the machine; the time, 0.3 to 1.2 measured, does so a little.
    assert found.work[0] < 0.1 * 10_000 * 500
    assert ratio < 10


def test_a_27_cycle() -> None:
    problem = named("27-cycle")
    found, ratio = measured(problem.system, problem.starts(500))
    assert found.periods.tolist() == [27]
    assert found.hits.tolist() == [500]
    assert found.work[0] < 0.1 * 10_000 * 500
    assert ratio < 25


def test_an_lstm_that_counts_ends_in_time() -> None:
    """Two layers of 64; under the held input every cell of the first counts up by tanh(1) a step for ever."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.LSTM(1, 64, num_layers=2, dtype=torch.float64)
    with torch.no_grad():
        module.weight_ih_l0.zero_()
        module.weight_hh_l0.zero_()
        module.bias_hh_l0.zero_()
        module.bias_ih_l0.copy_(torch.tensor([50.0, 50, 1, 50]).double().repeat_interleave(64))
        module.weight_hh_l1.mul_(3)
    network = rd.as_map(module)
    sequences = torch.randn(32, 20, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    starts = rd.sample_states(network, sequences, 32, seed=0)
    found, ratio = measured(network.hold(), starts)
    assert len(found) == 0
    assert set(found.outcomes) == {"diverged"}
    ends = network.hold().iterate(starts, 3000)
    assert torch.equal(found.running.any(dim=0), (ends - starts).abs().amin(dim=0) > 2000)
    assert found.work[0] < 2 * 10_000 * 32
    assert ratio < 20


def coded(steps: int, seed: int) -> tuple[rd.AutonomousMap, Tensor]:
    """A network of a public benchmark under no input, and 32 states along sequences of so many steps."""
    assert CODED is not None
    with torch.random.fork_rng():
        module = nn.GRU(1, 64)
    module.load_state_dict(torch.load(CODED, weights_only=True))
    network = rd.as_map(module)
    sequences = torch.randn(64, steps, 1, generator=torch.Generator().manual_seed(seed))
    return network.hold(), rd.sample_states(network, sequences, 32, seed=seed).double()


@pytest.mark.skipif(CODED is None, reason="the network lies in a shared folder")
def test_starts_that_take_turns_to_come_to_a_slow_limit_cycle_come_to_it() -> None:
    """From near 0 they pass a slow place first: 10,000 steps are then over before the first turn is."""
    found, ratio = measured(*coded(10, 3))
    assert found.kinds == ("circle",)
    assert found.hits.tolist() == [32]
    assert ratio < 40


@pytest.mark.skipif(CODED is None, reason="the network lies in a shared folder")
def test_what_a_box_holds_does_not_run_away() -> None:
    """However steadily it drifts: a GRU's states stay in [-1, 1]."""
    found = rd.find_attractors(*coded(10, 3), settle=rd.Settle(max_steps=2000))
    assert "diverged" not in found.outcomes


@pytest.mark.skipif(CODED is None, reason="the network lies in a shared folder")
def test_a_gru_of_a_public_benchmark_turns_on_one_slow_limit_cycle() -> None:
    """By brute force, after 210,000 steps, it comes back every 6,424.7 steps (three turns are 19,274)."""
    found, ratio = measured(*coded(50, 0))
    assert found.kinds == ("circle",)
    assert found.hits.tolist() == [32]
    assert float(found.mean_periods[0]) == pytest.approx(19_274 / 3, abs=0.3)
    assert found.work[0] < 3 * 10_000 * 32
    assert ratio < 40
