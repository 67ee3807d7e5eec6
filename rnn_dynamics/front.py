"""What users call: every name of ``rnn_dynamics`` itself, all of which its first use brings."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import cells, charts, tasks
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
from .charts import Chart, Crisis, OrbitDiagram, chart, find_crisis, orbit_diagram
from .families import between, input_plane, scaled, shifted, through
from .fixed_points import FixedPoints, find_fixed_points, find_fixed_points_over_inputs, index_sum
from .integrators import LineAttractor, line_attractors
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
from .manifolds import (
    ConnectingOrbits,
    InvariantManifold,
    InvariantSurface,
    connecting_orbits,
    continue_connection,
    continue_tangency,
    invariant_manifold,
    invariant_surface,
)
from .multistability import Reachability, diversity, echo_index, reachability, soft_vaa, vaa
from .planting import Planting, plant
from .portraits import PhasePortrait, phase_portrait
from .roots import LinearRegions, Newton, NewtonKrylov, ScipyRoot, SpeedMinimizer
from .store import load, save
from .sweeps import Sweep, SweepPlan, sweep
from .systems import AutonomousMap, Checkpoint, DrivenMap, as_map, driving, read_checkpoint, sample_states
from .task_directions import targeted_directions
from .timeline import TrainingBifurcations, training_bifurcations
from .tracking import AttractorTracker, Effort, TrackingHistory, track_checkpoints
from .training import SequenceModel, Training, TrainSettings, train, train_ensemble
from .transitions import saddle_connections, transition_graph
from .warmup import Horizon, Warmup, warm_up

if TYPE_CHECKING:
    from . import rl as rl
    from .plotting import (
        plot_attractors,
        plot_automaton,
        plot_basin_fractions,
        plot_basins,
        plot_branches,
        plot_chart,
        plot_delay,
        plot_diagram,
        plot_echo_index,
        plot_escape_times,
        plot_fixed_points,
        plot_line_attractor,
        plot_manifold,
        plot_orbit_diagram,
        plot_parameter_plane,
        plot_phase_portrait,
        plot_reachability,
        plot_resilience,
        plot_skeleton,
        plot_spectrum,
        plot_spectrum_path,
        plot_sweep,
        plot_timeline,
        plot_tracking,
        plot_trajectories,
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
    "Chart",
    "Checkpoint",
    "ConnectingOrbits",
    "Crisis",
    "DrivenMap",
    "Effort",
    "EscapeTimes",
    "FixedPointCensus",
    "FixedPoints",
    "Horizon",
    "InvariantManifold",
    "InvariantSurface",
    "LineAttractor",
    "LinearRegions",
    "MultistabilityMap",
    "Newton",
    "NewtonKrylov",
    "OrbitDiagram",
    "PhasePortrait",
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
    "chart",
    "charts",
    "connecting_orbits",
    "continue_bifurcation",
    "continue_connection",
    "continue_fixed_point",
    "continue_tangency",
    "diversity",
    "driving",
    "echo_index",
    "escape_times",
    "find_attractors",
    "find_attractors_over_inputs",
    "find_crisis",
    "find_cycles",
    "find_fixed_points",
    "find_fixed_points_over_inputs",
    "finite_time_exponents",
    "index_sum",
    "input_plane",
    "invariant_manifold",
    "invariant_surface",
    "kaplan_yorke_dimension",
    "line_attractors",
    "load",
    "lyapunov_spectrum",
    "multistability_map",
    "orbit_diagram",
    "phase_portrait",
    "plant",
    "plot_attractors",
    "plot_automaton",
    "plot_basin_fractions",
    "plot_basins",
    "plot_branches",
    "plot_chart",
    "plot_delay",
    "plot_diagram",
    "plot_echo_index",
    "plot_escape_times",
    "plot_fixed_points",
    "plot_line_attractor",
    "plot_manifold",
    "plot_orbit_diagram",
    "plot_parameter_plane",
    "plot_phase_portrait",
    "plot_reachability",
    "plot_resilience",
    "plot_skeleton",
    "plot_spectrum",
    "plot_spectrum_path",
    "plot_sweep",
    "plot_timeline",
    "plot_tracking",
    "plot_trajectories",
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
        return import_module(".rl", __package__)
    if name != "plotting" and name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    plotting = import_module(".plotting", __package__)
    return plotting if name == "plotting" else getattr(plotting, name)
