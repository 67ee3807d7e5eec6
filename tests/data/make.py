"""Train the flip-flop networks of the tests: ``python -m tests.data.make [NAME ...]``, ten minutes on two cores.

Another processor rounds otherwise, and another network comes out; so the tests load what is kept here.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import torch
from safetensors.torch import save_file
from torch import Tensor

from rnn_dynamics.training import train_flip_flop

from ..trained import MODULES, SEEDS, SMALL, new, path_of


def made(name: str, seed: int) -> dict[str, Tensor]:
    """Weights of one network and its readout."""
    torch.set_num_threads(1)
    options = {"steps": 700, "length": 30} if name == SMALL else {"steps": 800}
    network = train_flip_flop(new(name, seed), seed=seed, **options)
    parts = {"module": network.module, "readout": network.readout}
    return {f"{seed}.{part}.{key}": tensor for part in parts for key, tensor in parts[part].state_dict().items()}


def main() -> None:
    """Make them all, or those named."""
    names = sys.argv[1:] or [*MODULES, SMALL]
    cases = [(name, seed) for name, seed in product(names, SEEDS) if name != SMALL or seed == 0]
    with ProcessPoolExecutor() as pool:
        weights = list(pool.map(made, *zip(*cases, strict=True)))
    for name in names:
        own = [tensors for (case, _), tensors in zip(cases, weights, strict=True) if case == name]
        save_file({key: tensor for tensors in own for key, tensor in tensors.items()}, path_of(name))


if __name__ == "__main__":
    main()
