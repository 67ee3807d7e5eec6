"""The tour's figures of what is reached: a warmed GRU's claim and truth, and a flip-flop network's transition graph.

    python -m figures.reached

writes reached_claim, reached_circle and flip_flop_graph (PDF and PNG) and reached.md, and what is not stored yet beside
this file. The warmed GRU (1 input, 2 layers of 64 units, 100 steps of the published procedure, seed 0) is made by
tests/benchmarks/warmed.py, the flip-flop network by flip_flop.py.
"""

import json
from pathlib import Path

import networkx as nx
import torch
from safetensors.torch import load_file
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.plotting import save_figure
from rnn_dynamics.plotting.pages import write_caption

from .flip_flop import trained

FOLDER = Path(__file__).parent
WARMED = FOLDER.parent / "tests" / "data" / "warmed_GRU-64x2.safetensors"
_REACH, _MEMORIES = FOLDER / "reached.safetensors", FOLDER / "flip_flop_memories.safetensors"
_GRAPH = FOLDER / "flip_flop_graph.json"
_SIGNS = {1: "+", -1: "\N{MINUS SIGN}"}


def reach_of_warmed() -> rd.Reachability:
    """N = 128 states, VAA to 10,000 steps, at a held input of 0."""
    if not _REACH.exists():
        module = nn.GRU(1, 64, num_layers=2)
        module.load_state_dict(load_file(WARMED))
        sequences = torch.randn(300, 50, 1, generator=torch.Generator().manual_seed(1))
        rd.save(rd.reachability(rd.as_map(module), sequences, hold=[0.0], n=128), _REACH)
    return rd.load(_REACH)


def graph_of_memories() -> tuple[nx.MultiDiGraph, rd.Attractors, list[str]]:
    """What each pulse does to each memory; the memories, and the bits that the readout tells of each."""
    module, inputs, weight, bias = trained()
    if not (_GRAPH.exists() and _MEMORIES.exists()):
        network = rd.as_map(module)
        found = rd.find_attractors(network.hold(), rd.sample_states(network, inputs, 512))
        names = [f"{_SIGNS[sign]}1 on bit {bit}" for sign in (1, -1) for bit in (1, 2, 3)]
        pulses = torch.cat([torch.eye(3), -torch.eye(3)])
        graph = rd.transition_graph(network, found, pulses, names=names)
        _GRAPH.write_text(json.dumps(nx.node_link_data(graph, edges="edges"), indent=1) + "\n")
        rd.save(found, _MEMORIES)
    found = rd.load(_MEMORIES)
    signs = (found.states.to(weight) @ weight.T + bias).sign().int().tolist()
    bits = ["".join(_SIGNS[sign] for sign in row) for row in signs]
    return nx.node_link_graph(json.loads(_GRAPH.read_text()), edges="edges"), found, bits


def caption(reach: rd.Reachability, graph: nx.MultiDiGraph, bits: list[str]) -> str:
    """All three figures, in numbers."""
    counted = ", ".join(f"{number:.3g} {kind.named(number)}" for kind, number in reach.counts.items())
    edges = list(graph.edges())
    changes = [(one, other) for one, other in edges if one != other]
    flips = sum(sum(a != b for a, b in zip(bits[one], bits[other], strict=True)) == 1 for one, other in changes)
    return f"""
**What is claimed and what is there.** *reached_claim*: a GRU of 2 layers of 64 units after warmup, its input held at 0.
Left: after {int(reach.horizons[-1]):,} steps the published VAA stands for {reach.n * float(reach.vaas[0, -1]):.4g}
attractors (n = {reach.n}); the same states settle on {counted}. Right: how far each still moves in a step then.
*reached_circle*: where they go, on two principal components. *flip_flop_graph*: the {len(graph)} memories of a GRU that
holds 3 bits, each named by the signs of its readout, and what a pulse of one step on one bit does to them: of
{len(edges)} pairs of memory and pulse {len(changes)} lead to another memory, {flips} of these to the one that
differs in
one bit; {len(edges) - len(changes)} change nothing.
"""


def main() -> None:
    """Measure what has not been, and draw."""
    reach = reach_of_warmed()
    print(reach)
    save_figure(rd.plot_reachability(reach)[0].figure, FOLDER / "reached_claim")
    save_figure(rd.plot_attractors(reach.attractors[0], starts=reach.starts).figure, FOLDER / "reached_circle")
    graph, found, bits = graph_of_memories()
    save_figure(rd.plot_transition_graph(graph, positions=found.states, names=bits).figure, FOLDER / "flip_flop_graph")
    write_caption(FOLDER / "reached.md", caption(reach, graph, bits))


if __name__ == "__main__":
    main()
