"""What changes as a parameter moves: branches, their bifurcations, whole diagrams, curves of bifurcations."""

from .branch import (
    ENDS,
    OPEN_ENDS,
    Branch,
    BranchWalk,
    Join,
    Observable,
    SpecialPoint,
    Walk,
    continue_fixed_point,
    hermite,
    observe,
)
from .diagram import BifurcationDiagram, ContinuumBranch, Section, TransverseChange, bifurcation_diagram
from .two_parameters import (
    BifurcationCurve,
    CodimensionTwoPoint,
    MultistabilityMap,
    continue_bifurcation,
    multistability_map,
)

__all__ = [
    "ENDS",
    "OPEN_ENDS",
    "BifurcationCurve",
    "BifurcationDiagram",
    "Branch",
    "BranchWalk",
    "CodimensionTwoPoint",
    "ContinuumBranch",
    "Join",
    "MultistabilityMap",
    "Observable",
    "Section",
    "SpecialPoint",
    "TransverseChange",
    "Walk",
    "bifurcation_diagram",
    "continue_bifurcation",
    "continue_fixed_point",
    "hermite",
    "multistability_map",
    "observe",
]
