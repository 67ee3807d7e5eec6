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
    return rd.resilience(network.hold(), memories(), starts[:128], restarts=3, rounds=4)


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
    """A pulse of input 0 for one step, then 3,000 steps without: bisected by where each comes to rest."""
    network, _ = trained()
    states, system = memories().states, network.hold()

    def stays(row: int, amplitude: float) -> bool:
        after = network.hold([amplitude, 0.0, 0.0])(states[row][None])
        after = system.iterate(after, 3000)
        return int(torch.cdist(after, states).argmin()) == row

    compared = 0
    for row in range(len(states)):
        for column, sign in ((0, 1.0), (1, -1.0)):
            found = float(table().pulses[row, 0, column])
            if not found < 2:  # the pulse has the sign that the bit has already
                continue
            low, high = 0.0, 2.0
            while high - low > 1e-6:
                middle = (low + high) / 2
                low, high = (middle, high) if stays(row, sign * middle) else (low, middle)
            assert found == pytest.approx(high, abs=1e-5)
            compared += 1
    assert compared == 8  # bit 0 of each memory is flipped one way


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
