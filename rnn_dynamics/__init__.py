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
    graph = rd.transition_graph(network, found, pulses)          # which input takes which attractor to which
    history = rd.warm_up(module, sequences)                      # the published warmup, in place
    planting = rd.plant(module, sequences)                       # genuine attractors, by construction
    tracker = rd.AttractorTracker(sequences)                     # tracker.observe(step, module) in any training loop
    rd.train(rd.SequenceModel(module, 1), task, tracker=tracker) # or in ours; rd.plot_tracking(tracker.history)
    rd.plot_attractors(found)
    diagram = rd.bifurcation_diagram(network.input_family(0), starts, (-1, 1))  # what changes as an input moves
    rd.plot_diagram(diagram)
    run = rd.rl.train_agent(rd.rl.q_network(maze), maze)         # maze = rd.rl.TMaze(10); train_agents: many
    rd.rl.evaluate_agent(policy, (10, 20, 50))                   # agents in the T-Maze; needs Gymnasium

The plan of the house is in CONTRIBUTING.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import cells, tasks
from .attractors import (
    Attractors,
    Settle,
    basin_boundary,
    basin_map,
    find_attractors,
    find_attractors_over_inputs,
    find_cycles,
    finite_time_exponents,
    kaplan_yorke_dimension,
    lyapunov_spectrum,
)
from .bifurcations import (
    BifurcationCurve,
    BifurcationDiagram,
    Branch,
    MultistabilityMap,
    Walk,
    bifurcation_diagram,
    continue_bifurcation,
    continue_fixed_point,
    multistability_map,
)
from .certificates import BranchCertificates, Certificates, FixedPointCensus, all_fixed_points, certify
from .families import between, scaled, shifted, through
from .fixed_points import FixedPoints, find_fixed_points, find_fixed_points_over_inputs, index_sum
from .landscapes import (
    BasinFractions,
    EscapeTimes,
    Resilience,
    UncertaintyExponent,
    Wada,
    basin_fractions,
    escape_times,
    resilience,
    uncertainty_exponent,
    wada,
)
from .line_attractors import LineAttractor, line_attractors
from .multistability import Reachability, diversity, echo_index, reachability, soft_vaa, vaa
from .planting import Planting, plant
from .roots import LinearRegions, Newton, NewtonKrylov, ScipyRoot, SpeedMinimizer
from .store import load, save
from .sweeps import Sweep, SweepPlan, sweep
from .systems import AutonomousMap, Checkpoint, DrivenMap, as_map, driving, read_checkpoint, sample_states
from .targeted_directions import targeted_directions
from .timeline import TrainingBifurcations, training_bifurcations
from .tracking import AttractorTracker, Effort, TrackingHistory, track_checkpoints
from .training import SequenceModel, Training, TrainSettings, train, train_ensemble
from .transitions import saddle_connections, transition_graph
from .version import __version__ as __version__
from .warmup import Horizon, Warmup, warm_up

if TYPE_CHECKING:
    from . import rl as rl
    from .plotting import (
        plot_attractors,
        plot_automaton,
        plot_basin_fractions,
        plot_basins,
        plot_branches,
        plot_diagram,
        plot_echo_index,
        plot_escape_times,
        plot_fixed_points,
        plot_line_attractor,
        plot_parameter_plane,
        plot_reachability,
        plot_resilience,
        plot_spectrum,
        plot_sweep,
        plot_timeline,
        plot_tracking,
        plot_transition_graph,
        plot_uncertainty,
        plot_warmup,
    )

__all__ = [
    "AttractorTracker",
    "Attractors",
    "AutonomousMap",
    "BasinFractions",
    "BifurcationCurve",
    "BifurcationDiagram",
    "Branch",
    "BranchCertificates",
    "Certificates",
    "Checkpoint",
    "DrivenMap",
    "Effort",
    "EscapeTimes",
    "FixedPointCensus",
    "FixedPoints",
    "Horizon",
    "LineAttractor",
    "LinearRegions",
    "MultistabilityMap",
    "Newton",
    "NewtonKrylov",
    "Planting",
    "Reachability",
    "Resilience",
    "ScipyRoot",
    "SequenceModel",
    "Settle",
    "SpeedMinimizer",
    "Sweep",
    "SweepPlan",
    "TrackingHistory",
    "TrainSettings",
    "Training",
    "TrainingBifurcations",
    "UncertaintyExponent",
    "Wada",
    "Walk",
    "Warmup",
    "all_fixed_points",
    "as_map",
    "basin_boundary",
    "basin_fractions",
    "basin_map",
    "between",
    "bifurcation_diagram",
    "cells",
    "certify",
    "continue_bifurcation",
    "continue_fixed_point",
    "diversity",
    "driving",
    "echo_index",
    "escape_times",
    "find_attractors",
    "find_attractors_over_inputs",
    "find_cycles",
    "find_fixed_points",
    "find_fixed_points_over_inputs",
    "finite_time_exponents",
    "index_sum",
    "kaplan_yorke_dimension",
    "line_attractors",
    "load",
    "lyapunov_spectrum",
    "multistability_map",
    "plant",
    "plot_attractors",
    "plot_automaton",
    "plot_basin_fractions",
    "plot_basins",
    "plot_branches",
    "plot_diagram",
    "plot_echo_index",
    "plot_escape_times",
    "plot_fixed_points",
    "plot_line_attractor",
    "plot_parameter_plane",
    "plot_reachability",
    "plot_resilience",
    "plot_spectrum",
    "plot_sweep",
    "plot_timeline",
    "plot_tracking",
    "plot_transition_graph",
    "plot_uncertainty",
    "plot_warmup",
    "reachability",
    "read_checkpoint",
    "resilience",
    "saddle_connections",
    "sample_states",
    "save",
    "scaled",
    "shifted",
    "soft_vaa",
    "sweep",
    "targeted_directions",
    "tasks",
    "through",
    "track_checkpoints",
    "train",
    "train_ensemble",
    "training_bifurcations",
    "transition_graph",
    "uncertainty_exponent",
    "vaa",
    "wada",
    "warm_up",
]


def __getattr__(name: str) -> Any:
    """What is imported once it is asked for: plots, as matplotlib doubles the cost; agents, as Gymnasium may lack."""
    if name == "rl":
        return import_module(".rl", __name__)
    if name != "plotting" and name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    plotting = import_module(".plotting", __name__)
    return plotting if name == "plotting" else getattr(plotting, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
