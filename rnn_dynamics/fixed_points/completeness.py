"""Whether fixed points are missing, and where to look for them."""

from dataclasses import dataclass, replace
from math import nan
from typing import Annotated

import torch
from torch import Tensor

from ..checks import Complex, checked
from ..stability import MARGINAL_TOLERANCE, fixed_point_index
from ..systems import AutonomousMap, Box, NoBox

_FINEST = 1e-4
"""Noise is drawn at every scale from the spread of the points known down to this share of it: saddles of saturating
cells lie that near to one another."""

_FARTHEST = 1e3
"""In units: how far out fixed points of a reduced map without a box are looked for."""


@dataclass(frozen=True)
class Round:
    """One round of the search."""

    starts_from: str
    starts: int
    new: int


@dataclass(frozen=True)
class Completeness:
    """What is known about missing fixed points.

    The indices sign det(I - DF) of all fixed points of a continuous map of a box into itself sum to 1 (Lefschetz), if
    the points lie inside the box, F is differentiable at them and none has an eigenvalue 1. Any other sum then proves
    that points are missing. A sum of 1 does not prove that none are.
    """

    index_sum: int | None
    """The sum, or None where the check does not apply."""

    reason: str
    """The box that justifies the sum, or why there is none."""

    unseen: float
    """Chao's lower bound on the number of points that no start has reached, from how often each was reached:
    f1 (f1 - 1) / (2 (f2 + 1)), f1 points hit once and f2 twice (doi:10.2307/2531532)."""

    rounds: tuple[Round, ...]
    """The search: the user's starts, then what it went on with by itself."""

    interrupted: bool = False
    """Whether Ctrl-C ended the search early."""

    exhaustive: bool = False
    """Whether every linear region of a network of ReLUs was solved, so that no fixed point is missing."""

    def of_a_choice(self) -> "Completeness":
        """What is known of some of the points that the search found: nothing about missing ones."""
        reason = "these are a choice of the points found"
        return replace(self, index_sum=None, reason=reason, unseen=nan, exhaustive=False)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.exhaustive:
            return "all: every linear region was solved, so no fixed point is missing"
        extra = "; the search was interrupted" if self.interrupted else ""
        extra += f"; {self.unseen:.1f} more expected from the hit counts" if self.unseen >= 0.5 else ""
        if self.index_sum is None:
            return f"index sum not applicable: {self.reason}{extra}"
        if self.index_sum != 1:
            return f"index sum {self.index_sum}, must be 1: points are certainly missing{extra}"
        return f"index sum 1, as it must be: no sign of a missing point{extra}"


@checked
def index_sum(
    system: AutonomousMap,
    states: Tensor,
    eigenvalues: Annotated[Tensor, Complex()],
    tolerance: float = MARGINAL_TOLERANCE,
) -> tuple[int | None, str]:
    """The sum of sign det(I - DF) over fixed points ``states`` [p, n] in the system's box, and why it holds.

    Returns:
        (sum, reason), or (None, reason) where no box is known or a point is degenerate (an eigenvalue 1).
    """
    n = system.state_size
    for name, given in (("states", states), ("eigenvalues", eigenvalues)):
        if given.ndim != 2 or given.shape[1] != n or len(given) != len(states):
            raise ValueError(f"{name} must have shape [p, {n}] with a row for each point, got {list(given.shape)}")
    eigenvalues = eigenvalues if eigenvalues.is_complex() else eigenvalues.to(torch.complex128)
    box = system.box
    if isinstance(box, NoBox):
        return None, box.reason
    if not box.holds_all and box.touches(states).any():
        return (
            None,
            "a fixed point lies on the wall of the declared box, where its index is another: declare a wider box",
        )
    indices = fixed_point_index(eigenvalues, tolerance)[box.contains(states).to(eigenvalues.device)]
    if (indices == 0).any():
        return None, "a fixed point has an eigenvalue 1, so its index is undefined"
    return int(indices.sum()), box.reason


def unseen_estimate(times_reached: Tensor) -> float:
    """Chao1's bias-corrected lower bound on the number of classes not seen, from the counts [p] of those seen."""
    once, twice = int((times_reached == 1).sum()), int((times_reached == 2).sum())
    return once * (once - 1) / (2 * (twice + 1))


def fresh_starts(
    system: AutonomousMap, known: Tensor, n: int, generator: torch.Generator, units: Tensor, everywhere: bool = False
) -> list[tuple[str, Tensor]]:
    """About ``n`` starts by four recipes from the fixed points ``known`` [p, n].

    Midpoints and convex combinations of four find what is missing at the least cost, noise and the box what lies
    outside the hull; deflation, extrapolation and unstable manifolds were measured and found less per start
    (tests/benchmarks/README.md). In the few dimensions of a reduced map ``everywhere`` looks in the whole box, or at
    all distances where there is none.
    """
    p, share = len(known), max(1, n // 4)
    box = system.box
    near = 0.1 * units.clamp(max=1.0)

    def pick(k: int) -> Tensor:
        return known[torch.randint(p, (k,), generator=generator).to(known.device)]

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64).to(known)

    recipes: list[tuple[str, Tensor]] = []
    if p > 1:
        recipes.append(("midpoints", _midpoints(known, share, pick)))
        weights = -draw(4, share, 1).log()
        corners = pick(4 * share).view(4, share, -1)
        recipes.append(("combinations", (weights / weights.sum(dim=0) * corners).sum(dim=0)))
    if p > 0:
        spread = known.std(dim=0) if p > 1 else known[0].abs()  # an LSTM's cells spread far wider than its outputs
        noise = torch.randn(share, known.shape[1], generator=generator, dtype=torch.float64).to(known)
        noise *= _FINEST ** draw(share, 1)
        recipes.append(("noise", pick(share) + torch.maximum(spread, near) * noise))
    if isinstance(box, Box):
        # A long box (an LSTM's cells) holds its points near the middle.
        reach = torch.full_like(box.upper, torch.inf) if everywhere or not p else known.abs().amax(dim=0) * 1.5 + near
        lower, upper = torch.maximum(box.lower, -reach), torch.minimum(box.upper, reach)
        recipes.append(("box", lower + (upper - lower) * draw(share, known.shape[1])))
    elif everywhere:
        afar = torch.randn(share, len(units), generator=generator, dtype=torch.float64).to(units)
        recipes.append(("afar", afar * units * _FARTHEST ** draw(share, 1)))
    return recipes


def _midpoints(known: Tensor, share: int, pick) -> Tensor:
    pairs = torch.combinations(torch.arange(len(known)), 2) if len(known) <= 128 else None
    if pairs is not None and len(pairs) <= share:
        return known[pairs].mean(dim=1)
    return (pick(share) + pick(share)) / 2
