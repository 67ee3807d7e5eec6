"""Fixed points from starts, one small interface, a status for every start.

For developers: a solver is a frozen dataclass of tolerances with one method, ``RootSolver.attempt``.
"""

from .evidence import are_roots
from .krylov import NewtonKrylov
from .linear_regions import LinearRegions, every_root
from .newton import Newton
from .results import Reason, RootResult, Status
from .scipy_root import ScipyRoot
from .solver import Attempt, RootSolver, residual_norms
from .speed import SpeedMinimizer

__all__ = [
    "Attempt",
    "LinearRegions",
    "Newton",
    "NewtonKrylov",
    "Reason",
    "RootResult",
    "RootSolver",
    "ScipyRoot",
    "SpeedMinimizer",
    "Status",
    "are_roots",
    "every_root",
    "residual_norms",
]
