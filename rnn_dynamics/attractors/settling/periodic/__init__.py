"""Stable fixed points and cycles: proposed by Newton's method, proved by the linearisation that orbits follow."""

from .detector import Catcher
from .proposals import Periodic, as_periodic, candidate_periods, distinct_roots, polish_cycle, propose_points

__all__ = [
    "Catcher",
    "Periodic",
    "as_periodic",
    "candidate_periods",
    "distinct_roots",
    "polish_cycle",
    "propose_points",
]
