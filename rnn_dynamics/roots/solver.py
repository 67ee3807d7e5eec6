"""What a root solver is."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, Box
from .results import Reason, RootResult


class RootSolver(ABC):
    """Solves F(h) = h from many starts at once.

    A state is *found* when |F(h) - h|_2 <= tolerance * max(1, |h|_2), evaluated on that very state, and it lies in the
    system's box where one is known to hold every fixed point.
    """

    tolerance: float

    @abstractmethod
    def solve(
        self,
        system: AutonomousMap,
        starts: Tensor,
        *,
        max_steps: int = 100,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
        progress: bool = False,
    ) -> RootResult:
        """Solve from each row of ``starts`` [k, n].

        Args:
            system: the map.
            starts: first guesses.
            max_steps: steps per start.
            memory_budget: bytes for Jacobians; more starts than fit are worked through in chunks.
            progress: show a progress bar.

        Returns:
            A row per start: numerical trouble is a reason on its row, never an exception. Ctrl-C ends the search
            early; rows not finished by then say so.
        """


def as_starts(system: AutonomousMap, starts: Tensor) -> Tensor:
    """Starts [k, n] of the map's size, in its precision.

    Raises:
        ValueError: for another shape.
    """
    if starts.ndim != 2 or starts.shape[1] != system.state_size:
        raise ValueError(f"starts must have shape [k, {system.state_size}], got {list(starts.shape)}")
    return starts.detach().to(dtype=system.dtype, device=system.device)


def residual_norms(system: AutonomousMap, states: Tensor) -> Tensor:
    """|F(h) - h|_2, [k]; infinite where the map is."""
    return (system(states) - states).norm(dim=-1).nan_to_num(nan=torch.inf)


def thresholds(states: Tensor, tolerance: float) -> Tensor:
    """The residual that counts as zero at each state, [k]: never below what the dtype can resolve."""
    floor = 64 * torch.finfo(states.dtype).eps
    return max(tolerance, floor) * states.norm(dim=-1).clamp(min=1.0)


@torch.no_grad()
def conclude(
    system: AutonomousMap,
    states: Tensor,
    errors: Tensor,
    reasons: Tensor,
    steps: Tensor,
    tolerance: float,
    interrupted: bool,
) -> RootResult:
    """Judge every row once more, on the map itself and on the very states that are returned."""
    residuals = residual_norms(system, states)
    small = residuals <= thresholds(states, tolerance)
    # Far out, where gates saturate, F(h) - h rounds to zero without a root; the ungated map still sees the difference.
    ungated = system.ungated()
    honest = (
        small if ungated is system else small & (residual_norms(ungated, states) <= 1e3 * thresholds(states, tolerance))
    )
    reasons = torch.where(honest, Reason.CONVERGED, reasons)
    reasons = torch.where(~honest & (reasons == Reason.CONVERGED), Reason.STALLED, reasons)
    finite = residuals.isfinite() & states.isfinite().all(dim=-1)
    ended = reasons != Reason.INTERRUPTED
    reasons = torch.where(ended & ~finite, Reason.NOT_FINITE, reasons)
    box = system.box
    if isinstance(box, Box) and box.holds_all:
        reasons = torch.where(ended & finite & ~box.contains(states), Reason.OUTSIDE_BOX, reasons)
    return RootResult(states, residuals, errors, reasons, steps, interrupted)
