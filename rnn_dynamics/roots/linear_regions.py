"""All fixed points of a network of ReLUs, region by region: in each the map is linear and has one at most."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import ArgumentError, Count, Size, checked
from ..systems import AutonomousMap, Rectifiers
from .arrangements import edges, solved_regions
from .newton import Newton
from .problem import RootProblem
from .sign_patterns import solved_patterns
from .solver import Attempt, RootSolver

_LARGEST = 64
"""Units whose patterns are counted: of more there are too many in any case."""

_CONFIRMED = 1e-8
"""|G(y) - y| relative to y: a solution that lies in its own region has 1e-12 and less, one of another none so small."""


_NODES = 2
"""Nodes of the tree of patterns that are worked on at most, as a multiple of what its ``cost`` is held to."""


@checked
@dataclass(frozen=True)
class LinearRegions(RootSolver):
    """Every linear region of a network of ReLUs is solved, so that no fixed point is missed; the result says so.

    The regions of n units are told by which of them are active, 2^n at most; those of rank r <= 3 by the arrangement
    of n hyperplanes in R^r. All solvers do this by themselves where it costs less than a search; this one wherever it
    can be done, and refuses other maps. From starts it goes as ``Newton`` does, so that labels say where they lead.
    Where the equations of a region are singular, as along a line attractor, the search is the usual one. (As
    the exact method SCYFI for piecewise linear networks: Eisenmann et al. 2023, arXiv 2310.17561.)

    Args:
        tolerance: of the scaled residual, as ``RootSolver`` says.
        most: of edges of the arrangement, a microsecond each, or of patterns by fours, since most are cut: 2^22 allow
            24 units of any rank, 1,400 of rank 2 and 125 of rank 3.
        slow_points: as in ``Newton``.
    """

    tolerance: float = 1e-11
    most: Count = 2**22
    slow_points: Size = 64

    @property
    def regions(self) -> int:
        return self.most

    def attempt(self, problem: RootProblem) -> Attempt:
        equation = problem.system.rectifiers()
        if equation is None:
            raise ArgumentError("solver", f"LinearRegions must have a network of ReLUs, got {problem.system!r}")
        if cost(equation) > self.most:
            raise ArgumentError(
                "solver",
                f"LinearRegions must have most={cost(equation)} or more for {equation.units} units in "
                f"{equation.dimension} dimensions, got {self.most}",
            )
        return Newton(self.tolerance, slow_points=self.slow_points).attempt(problem)

    def without_slow_points(self) -> "LinearRegions":
        return replace(self, slow_points=0)


def cost(equation: Rectifiers) -> int:
    """What ``LinearRegions.most`` bounds."""
    return min(_patterns(equation), edges(equation.units, equation.dimension))


def _patterns(equation: Rectifiers) -> int:
    """By fours, which take as long as an edge."""
    return 2 ** min(_LARGEST, equation.units) // 4


@checked
@torch.no_grad()
def every_root(system: AutonomousMap, most: Count) -> Tensor | None:
    """All fixed points [p, n] of a network of ReLUs.

    None for other maps, where it would cost more than ``most``, and where the equations of a region are singular.
    """
    equation = system.rectifiers()
    if equation is None or cost(equation) > most:
        return None
    if _patterns(equation) <= edges(equation.units, equation.dimension):
        weight = equation.incoming @ equation.outgoing
        drives = solved_patterns(weight, equation.incoming @ equation.offset + equation.threshold, _NODES * most)
        states = None if drives is None else drives.relu() @ equation.outgoing.T + equation.offset
    else:
        states = solved_regions(equation)
    if states is None:
        return None
    gaps = (equation.images(states) - states).norm(dim=1)
    states = states[gaps <= _CONFIRMED * states.norm(dim=1).clamp(min=1.0)]
    # A point on a kink comes once for each side, one in a region of many edges once for each of them.
    digits = (states / states.abs().amax(dim=1, keepdim=True).clamp(min=1.0) / _CONFIRMED).round()
    _, which = digits.unique(dim=0, return_inverse=True)
    first = torch.full((int(which.max()) + 1 if len(which) else 0,), len(states), device=states.device)
    return states[first.scatter_reduce_(0, which, torch.arange(len(states), device=states.device), "amin")]
