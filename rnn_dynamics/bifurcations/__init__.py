"""Floor 8: what changes as a parameter moves: branches, their bifurcations, whole diagrams, curves of bifurcations."""

from .branches import continue_fixed_point
from .diagram_results import BifurcationDiagram, Section
from .results import Branch, Join, SpecialPoint
from .tracing import BranchWalk

__all__ = ["BifurcationDiagram", "Branch", "BranchWalk", "Join", "Section", "SpecialPoint", "continue_fixed_point"]
