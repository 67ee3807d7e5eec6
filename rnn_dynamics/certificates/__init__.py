"""Proofs of what was found: existence, uniqueness, stability and reach, each a theorem or a row that says why not."""

from .obstacles import Obstacle, Passage
from .proved_reach import ProvedReach
from .results import Certificates
from .search import certify

__all__ = ["Certificates", "Obstacle", "Passage", "ProvedReach", "certify"]
