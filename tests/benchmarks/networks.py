"""Flip-flop networks for the benchmarks, trained once per process."""

from functools import cache

import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.systems import HeldMap
from rnn_dynamics.training import train_flip_flop

MODULES = {
    "tanh": lambda n: nn.RNN(3, n),
    "GRU": lambda n: nn.GRU(3, n),
    "LSTM": lambda n: nn.LSTM(3, n),
    "GRU 2 layers": lambda n: nn.GRU(3, n // 2, num_layers=2),
}


@cache
def trained(kind: str, n: int, seed: int = 0, steps: int = 800) -> tuple[rd.DrivenMap, Tensor]:
    """A network of n units and the sequences to start from."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = MODULES[kind](n)
    result = train_flip_flop(module, seed=seed, steps=steps)
    return rd.as_map(module), result.test_inputs


def problem(kind: str, n: int, k: int, noise: float = 0.5, seed: int = 0, steps: int = 800) -> tuple[HeldMap, Tensor]:
    """The map at zero input, and k starts."""
    network, inputs = trained(kind, n, seed, steps)
    return network.hold(), rd.sample_states(network, inputs, k, noise=noise, seed=seed).double()
