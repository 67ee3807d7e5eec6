"""Names of inputs in transition graphs: no two alike, keys of edges, and what an input means beside the held one."""

import networkx as nx
import pytest
import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.plotting import plot_transition_graph


def network(n: int = 1) -> rd.DrivenMap:
    return rd.as_map(lambda h, x: torch.tanh(2 * h + x), state_size=n, input_size=n)


def memories(held: float = 0.0) -> rd.Attractors:
    return rd.find_attractors(network().hold([held]), torch.tensor([[-0.5], [0.5]]))


def sequence(*values: float) -> Tensor:
    return torch.tensor(values).unsqueeze(1)


def test_sequences_that_begin_alike_have_names_of_their_own() -> None:
    """Three quiet steps, then up, then down: by their first three steps they are the same."""
    pulses = [sequence(0, 0, 0, 3), sequence(0, 0, 0, -3), sequence(5)]
    graph = rd.transition_graph(network(), memories(), pulses)
    labels = {edge["input"]: edge["label"] for *_, edge in graph.edges(data=True)}
    assert labels == {0: "input 0: 0 0 0 ...", 1: "input 1: 0 0 0 ...", 2: "+5"}
    ends = {(source, key): target for source, target, key in graph.edges(keys=True)}
    assert ends == {
        (0, labels[0]): 1,
        (1, labels[0]): 1,
        (0, labels[1]): 0,
        (1, labels[1]): 0,
        (0, labels[2]): 1,
        (1, labels[2]): 1,
    }
    ax = plot_transition_graph(graph, self_loops=True)
    legend = ax.get_legend()
    assert legend is not None
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == ["fixed point (2)", *(labels[row] for row in range(3))]


def test_values_that_print_alike_and_equal_inputs_have_names_of_their_own() -> None:
    pulses = torch.tensor([[1.0000001], [1.0000002], [2.0], [2.0]], dtype=torch.float64)
    graph = rd.transition_graph(network(), memories(), pulses)
    assert graph.number_of_edges() == 8
    assert {key for *_, key in graph.edges(keys=True)} == {"input 0: +1", "input 1: +1", "input 2: +2", "input 3: +2"}


def test_an_edge_is_found_by_its_input() -> None:
    graph = rd.transition_graph(network(), memories(), [sequence(3), sequence(-3)], names=["up", "down"])
    assert graph[0][1]["up"]["probability"] == 1
    assert graph[1][0]["down"]["input"] == 1
    assert set(graph[1][1]) == {"up"}


def test_edges_of_noisy_inputs_keep_apart() -> None:
    pulses = [sequence(0, 0, 0, 0.5), sequence(0, 0, 0, -0.5)]
    graph = rd.transition_graph(network(), memories(), pulses, noise=0.8, trials=200, seed=1)
    for source in (0, 1):
        for row in (0, 1):
            edges = [edge for *_, edge in graph.out_edges(source, data=True) if edge["input"] == row]
            assert sum(edge["probability"] for edge in edges) == pytest.approx(1)
    assert max(len(graph[source][target]) for source, target in graph.edges()) == 2


def test_exported_edges_keep_their_names(tmp_path) -> None:
    graph = rd.transition_graph(network(), memories(), [sequence(0, 0, 0, 3), sequence(0, 0, 0, -3)])
    nx.write_graphml(graph, tmp_path / "graph.graphml")
    again = nx.read_graphml(tmp_path / "graph.graphml", node_type=int, force_multigraph=True)
    assert sorted(again.edges(keys=True)) == sorted(graph.edges(keys=True))


def test_names_given_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="names must differ, got 'go' 2 times"):
        rd.transition_graph(network(), memories(), [sequence(3), sequence(-3), sequence(1)], names=["go", "go", "no"])


def test_an_input_replaces_the_held_one() -> None:
    """Held at .2 there are two memories; an input of -2.3 for one step leads across, one of .2 - 2.3 would not."""

    def end(pulse: float) -> float:
        state = torch.tensor([0.7], dtype=torch.float64)
        for x in [0.2] * 200 + [pulse] + [0.2] * 400:
            state = torch.tanh(2 * state + x)
        return float(state)

    found = memories(0.2)
    assert len(found) == 2
    for pulse in (-2.0, -2.1, -2.3, -2.5):
        graph = rd.transition_graph(network(), found, torch.tensor([[pulse]]))
        (target,) = graph.successors(1)
        assert float(found.states[target]) == pytest.approx(end(pulse), abs=1e-6)
    assert end(-2.3) < 0 < end(0.2 - 2.3)
