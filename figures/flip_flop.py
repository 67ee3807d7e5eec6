"""The README's figures: the fixed points of a GRU trained on the 3-bit flip-flop, and their spectra.

    python figures/flip_flop.py

writes flip_flop_cube and flip_flop_spectrum (PDF and PNG) and flip_flop.safetensors beside this file.
"""

from pathlib import Path

import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.plotting import figure, save_figure
from rnn_dynamics.training import train_flip_flop

FOLDER = Path(__file__).parent


def main() -> None:
    """Train, search, draw."""
    torch.manual_seed(0)
    module = nn.GRU(3, 16, batch_first=True)
    trained = train_flip_flop(module, steps=1500)
    network = rd.as_map(module)
    points = rd.find_fixed_points(network.hold(), rd.sample_states(network, trained.test_inputs, 1024, noise=0.5))
    print(points)
    rd.save(points, FOLDER / "flip_flop.safetensors")
    with torch.no_grad():
        trajectories = network.run(trained.test_inputs[:16])
    cube, ax = figure(projection="3d")
    rd.plot_fixed_points(points, trajectories, ax, dimensions=3)
    save_figure(cube, FOLDER / "flip_flop_cube")
    circle, ax = figure()
    rd.plot_spectrum(points, ax)
    save_figure(circle, FOLDER / "flip_flop_spectrum")


if __name__ == "__main__":
    main()
