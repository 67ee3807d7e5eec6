"""Branches proved: one curve of fixed points from end to end, and its folds, flips and Neimark-Sacker points."""

from .certifying import certify_branch
from .results import BranchCertificates
from .rows import BranchObstacle

__all__ = ["BranchCertificates", "BranchObstacle", "certify_branch"]
