"""Networks warmed by the published procedure, made once and kept in tests/data: a stand-in until warmup is built.

    python -m tests.benchmarks.warmed [GRU-32x1 ...]

100 steps of Adam at 1e-2 on the mean over layers of (VAA* - 0.95)^2; batches of 32 sequences of the copy task, T = 50;
horizon M ~ U{1 .. min(1 + 10 s, 200)} at step s; one x ~ N(0, I) per layer (arXiv 2106.01001).
"""

import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.multistability import soft_vaa
from rnn_dynamics.systems import LayeredMap

DATA = Path(__file__).parents[1] / "data"
LENGTH, BATCH, STEPS = 50, 32, 100
SPECS = {
    "GRU-32x1": lambda: nn.GRU(1, 32),
    "GRU-64x1": lambda: nn.GRU(1, 64),
    "GRU-64x2": lambda: nn.GRU(1, 64, num_layers=2),
    "LSTM-32x2": lambda: nn.LSTM(1, 32, num_layers=2),
    "LSTM-256x2": lambda: nn.LSTM(1, 256, num_layers=2),
    "GRU-256x2": lambda: nn.GRU(1, 256, num_layers=2),
}


def initialise(module: nn.RNNBase) -> None:
    """The paper's initialisation: for GRU Xavier, orthogonal and zero; for LSTM torch's own."""
    if isinstance(module, nn.GRU):
        for name, weight in module.named_parameters():
            if "bias" in name:
                nn.init.zeros_(weight)
            else:
                for gate in weight.chunk(3):
                    (nn.init.orthogonal_ if "hh" in name else nn.init.xavier_uniform_)(gate)


def warm(module: nn.RNNBase, seed: int) -> None:
    """Warm ``module`` in place."""
    generator = torch.Generator().manual_seed(seed)
    network = rd.as_map(module)
    assert isinstance(network, LayeredMap)
    sizes = [layer.state_size for layer in network.layers]
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-2)
    for step in range(STEPS):
        inputs = torch.randn(BATCH, LENGTH, 1, generator=generator)
        times = torch.randint(LENGTH, (BATCH,), generator=generator)
        horizon = int(torch.randint(1, min(1 + 10 * step, 200) + 1, (1,), generator=generator))
        states = network.run(inputs)[torch.arange(BATCH), times]
        loss = torch.zeros(())
        for layer, state in zip(network.layers, states.split(sizes, dim=-1), strict=True):
            held = torch.randn(layer.input_size, generator=generator).expand(BATCH, -1)
            for _ in range(horizon):
                state = layer.step(state, held)
            loss = loss + (soft_vaa(state) - 0.95) ** 2 / len(sizes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def warmed(name: str) -> nn.RNNBase:
    """The stored network of that name."""
    with torch.random.fork_rng():
        module = SPECS[name]()
    module.load_state_dict(load_file(DATA / f"warmed_{name}.safetensors"))
    return module


def main() -> None:
    """Make and store."""
    torch.set_num_threads(1)
    for name in sys.argv[1:] or SPECS:
        torch.manual_seed(0)
        module = SPECS[name]()
        initialise(module)
        begin = time.perf_counter()
        warm(module, seed=0)
        DATA.mkdir(exist_ok=True)
        save_file(module.state_dict(), DATA / f"warmed_{name}.safetensors")
        print(name, f"{time.perf_counter() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
