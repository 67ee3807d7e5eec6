"""Transition graphs: the flip-flop cube, noise, exports; and the skeleton of saddle connections."""

import networkx as nx
import pytest
import torch
from problems.attractors import rotating, turn
from trained import trained

import rnn_dynamics as rd

PULSES = torch.cat([torch.eye(3), -torch.eye(3)])
NAMES = ["+1", "+2", "+3", "-1", "-2", "-3"]


@pytest.fixture(scope="module")
def flip_flop():
    memory = trained("GRU-16", 0)
    network = rd.as_map(memory.module)
    found = rd.find_attractors(network.hold(), rd.sample_states(network, memory.test_inputs, 256))
    return memory, network, found


@pytest.mark.parametrize("name", ["GRU-16", "LSTM-16", "tanh-64", "GRU-2x32"])
def test_the_cube_48_right_transitions(trained_flip_flop, name: str) -> None:
    trained = trained_flip_flop(name, 0)
    network = rd.as_map(trained.module)
    system = network.hold()
    starts = rd.sample_states(network, trained.test_inputs, 256)
    found = rd.find_attractors(system, starts)
    points = rd.find_fixed_points(system, rd.sample_states(network, trained.test_inputs, 512, noise=0.5))
    stable = points.states[points.stable]
    assert len(found) == len(stable) == 8
    assert torch.cdist(found.states, stable).amin(dim=1).max() < 1e-6
    assert float(found.fractions.sum()) == pytest.approx(1)

    graph = rd.transition_graph(network, found, PULSES, names=NAMES)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (8, 48)
    outputs = found.states if name != "LSTM-16" else found.states[:, :16]
    outputs = outputs if name != "GRU-2x32" else outputs[:, 32:]
    signs = trained.readout(outputs.float()).sign()
    for source, target, edge in graph.edges(data=True):
        want = signs[source].clone()
        want[edge["input"] % 3] = 1 if edge["input"] < 3 else -1
        assert torch.equal(want, signs[target])
        assert edge["probability"] == 1
        assert edge["label"] == NAMES[edge["input"]]
    # Without the pulses that change nothing it is the cube.
    moves = nx.Graph((a, b) for a, b in graph.edges() if a != b)
    assert nx.is_isomorphic(moves, nx.hypercube_graph(3))


def test_a_pulse_sequence_and_lists_of_several_lengths(flip_flop) -> None:
    _, network, found = flip_flop
    both = torch.stack([PULSES[0], PULSES[4]])
    graph = rd.transition_graph(network, found, [both, PULSES[:1]])
    one_by_one = rd.transition_graph(network, found, PULSES)
    step = {(a, e["input"]): b for a, b, e in one_by_one.edges(data=True)}
    for source, target, edge in graph.edges(data=True):
        want = step[(step[(source, 0)], 4)] if edge["input"] == 0 else step[(source, 0)]
        assert target == want
    assert {e["label"] for *_, e in graph.edges(data=True)} == {"+1,0,0 0,-1,0", "+1,0,0"}


def test_noise_gives_probabilities_that_sum_to_one(flip_flop) -> None:
    _, network, found = flip_flop
    graph = rd.transition_graph(network, found, 0.5 * PULSES[:2], noise=0.3, trials=30, seed=1)
    for source in range(8):
        for row in range(2):
            edges = [e for *_, e in graph.out_edges(source, data=True) if e["input"] == row]
            assert sum(e["probability"] for e in edges) == pytest.approx(1)
            assert all(e["low"] <= e["probability"] <= e["high"] and e["trials"] == 30 for e in edges)
    assert graph.number_of_edges() > 16
    again = rd.transition_graph(network, found, 0.5 * PULSES[:2], noise=0.3, trials=30, seed=1)
    assert sorted(graph.edges(data="probability")) == sorted(again.edges(data="probability"))


def test_attractors_met_on_the_way_are_added_and_tried(flip_flop) -> None:
    _, network, found = flip_flop
    start = rd.find_attractors(network.hold(), found.states[:1])
    graph = rd.transition_graph(network, start, PULSES)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (8, 48)
    assert sorted(graph.nodes(data="given")) == [(row, row == 0) for row in range(8)]


