"""Every row found so far, and the distinct points among them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..roots import RootResult, Status
from ..systems import relative
from .merging import merge

_KNOWN = 1e-6
"""Relative: what is known to some nine digits is nearer than this to what it is."""


@dataclass
class Pool:
    """Every row found so far, and the distinct ones among them."""

    tolerance: float
    units: Tensor
    are_roots: Callable[[Tensor], Tensor]
    """Which of some states [k, n] are roots, and not places where the map fades: asked once of every new point."""
    origins: list[str] = field(default_factory=list)
    states: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    residuals: Tensor = field(default_factory=lambda: torch.empty(0))
    errors: Tensor = field(default_factory=lambda: torch.empty(0))
    times: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    ends: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    """For each row of the first result the point that it ended at, or -1."""

    def add(self, result: RootResult, origin: str) -> int:
        """Merge a round's found rows in; returns how many points are new."""
        found = result.statuses == Status.FOUND
        if not len(self.states):
            self.states = result.states[:0]
            self.residuals, self.errors = result.residuals[:0], result.errors[:0]
        before = len(self.states)
        states = torch.cat([self.states, result.states[found]])
        residuals = torch.cat([self.residuals, result.residuals[found]])
        errors = torch.cat([self.errors, result.errors[found]])
        weights = torch.cat(
            [self.times.to(states.device), torch.ones(int(found.sum()), dtype=torch.long, device=states.device)]
        )
        representative = merge(states, residuals, errors, self.tolerance, self.units)
        kept, group = representative.unique(return_inverse=True)
        times = torch.zeros(len(kept), dtype=torch.long, device=states.device).index_add_(0, group, weights)
        # A group's origin is that of its earliest member: one already known, if any.
        earliest = torch.full((len(kept),), len(states), device=states.device)
        earliest.scatter_reduce_(0, group, torch.arange(len(states), device=states.device), "amin")

        good = earliest < before
        good[~good] = self.are_roots(states[kept[~good]])
        place = torch.where(good, good.cumsum(dim=0) - 1, -1)[group]  # of every row
        if not len(self.ends):
            self.ends = torch.full((len(result.states),), -1, device=states.device)
            self.ends[found] = place
        else:
            self.ends = torch.where(self.ends >= 0, place[self.ends], -1)
        kept, earliest, self.times = kept[good], earliest[good], times[good]
        self.origins = [self.origins[row] if row < before else origin for row in earliest.tolist()]
        self.states, self.residuals, self.errors = states[kept], residuals[kept], errors[kept]
        return int((earliest >= before).sum())

    def holds(self, roots: Tensor) -> bool:
        """Whether each of ``roots`` [p, n], known to some nine digits, is among the distinct points."""
        nearest = [relative(self.states - root, root, self.units).min() for root in roots if len(self.states)]
        return len(nearest) == len(roots) and all(gap <= _KNOWN for gap in nearest)
