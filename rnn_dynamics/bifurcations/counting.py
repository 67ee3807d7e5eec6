"""How many fixed points there are between bifurcations, and whether their indices say that a branch is missing."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..continuation.families import Span
from ..systems import Box
from .results import Branch

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


def counted(branches: list[Branch], span: tuple[float, float]) -> Counts:
    """Count the branches that pass the middle of every interval, and sum their indices."""
    low, high = min(span), max(span)
    cuts = {low, high}
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
        index = sum(branch.index_beyond(row) for branch, row in passing)
        rows.append((begin, end, len(passing), stable, index))
    table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 5)
    return Counts(table[:, :2], table[:, 2].long(), table[:, 3].long(), table[:, 4].long())


def expected_index(span: Span) -> int | None:
    """1 where the maps at both ends and in the middle each take a box into itself that holds all fixed points."""
    boxes = [span.system(s).box for s in (0.0, 0.5, 1.0)]
    return 1 if all(isinstance(box, Box) and box.holds_all for box in boxes) else None
