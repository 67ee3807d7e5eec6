"""Floor 8: what changes as a parameter moves: branches, their bifurcations, whole diagrams, curves of bifurcations."""

from .branches import continue_fixed_point
from .coincidence import Coincidence
from .continuum_branch import ContinuumBranch, TransverseChange
from .curve_results import BifurcationCurve, CodimensionTwoPoint
from .curves import continue_bifurcation
from .diagram import bifurcation_diagram
from .diagram_results import BifurcationDiagram, Section
from .map_results import MultistabilityMap
from .maps import multistability_map
from .results import Branch, Join, SpecialPoint
from .timeline import training_bifurcations
from .timeline_results import Bifurcation, TrainingBifurcations
from .tracing import BranchWalk

__all__ = [
    "Bifurcation",
    "BifurcationCurve",
    "BifurcationDiagram",
    "Branch",
    "BranchWalk",
    "CodimensionTwoPoint",
    "Coincidence",
    "ContinuumBranch",
    "Join",
    "MultistabilityMap",
    "Section",
    "SpecialPoint",
    "TrainingBifurcations",
    "TransverseChange",
    "bifurcation_diagram",
    "continue_bifurcation",
    "continue_fixed_point",
    "multistability_map",
    "training_bifurcations",
]
