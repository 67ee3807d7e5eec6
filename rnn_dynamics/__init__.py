"""What did my recurrent network learn? Fixed points, attractors, what inputs can reach, and what is missing.

One idea carries the library: a recurrent network whose input is held is an autonomous map h -> F(h), and every analysis
is a question asked of that map.

    import rnn_dynamics as rd

    network = rd.as_map(module)                                  # nn.RNN, nn.GRU, nn.LSTM, a cell, or any function
    network = rd.read_checkpoint("model.pt").network             # or the weights in a file
    starts = rd.sample_states(network, sequences, 1024, noise=0.5)
    points = rd.find_fixed_points(network.hold(), starts)        # all of them, and the check that says so
    lines = rd.line_attractors(network.hold(), points, starts)   # integrators: what they select, and how they drift
    found = rd.find_attractors(network.hold(), starts)           # of every kind; where each start went
    proof = rd.certify(network.hold(), points)                   # each point proved: where, alone, of which stability
    reach = rd.reachability(network, sequences)                  # the published VAA, and what is really reached
    rd.resilience(network.hold(), found)                         # shocks and pulses that each withstands
    rd.basin_fractions(network.input_family(0), starts, (-1, 1)) # whose basin takes which share, as a parameter moves
    rd.invariant_manifold(network.hold(), points[3])             # the curves along which orbits leave a saddle
    graph = rd.transition_graph(network, found, pulses)          # which input takes which attractor to which
    history = rd.warm_up(module, sequences)                      # the published warmup, in place
    planting = rd.plant(module, sequences)                       # genuine attractors, by construction
    tracker = rd.AttractorTracker(sequences)                     # tracker.observe(step, module) in any training loop
    rd.train(rd.SequenceModel(module, 1), task, tracker=tracker) # or in ours; rd.plot_tracking(tracker.history)
    rd.plot_attractors(found)
    diagram = rd.bifurcation_diagram(network.input_family(0), starts, (-1, 1))  # what changes as an input moves
    rd.plot_diagram(diagram)
    rd.plot_chart(rd.chart(rd.input_plane(network), start, spans))  # what orbits do over two parameters
    rd.find_crisis(family, start, span)                          # where chaos vanishes or widens at once
    run = rd.rl.train_agent(rd.rl.q_network(maze), maze)         # maze = rd.rl.TMaze(10); train_agents: many
    rd.rl.evaluate_agent(policy, (10, 20, 50))                   # agents in the T-Maze; needs Gymnasium

The plan of the house is in CONTRIBUTING.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__ as __version__

if TYPE_CHECKING:
    from .front import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """Any name, which brings ``front`` and with it torch: the command's help, and its refusals, need neither."""
    front = import_module(".front", __name__)
    if name in globals():  # a module that came with it
        return globals()[name]
    try:
        value = getattr(front, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return globals().setdefault(name, value)


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module(".front", __name__).__all__})
