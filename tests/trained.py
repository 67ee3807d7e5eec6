"""Flip-flop networks that were trained once; ``data/make.py`` made them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.tasks import flip_flop
from rnn_dynamics.training import TrainedFlipFlop

MODULES: dict[str, Callable[[], nn.RNNBase]] = {
    "GRU-16": lambda: nn.GRU(3, 16),
    "GRU-64": lambda: nn.GRU(3, 64),
    "LSTM-16": lambda: nn.LSTM(3, 16),
    "tanh-64": lambda: nn.RNN(3, 64),
    "GRU-2x32": lambda: nn.GRU(3, 32, num_layers=2),
}
SMALL = "GRU-12"
"""Holds two bits, and was trained for less."""

SEEDS = range(5)


def path_of(name: str) -> Path:
    """Where the networks of that name lie, all seeds in one file."""
    return Path(__file__).parent / "data" / f"flip_flop_{name}.safetensors"


def new(name: str, seed: int) -> nn.RNNBase:
    """The network before its training."""
    if name == SMALL:
        return module_from_spec(name, 2, seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MODULES[name]()


@cache
def trained(name: str, seed: int) -> TrainedFlipFlop:
    """The network after it, and how well it does on sequences never seen."""
    module = new(name, seed)
    readout = nn.Linear(module.hidden_size, module.input_size, device="meta").to_empty(device="cpu")  # draws nothing
    weights = {key: tensor for key, tensor in load_file(path_of(name)).items() if key.startswith(f"{seed}.")}
    for part, kept in (("module", module), ("readout", readout)):
        own = f"{seed}.{part}."
        kept.load_state_dict({key.removeprefix(own): tensor for key, tensor in weights.items() if key.startswith(own)})
    module.eval()
    generator = torch.Generator().manual_seed(1000 + seed)
    inputs, targets = flip_flop(256, 60, module.input_size, 0.1, generator=generator)
    with torch.no_grad():
        guesses = readout(module(inputs.transpose(0, 1))[0].transpose(0, 1))
    module.train()
    right = (guesses.sign() == targets)[:, 1:].double().mean()
    return TrainedFlipFlop(module, readout, inputs, right.item(), (guesses - targets).square().mean().item())
