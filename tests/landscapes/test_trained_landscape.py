"""A trained flip-flop of 64 units: its skeleton is the cube, and its shocks and pulses agree with plain trials."""

from functools import cache

import networkx as nx
import pytest
import torch
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.training import train_flip_flop

pytestmark = pytest.mark.slow


@cache
def trained() -> tuple[rd.DrivenMap, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.GRU(3, 64)
    inputs = train_flip_flop(module, steps=400).test_inputs
    network = rd.as_map(module)
    return network, rd.sample_states(network, inputs, 1024, noise=0.5)


@cache
def memories() -> rd.Attractors:
    network, starts = trained()
    return rd.find_attractors(network.hold(), starts[:256])


@cache
def table() -> rd.Resilience:
    network, starts = trained()
    return rd.resilience(network.hold(), memories(), starts[:32], restarts=1, rounds=1)


def test_the_skeleton_is_a_cube() -> None:
    network, starts = trained()
    system = network.hold()
    points = rd.find_fixed_points(system, starts)
    graph = rd.saddle_connections(system, points, memories())
    edges = nx.Graph()
    for row in (points.n_unstable == 1).nonzero().flatten().tolist():
        ends = {target for _, target, _ in graph.out_edges(f"saddle {row}", keys=True)}
        assert len(ends) == 2
        edges.add_edge(*ends)
    assert nx.is_isomorphic(edges, nx.hypercube_graph(3))


def test_pulses_are_those_that_plain_trials_find() -> None:
    """A pulse of one input for one step, then 3,000 steps without: bisected by where each comes to rest."""
    network, _ = trained()
    states, system, pulses = memories().states, network.hold(), table().pulses[:, 0]
    # A pulse with the sign that the bit has already leaves no memory.
    rows, columns = (pulses < 2).nonzero().T
    assert len(rows) == 8  # bit 0 of each memory is flipped one way
    inputs = torch.zeros(len(rows), 3, dtype=torch.float64)
    inputs[:, 0] = 1.0 - 2.0 * columns
    driven = network.frozen(torch.float64)

    def stays(amplitudes: Tensor) -> Tensor:
        after = system.iterate(driven.step(states[rows], amplitudes[:, None] * inputs), 3000)
        return torch.cdist(after, states).argmin(dim=-1) == rows

    low, high = torch.zeros(len(rows), dtype=torch.float64), torch.full((len(rows),), 2.0, dtype=torch.float64)
    assert not stays(high).any()
    for _ in range(21):  # to 1e-6
        middle = (low + high) / 2
        staying = stays(middle)
        low, high = torch.where(staying, middle, low), torch.where(staying, high, middle)
    assert pulses[rows, columns].tolist() == pytest.approx(high.tolist(), abs=1e-5)


def test_no_shock_is_larger_than_what_a_pulse_does() -> None:
    """The state after the smallest pulse that leaves is in another basin: its distance bounds the smallest shock."""
    network, _ = trained()
    own = table()
    for row in range(len(own)):
        for number, column in own.pulses[row].isfinite().nonzero().tolist():
            pulse = torch.zeros(3, dtype=torch.float64)
            pulse[number] = float(own.pulses[row, number, column]) * (1 - 2 * column)
            moved = network.hold(pulse)(own.states[row][None])[0] - own.states[row]
            assert float(own.shock_sizes[row]) <= float(moved.norm()) * (1 + 1e-9)
