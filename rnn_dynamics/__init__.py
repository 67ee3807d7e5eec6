"""What did my recurrent network learn? Its fixed points, their stability, and whether any are missing.

One idea carries the library: a recurrent network whose input is held is an autonomous map h -> F(h), and every analysis
is a question asked of that map.

    import rnn_dynamics as rd

    network = rd.as_map(module)                                  # nn.RNN, nn.GRU, nn.LSTM, a cell, or any function
    starts = rd.sample_states(network, sequences, 1024, noise=0.5)
    points = rd.find_fixed_points(network.hold(), starts)        # all of them, and the check that says so
    rd.plot_fixed_points(points)

The floors, each importing only from those below:

0. ``systems`` (maps and what torch modules are as maps), ``tasks``, ``store`` (results to disk and back)
1. ``roots`` (solvers), ``stability`` (eigenvalues and kinds)
2. ``fixed_points`` (the search, and the completeness check)
3. ``training`` (the flip-flop networks of the demo)
4. ``plotting`` (figures of results)
5. ``cli`` (the command ``rnn-dynamics``)
"""

from .fixed_points import FixedPoints, find_fixed_points, find_fixed_points_over_inputs, index_sum
from .plotting import plot_fixed_points, plot_spectrum
from .roots import Newton, NewtonKrylov, ScipyRoot, SpeedMinimizer
from .store import load, save
from .systems import AutonomousMap, DrivenMap, as_map, sample_states

__all__ = [
    "AutonomousMap",
    "DrivenMap",
    "FixedPoints",
    "Newton",
    "NewtonKrylov",
    "ScipyRoot",
    "SpeedMinimizer",
    "as_map",
    "find_fixed_points",
    "find_fixed_points_over_inputs",
    "index_sum",
    "load",
    "plot_fixed_points",
    "plot_spectrum",
    "sample_states",
    "save",
]
