"""Warmup for attractors: more genuine ones than were planted, counted and never fewer."""

import copy

import pytest
import torch
from problems.networks import has_weights, weights_of
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import LeakyRNN, Parallel
from rnn_dynamics.planting import sow
from rnn_dynamics.systems import as_map
from rnn_dynamics.warmup import Horizon, warm_up
from rnn_dynamics.warmup.objectives import Codes

pytestmark = pytest.mark.usefixtures("seeded")


def inputs(n: int = 64, width: int = 1) -> torch.Tensor:
    return torch.randn(n, 20, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.slow
def test_it_reaches_more_than_was_planted() -> None:
    planted, module = nn.GRU(1, 24), nn.GRU(1, 24)
    sow(as_map(planted), inputs())
    history = warm_up(module, inputs(), 75, objective="attractors")
    (first, as_planted), *_ = history.looks
    most = max(count for _, count in history.looks)
    assert (first, history.status) == (0, "finished")
    assert most > as_planted > 4
    assert len(history) == next(step for step, count in history.looks if count == most)
    reach = rd.reachability(as_map(module), inputs(), n=64, horizons=(0,))
    assert reach.count == most
    assert set(reach.counts) == {"fixed point"}
    assert reach.outcomes["settled"] == 1
    before = rd.reachability(as_map(planted), inputs(), n=64, horizons=(0,))
    assert before.count == as_planted
    assert f"64 states reach {as_planted:.4g} as planted, {most:.4g} in the end" in history.summary()


def test_it_ends_with_the_weights_that_reach_most() -> None:
    """Where a small network gains nothing, what was planted stays, and two counts without more are enough."""
    module = nn.GRU(1, 16)
    history = warm_up(module, inputs(), 200, objective="attractors")
    (as_planted, *later) = [count for _, count in history.looks]
    assert [step for step, _ in history.looks] == [0, 25, 50]
    assert as_planted >= max(later)
    assert len(history) == 0
    planted = nn.GRU(1, 16)
    sow(as_map(planted), inputs())
    assert has_weights(module, weights_of(planted))


@torch.no_grad()
def test_the_loss_is_as_written() -> None:
    module = nn.LSTM(1, 8)
    planting = sow(as_map(module), inputs())
    network = as_map(module)
    states = rd.sample_states(network, inputs(), 6)
    generator = torch.Generator().manual_seed(3)
    values, loss = Codes(network, planting, 2**20).loss(states, 7, generator)
    held = torch.randn(1, generator=torch.Generator().manual_seed(3))
    for _ in range(7):
        states = network.step(states, held.expand(6, 1))
    blocks = (states.double() @ planting.readouts.T) / planting.rests
    bits = (4 * blocks).tanh()
    same = [[float((-(one - other).square().sum() / 4).exp()) for other in bits] for one in bits]
    shared = sum(same[i][j] for i in range(6) for j in range(6) if i != j) / 30
    margin = float((0.7 - blocks.abs()).clamp(min=0).square().mean())
    expected = shared + margin / 5 + float(bits.mean(dim=0).square().mean()) / 16
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert values.item() == pytest.approx(sum(1 / sum(row) for row in same) / 6, rel=1e-5)


def test_only_the_chosen_cells_move() -> None:
    module = Parallel(1, 12)
    first, second = module.parallel[0]  # pyright: ignore[reportGeneralTypeIssues]
    kept, moved = weights_of(second), weights_of(first)
    history = warm_up(module, inputs(), 2, objective="attractors", horizon=Horizon(longest=5))
    assert has_weights(second, kept)
    assert not has_weights(first, moved)
    assert history.planting is not None
    assert history.planting.readouts.shape == (3, 12)


def test_a_seed_gives_the_same(tmp_path) -> None:
    first, second = nn.GRU(1, 8), nn.GRU(1, 8)
    histories = [warm_up(module, inputs(), 3, objective="attractors", seed=4) for module in (first, second)]
    assert has_weights(first, weights_of(second))
    assert histories[0].looks == histories[1].looks
    back = rd.load(rd.save(histories[0], tmp_path / "warmup.safetensors"))
    assert back.looks == histories[0].looks
    assert repr(back) == repr(histories[0])


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (LeakyRNN(1, 4), {}, "plant has formulas for"),
        (nn.GRU(1, 4), {"target": 0.5}, "target is of VAA"),
        (nn.GRU(1, 4), {"epsilon": 0.5}, "epsilon is of VAA"),
        (nn.GRU(1, 4), {"objective": "cycles"}, "objective must be 'vaa' or 'attractors'"),
    ],
)
def test_what_does_not_fit_is_refused(module, options, message) -> None:
    before = copy.deepcopy(module)
    with pytest.raises(ValueError, match=message):
        warm_up(module, inputs(), 2, **{"objective": "attractors"} | options)
    assert has_weights(module, weights_of(before))
