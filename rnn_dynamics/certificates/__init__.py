"""Proofs of what was found: existence, uniqueness, stability and reach, each a theorem or a row that says why not."""

from .branches import BranchCertificates, BranchObstacle
from .completeness import FixedPointCensus, all_fixed_points
from .obstacles import Obstacle, Passage
from .proved_reach import ProvedReach
from .results import Certificates
from .search import certify

__all__ = [
    "BranchCertificates",
    "BranchObstacle",
    "Certificates",
    "FixedPointCensus",
    "Obstacle",
    "Passage",
    "ProvedReach",
    "all_fixed_points",
    "certify",
]
