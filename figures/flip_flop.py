"""The figures of README and tour: the fixed points of a GRU trained on the 3-bit flip-flop, and their spectra.

    python -m figures.flip_flop

writes flip_flop_cube and flip_flop_spectrum (PDF and PNG) and flip_flop.md from the trained network and the points that
are stored beside this file; what is not there is made anew, in a minute.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.fixed_points import FixedPoints
from rnn_dynamics.plotting import figure, save_figure
from rnn_dynamics.plotting.pages import write_caption
from rnn_dynamics.training import train_flip_flop

FOLDER = Path(__file__).parent
_NETWORK, _POINTS = FOLDER / "flip_flop_network.safetensors", FOLDER / "flip_flop.safetensors"
_DRAWN = 16
"""Trajectories."""


def trained() -> tuple[nn.GRU, Tensor, Tensor, Tensor]:
    """The network, pulses that it was tested on [k, T, 3], and its readout: weights [3, n] and bias [3]."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.GRU(3, 16, batch_first=True)
        if not _NETWORK.exists():
            made = train_flip_flop(module, steps=1500)
            readout = {"readout.weight": made.readout.weight.detach(), "readout.bias": made.readout.bias.detach()}
            # Pulses are 1, -1 or none: as whole numbers they take a quarter of the room.
            save_file({**module.state_dict(), **readout, "inputs": made.test_inputs.to(torch.int8)}, _NETWORK)
    kept = load_file(_NETWORK)
    inputs, weight, bias = (kept.pop(name) for name in ("inputs", "readout.weight", "readout.bias"))
    module.load_state_dict(kept)
    return module, inputs.float(), weight, bias


def points_of(module: nn.GRU, inputs: Tensor) -> FixedPoints:
    """Those that are stored, or else found."""
    if not _POINTS.exists():
        network = rd.as_map(module)
        starts = rd.sample_states(network, inputs, 1024, noise=0.5)
        rd.save(rd.find_fixed_points(network.hold(), starts), _POINTS)
    return rd.load(_POINTS)


def caption(points: FixedPoints) -> str:
    """Both figures, in numbers."""
    numbers = points.n_unstable.tolist()
    saddles = ", ".join(f"{numbers.count(k)} with {k}" for k in sorted(set(numbers)) if k)
    moduli = points.eigenvalues.abs()
    largest, beyond = float(moduli[points.stable].max()), moduli[moduli > 0.95]
    near = int(((moduli > 0.85) & (moduli <= 0.95)).sum())
    return f"""
**The fixed points of a flip-flop network.** A GRU of {points.states.shape[1]} units trained to hold 3 bits, without
input. *flip_flop_cube*: its {len(points)} fixed points on the first three principal components of what is drawn:
{numbers.count(0)} stable ones (the memories) and {len(points) - numbers.count(0)} saddles ({saddles} unstable
directions), with {_DRAWN} of its trajectories; their indices sum to {points.index_sum}. *flip_flop_spectrum*: all
eigenvalues of the Jacobian at each of them; the inset shows where most of those that are near the unit circle are. Of
stable points the largest modulus is {largest:.3f}. {near} eigenvalues have moduli from 0.85 to 0.95; the
{len(beyond)} larger ones begin at {float(beyond.min()):.3f}.
"""


def main() -> None:
    """Train and search, unless it has been done, and draw."""
    module, inputs, _, _ = trained()
    points = points_of(module, inputs)
    print(points)
    with torch.no_grad():
        trajectories = rd.as_map(module).run(inputs[:_DRAWN])
    cube, ax = figure(projection="3d")
    rd.plot_fixed_points(points, trajectories, ax, dimensions=3)
    save_figure(cube, FOLDER / "flip_flop_cube")
    circle, ax = figure()
    rd.plot_spectrum(points, ax)
    save_figure(circle, FOLDER / "flip_flop_spectrum")
    write_caption(FOLDER / "flip_flop.md", caption(points))


if __name__ == "__main__":
    main()