def test_a_cycle_is_tried_at_every_phase_and_a_circle_at_many_states() -> None:
    network = rd.as_map(lambda h, x: torch.tanh(-2 * h + x), state_size=1, input_size=1)
    found = rd.find_attractors(network.hold(), torch.tensor([[0.5]]))
    graph = rd.transition_graph(network, found, torch.tensor([[0.1], [3.0]]))
    assert found.kinds == ("cycle",)
    assert {e["trials"] for *_, e in graph.edges(data=True)} == {2}
    network = rd.as_map(lambda h, x: rotating(1.3, 1.0)(h) + x, state_size=2, input_size=2)
    found = rd.find_attractors(network.hold(), torch.tensor([[0.5, 0.5]]))
    graph = rd.transition_graph(network, found, torch.tensor([[0.1, 0.0]]))
    assert [(a, b, e["trials"], e["probability"]) for a, b, e in graph.edges(data=True)] == [(0, 0, 16, 1.0)]


def test_what_does_not_settle_is_a_node_of_its_own() -> None:
    network = rd.as_map(lambda h, x: torch.where(h.abs() > 1, 1.5 * h, 0.5 * h) + x, state_size=1, input_size=1)
    found = rd.find_attractors(network.hold(), torch.tensor([[0.1]]))
    graph = rd.transition_graph(network, found, torch.tensor([[0.1], [5.0]]))
    assert {(a, b) for a, b in graph.edges()} == {(0, 0), (0, "diverged")}


def test_graphml_and_back(flip_flop, tmp_path) -> None:
    _, network, found = flip_flop
    graph = rd.transition_graph(network, found, PULSES, names=NAMES)
    nx.write_graphml(graph, tmp_path / "cube.graphml")
    again = nx.read_graphml(tmp_path / "cube.graphml", node_type=int, force_multigraph=True)
    assert sorted(again.edges(data="label")) == sorted(graph.edges(data="label"))
    assert dict(again.nodes(data=True)) == dict(graph.nodes(data=True))
    nx.write_gexf(graph, tmp_path / "cube.gexf")


def test_the_held_input_of_the_attractors_is_the_one_let_go_to() -> None:
    network = rd.as_map(lambda h, x: torch.tanh(2 * h + x), state_size=1, input_size=1)
    found = rd.find_attractors(network.hold([1.0]), torch.tensor([[0.1]]))
    graph = rd.transition_graph(network, found, torch.tensor([[-5.0]]))
    assert list(graph.edges()) == [(0, 0)]  # under 1.0 there is but one memory to come back to


def test_saddles_of_the_cube_connect_their_neighbours(flip_flop) -> None:
    trained, network, found = flip_flop
    system = network.hold()
    points = rd.find_fixed_points(system, rd.sample_states(network, trained.test_inputs, 1024, noise=0.5))
    skeleton = rd.saddle_connections(system, points, found)
    assert skeleton.number_of_nodes() == 27
    signs = trained.readout(found.states.float()).sign()
    edges = [row for row in range(len(points)) if points.n_unstable[row] == 1]
    assert len(edges) == 12
    pairs = set()
    for row in edges:
        ends = [int(target.split()[1]) for target in skeleton.successors(f"saddle {row}")]
        assert len(ends) == 2  # both ways, to different memories
        assert int((signs[ends[0]] != signs[ends[1]]).sum()) == 1
        pairs.add(frozenset(ends))
    assert len(pairs) == 12
    nx.write_graphml(skeleton, "/dev/null")


def test_an_unstable_focus_is_left_along_its_plane() -> None:
    system = rd.as_map(lambda h, _: torch.tanh(1.3 * h @ turn(1.0).T), state_size=2, input_size=0).hold()
    points = rd.find_fixed_points(system, torch.zeros(1, 2), extra_starts=0)
    found = rd.find_attractors(system, torch.tensor([[0.5, 0.5]]))
    skeleton = rd.saddle_connections(system, points, found)
    assert [(a, b) for a, b in skeleton.edges()] == [("saddle 0", "attractor 0")] * 4
    assert skeleton.nodes["attractor 0"]["kind"] == "circle"


def test_symmetric_saddles_lead_to_saddles() -> None:
    """Out of the origin of tanh(2x) each eigenvector leads to the saddle on its axis, from there to two memories."""
    system = rd.as_map(lambda h, _: torch.tanh(2 * h * torch.tensor([1.0, 1.1]).to(h)), 2, 0).hold()
    points = rd.find_fixed_points(system, torch.randn(200, 2, generator=torch.Generator().manual_seed(0)))
    found = rd.find_attractors(system, torch.tensor([[0.5, 0.5]]))
    skeleton = rd.saddle_connections(system, points, found)
    centre = f"saddle {int((points.n_unstable == 2).nonzero()[0])}"
    saddles = {f"saddle {row}" for row in (points.n_unstable == 1).nonzero().flatten().tolist()}
    assert set(skeleton.successors(centre)) == saddles
    assert all(target.startswith("attractor") for saddle in saddles for target in skeleton.successors(saddle))
