"""How many fixed points there are between bifurcations, and whether their indices say that a branch is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ...families import Span
from ...systems import Box, NoBox
from ..branch import Branch
from .continuum_branch import ContinuumBranch

_ONE = 1e-6
"""Of the span: bifurcations nearer than this are at one parameter, as for joins: two branches that meet locate the
point each for itself."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Between two parameters at which the branches of fixed points change, each: see ``BifurcationDiagram``."""

    intervals: Tensor
    counts: Tensor
    stable_counts: Tensor
    index_sums: Tensor
    valid: Tensor

    def wrong(self, wanted: int | None) -> list[int]:
        """The intervals whose index sum is another than ``wanted``, or than most have; those with none do not count."""
        sums = self.index_sums[self.valid]
        if not len(sums):
            return []
        right = int(sums.mode().values) if wanted is None else wanted
        return ((self.index_sums != right) & self.valid).nonzero().flatten().tolist()


def count_branches(
    branches: list[Branch],
    span: tuple[float, float],
    continua: tuple[ContinuumBranch, ...] = (),
    box_at: Callable[[float], Box | NoBox] | None = None,
) -> Counts:
    """Count the branches that pass the middle of every interval, and sum their indices.

    In a box that the user declared, only the fixed points inside have to sum to 1. Where there is a continuum, or a
    fixed point lies on the wall of that box, the sum says nothing.
    """
    low, high = min(span), max(span)
    cuts = {low, high}
    for continuum in continua:
        cuts |= set(continuum.range)
    for branch in branches:
        if branch.period == 1:
            cuts |= {point.parameter for point in branch.special_points}
            if not branch.complete:  # where a branch is lost, the count changes too
                cuts |= {float(branch.parameters[0]), float(branch.parameters[-1])}
    edges: list[float] = []
    for cut in sorted(cut for cut in cuts if low <= cut <= high):
        if not edges or cut - edges[-1] > _ONE * (high - low):
            edges.append(cut)
    rows = []
    for begin, end in pairwise(edges):
        middle = 0.5 * (begin + end)
        passing = [(branch, row) for branch in branches if branch.period == 1 for row in branch.passing(middle)]
        stable = sum(branch.stable_beyond(row) for branch, row in passing)
        valid = not any(continuum.range[0] <= middle <= continuum.range[1] for continuum in continua)
        inside = torch.ones(len(passing), dtype=torch.bool)
        box = box_at(middle) if passing and box_at is not None else None
        if isinstance(box, Box) and not box.holds_all:
            states = torch.cat([branch.near(middle) for branch in branches if branch.period == 1]).to(box.lower)
            inside = box.contains(states).cpu()
            valid = valid and not bool(box.touches(states).any())
        index = sum(branch.index_beyond(row) for (branch, row), here in zip(passing, inside, strict=True) if here)
        rows.append((begin, end, len(passing), stable, index, valid))
    table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 6)
    return Counts(table[:, :2], table[:, 2].long(), table[:, 3].long(), table[:, 4].long(), table[:, 5].bool())


def expected_index(span: Span) -> tuple[int | None, str]:
    """1 where the maps at both ends and in the middle each take a box into itself, and why, or why it is not known."""
    boxes = [span.system(s).box for s in (0.0, 0.5, 1.0)]
    for box in boxes:
        if isinstance(box, NoBox):
            return None, box.reason
    return 1, boxes[0].reason
