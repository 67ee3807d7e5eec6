"""Floor 8: what changes as a parameter moves: branches, their bifurcations, whole diagrams, curves of bifurcations."""

from .branches import continue_fixed_point
from .coincidence import Coincidence
from .diagram import bifurcation_diagram
from .diagram_results import BifurcationDiagram, Section
from .results import Branch, Join, SpecialPoint
from .timeline import training_bifurcations
from .timeline_results import Bifurcation, TrainingBifurcations
from .tracing import BranchWalk

__all__ = [
    "Bifurcation",
    "BifurcationDiagram",
    "Branch",
    "BranchWalk",
    "Coincidence",
    "Join",
    "Section",
    "SpecialPoint",
    "TrainingBifurcations",
    "bifurcation_diagram",
    "continue_fixed_point",
    "training_bifurcations",
]
