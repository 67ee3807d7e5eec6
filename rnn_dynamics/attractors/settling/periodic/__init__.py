"""Stable fixed points and cycles: proposed by Newton's method, proved by the linearisation that orbits follow."""

from .detector import PeriodicDetector
from .proposals import Periodic, candidate_periods, distinct_roots, polish_cycle, propose_points

__all__ = [
    "Periodic",
    "PeriodicDetector",
    "candidate_periods",
    "distinct_roots",
    "polish_cycle",
    "propose_points",
]
