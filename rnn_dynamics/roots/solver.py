"""What a root solver is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from ..checks import ArgumentError, Size, checked
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, Box, scaled_norm, sizes, units_of
from .evidence import are_roots
from .problem import RootProblem
from .results import Reason, RootResult

_CHEAP = 2**18
"""What takes no longer than the rounds of a search, some 0.3 s: 20 units of any rank, 360 of rank 2, 50 of rank 3."""


@dataclass(frozen=True, eq=False)
class Attempt:
    """What a solver came to, before its rows are judged."""

    result: RootResult
    """Its residuals are not looked at."""

    evident: Tensor | None = None
    """Rows [k] at which Newton's method was seen to contract, so that they need no further evidence."""


class RootSolver(ABC):
    """Solves F(h) = h from many starts at once.

    A state is *found* when |(F(h) - h) / s|_2 <= tolerance * max(1, |h / s|_2), s_i = max(u_i, |h_i|), evaluated on
    that very state, with u_i the unit of each coordinate: 1 for starts of that order. It must lie in the system's box
    where one is known to hold every fixed point, and be a root, not a place where F(h) - h fades away.

    For developers: a solver is a frozen dataclass of tolerances with one method, ``attempt``.
    """

    tolerance: float

    @final
    @checked
    def solve(
        self,
        system: AutonomousMap,
        starts: Tensor,
        *,
        max_steps: Size = 100,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
        progress: bool | None = None,
        units: Tensor | None = None,
        known: Tensor | None = None,
    ) -> RootResult:
        """Solve from each row of ``starts`` [k, n].

        Args:
            system: the map.
            starts: first guesses.
            max_steps: steps per start.
            memory_budget: bytes for Jacobians; more starts than fit are worked through in chunks.
            progress: whether to show a bar; by default in notebooks only, after ten seconds.
            units: of each coordinate, [n]; those of the starts by default.
            known: roots [p, n] found before, of use to solvers that know rows which are led to one of them.

        Returns:
            A row per start: numerical trouble is a reason on its row, never an exception. Ctrl-C ends the search
            early; rows not finished by then say so.
        """
        starts = as_starts(system, starts)
        units = units_of(system, starts) if units is None else units
        with torch.no_grad():
            problem = RootProblem(system, starts, units, max_steps, memory_budget, progress, known)
            return self.judged(problem, self.attempt(problem))

    @abstractmethod
    def attempt(self, problem: RootProblem) -> Attempt:
        """Go from each start towards a root."""

    def judged(self, problem: RootProblem, attempt: Attempt) -> RootResult:
        """Every row judged once more, on the map itself and on the very states that are returned."""
        system, units, result = problem.system, problem.units, attempt.result
        states, reasons = result.states, result.reasons
        drift = system(states) - states
        residuals = drift.norm(dim=-1).nan_to_num(nan=torch.inf)
        limit = thresholds(states, self.tolerance, units)
        small = scaled_norm(drift, states, units) <= limit
        # Far out, where gates saturate, F(h) - h rounds to zero without a root; the ungated map still sees it.
        ungated = system.ungated()
        honest = small if ungated is system else small & (scaled_residuals(ungated, states, units) <= 1e3 * limit)
        doubtful = honest if attempt.evident is None else honest & ~attempt.evident
        rows = doubtful.nonzero().squeeze(-1)
        fading = rows[~are_roots(ungated, states[rows], problem.starts, units, problem.memory_budget)]
        reasons = torch.where(honest, Reason.CONVERGED, reasons)
        reasons = torch.where(~honest & (reasons == Reason.CONVERGED), Reason.STALLED, reasons)
        reasons[fading] = Reason.FADING
        finite = residuals.isfinite() & states.isfinite().all(dim=-1)
        ended = reasons != Reason.INTERRUPTED
        reasons = torch.where(ended & ~finite, Reason.NOT_FINITE, reasons)
        box = system.box
        if isinstance(box, Box) and box.holds_all:
            reasons = torch.where(ended & finite & ~box.contains(states), Reason.OUTSIDE_BOX, reasons)
        return replace(result, residuals=residuals, reasons=reasons)

    @property
    def regions(self) -> int:
        """Up to which ``linear_regions.cost`` all regions of a network of ReLUs are solved, rather than searched."""
        return _CHEAP

    def without_slow_points(self) -> "RootSolver":
        """The same solver, content to leave rows that find no root where they are; itself by default."""
        return self


def as_starts(system: AutonomousMap, starts: Tensor) -> Tensor:
    """Starts [k, n] of the map's size, in its precision.

    Raises:
        ValueError: for another shape.
    """
    if starts.ndim != 2 or starts.shape[1] != system.state_size:
        raise ArgumentError("starts", f"must have shape [k, {system.state_size}], got {list(starts.shape)}")
    return starts.detach().to(dtype=system.dtype, device=system.device)


def residual_norms(system: AutonomousMap, states: Tensor) -> Tensor:
    """|F(h) - h|_2, [k]; infinite where the map is."""
    return (system(states) - states).norm(dim=-1).nan_to_num(nan=torch.inf)


def scaled_residuals(system: AutonomousMap, states: Tensor, units: Tensor) -> Tensor:
    """|(F(h) - h) / s|_2, [k]; infinite where the map is."""
    return scaled_norm(system(states) - states, states, units)


def thresholds(states: Tensor, tolerance: float, units: Tensor) -> Tensor:
    """The scaled residual that counts as zero at each state, [k]: never below what the dtype can resolve."""
    floor = 64 * torch.finfo(states.dtype).eps
    return max(tolerance, floor) * (states / sizes(states, units)).norm(dim=-1).clamp(min=1.0)
