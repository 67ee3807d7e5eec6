"""Networks warmed by the published procedure (arXiv 2106.01001), kept in tests/data.

100 steps on the copy task with T = 50, initialised as in the paper. They were made by a first writing of the procedure,
before ``warm_up`` existed, whose draws came in another order: the same seed gives another network there.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

DATA = Path(__file__).parents[1] / "data"
SPECS = {
    "GRU-32x1": lambda: nn.GRU(1, 32),
    "GRU-64x1": lambda: nn.GRU(1, 64),
    "GRU-64x2": lambda: nn.GRU(1, 64, num_layers=2),
    "LSTM-32x2": lambda: nn.LSTM(1, 32, num_layers=2),
}


def warmed(name: str) -> nn.RNNBase:
    """The stored network of that name."""
    with torch.random.fork_rng():
        module = SPECS[name]()
    module.load_state_dict(load_file(DATA / f"warmed_{name}.safetensors"))
    return module
