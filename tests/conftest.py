"""Shared fixtures: trained flip-flop networks are made once per run, two cores are not oversubscribed."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest
import torch
from torch import nn

from rnn_dynamics.training import TrainedFlipFlop, train_flip_flop

torch.set_num_threads(1)

MODULES: dict[str, Callable[[], nn.RNNBase]] = {
    "GRU-16": lambda: nn.GRU(3, 16),
    "GRU-64": lambda: nn.GRU(3, 64),
    "LSTM-16": lambda: nn.LSTM(3, 16),
    "tanh-64": lambda: nn.RNN(3, 64),
    "GRU-2x32": lambda: nn.GRU(3, 32, num_layers=2),
}


@cache
def _trained(name: str, seed: int) -> TrainedFlipFlop:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = MODULES[name]()
    return train_flip_flop(module, seed=seed, steps=800)


@pytest.fixture
def trained_flip_flop() -> Callable[[str, int], TrainedFlipFlop]:
    """``trained_flip_flop(name, seed)``: one of ``MODULES``, trained on the spot."""
    return _trained


@pytest.fixture(autouse=True)
def _global_state_is_left_alone() -> Iterator[None]:
    """No test, so no analysis, may move the global random state or the default dtype."""
    before, dtype = torch.random.get_rng_state(), torch.get_default_dtype()
    yield
    assert torch.get_default_dtype() is dtype
    unchanged = torch.equal(torch.random.get_rng_state(), before)
    torch.random.set_rng_state(before)
    assert unchanged, "the global random state was moved"
