"""A bounded box that holds the fixed points of a map."""

import torch

from ...checks import ArgumentError, as_vector
from ...systems import AutonomousMap, Box
from ..intervals import Evaluation, Intervals
from .rows import Within

_IMAGES = 20
"""How often F may map a box into a smaller one before the search begins."""


def of_everything(evaluation: Evaluation) -> Intervals:
    """A box [1, n] that holds all fixed points of R^n, maybe without bounds.

    Every fixed point lies in X and F(X) if it lies in X, from X = R^n on.
    """
    everything = torch.full((1, evaluation.size), torch.inf, dtype=torch.float64)
    box = Intervals(-everything, everything)
    for _ in range(_IMAGES):
        before, box = box, box.meet(evaluation.value(box))
        if bool(box.empty.any()) or (torch.equal(before.lower, box.lower) and torch.equal(before.upper, box.upper)):
            break
    return box


def first_box(evaluation: Evaluation, system: AutonomousMap, within: Within | None) -> tuple[Intervals | None, bool]:
    """A bounded box [1, n] to search, and whether it holds all fixed points of R^n.

    Where that of everything is without bounds, the box that the map declares is searched.
    """
    box = of_everything(evaluation)
    if within is not None:
        asked = _asked(within, evaluation.size)
        everywhere = bool((asked.lower <= box.lower).all()) and bool((asked.upper >= box.upper).all())
        return box.meet(asked), everywhere
    if bool(box.width.isfinite().all()):
        return box, True
    declared = system.box
    if not isinstance(declared, Box):
        return None, False
    corners = (end.to("cpu", torch.float64).unsqueeze(0) for end in (declared.lower, declared.upper))
    return box.meet(Intervals(*corners)), False


def _asked(within: Within, n: int) -> Intervals:
    ends = [
        torch.full((n,), float(end), dtype=torch.float64)
        if isinstance(end, int | float)
        else as_vector(end, "within", n, dtype=torch.float64, device=torch.device("cpu"))
        for end in within
    ]
    lower, upper = (end.unsqueeze(0) for end in ends)
    if not bool((lower < upper).all()):
        raise ArgumentError("within", "must be (lower, upper) with lower < upper in every coordinate")
    return Intervals(lower, upper)
