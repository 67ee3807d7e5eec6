"""All branches over a span, and the evidence that there are no more."""

from .continuum_branch import ContinuumBranch, TransverseChange
from .results import BifurcationDiagram, Section
from .search import bifurcation_diagram

__all__ = [
    "BifurcationDiagram",
    "ContinuumBranch",
    "Section",
    "TransverseChange",
    "bifurcation_diagram",
]
