"""The README's figures of what is reached: a warmed GRU's claim and truth, and a flip-flop network's transition graph.

    python figures/reached.py

writes reached_claim, reached_circle and flip_flop_graph (PDF and PNG) and reached.safetensors beside this file. The
warmed GRU (1 input, 2 layers of 64 units, 100 steps of the published procedure, seed 0) is made by
tests/benchmarks/warmed.py.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.plotting import save_figure
from rnn_dynamics.training import train_flip_flop

FOLDER = Path(__file__).parent
WARMED = FOLDER.parent / "tests" / "data" / "warmed_GRU-64x2.safetensors"


def claim_and_truth() -> None:
    """N = 128 states, VAA to 10,000 steps, at a held input of 0."""
    module = nn.GRU(1, 64, num_layers=2)
    module.load_state_dict(load_file(WARMED))
    sequences = torch.randn(300, 50, 1, generator=torch.Generator().manual_seed(1))
    reach = rd.reachability(rd.as_map(module), sequences, hold=[0.0], n=128)
    print(reach)
    rd.save(reach, FOLDER / "reached.safetensors")
    save_figure(rd.plot_reachability(reach)[0].figure, FOLDER / "reached_claim")
    ax = rd.plot_attractors(reach.attractors[0], starts=reach.starts)
    save_figure(ax.figure, FOLDER / "reached_circle")


def flip_flop_graph() -> None:
    """All 48 transitions, of which 24 change nothing."""
    torch.manual_seed(0)
    module = nn.GRU(3, 16, batch_first=True)
    trained = train_flip_flop(module, steps=1500)
    network = rd.as_map(module)
    found = rd.find_attractors(network.hold(), rd.sample_states(network, trained.test_inputs, 512))
    pulses = torch.cat([torch.eye(3), -torch.eye(3)])
    names = [f"{sign}1 on channel {channel}" for sign in "+−" for channel in (1, 2, 3)]
    graph = rd.transition_graph(network, found, pulses, names=names)
    ax = rd.plot_transition_graph(graph, positions=found.states)
    save_figure(ax.figure, FOLDER / "flip_flop_graph")


if __name__ == "__main__":
    claim_and_truth()
    flip_flop_graph()
