"""Figures of results, in one style; the only floor that imports matplotlib."""

from . import _backend  # noqa: F401  # first, as the others import matplotlib
from .animation import animate
from .attractors import plot_attractors
from .automata import plot_automaton
from .basins import plot_basins
from .branches import plot_branches
from .charts import plot_chart
from .delay import plot_delay
from .diagram import plot_diagram
from .echo import plot_echo_index
from .fixed_points import plot_fixed_points
from .fractions import plot_basin_fractions
from .interactive import interactive
from .line_attractors import plot_line_attractor
from .manifolds import plot_manifold
from .orbit_diagrams import plot_orbit_diagram
from .parameter_plane import plot_parameter_plane
from .phase_portrait import plot_phase_portrait
from .reachability import plot_reachability
from .resilience import plot_escape_times, plot_resilience, plot_uncertainty
from .saving import embed_figure, save_figure
from .skeleton import plot_skeleton
from .spectrum import plot_spectrum
from .spectrum_path import plot_spectrum_path
from .style import figure
from .sweep import plot_sweep
from .timeline import plot_timeline
from .tracking import plot_tracking
from .trajectory_plot import plot_trajectories
from .transitions import plot_transition_graph
from .warmup import plot_warmup, plot_warmup_outcome

__all__ = [
    "animate",
    "embed_figure",
    "figure",
    "interactive",
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
    "plot_warmup_outcome",
    "save_figure",
]
