"""One branch of fixed points or cycles, with its special points."""

from .method import Walk
from .results import (
    ENDS,
    OPEN_ENDS,
    Branch,
    Join,
    Observable,
    hermite,
    joined,
    observe,
    reversed_branch,
)
from .special_point import SpecialPoint, special_table
from .switching import across, doubled
from .trace import checked_span, continue_fixed_point, point_on, traced
from .walk import BranchWalk, walked_out

__all__ = [
    "ENDS",
    "OPEN_ENDS",
    "Branch",
    "BranchWalk",
    "Join",
    "Observable",
    "SpecialPoint",
    "Walk",
    "across",
    "checked_span",
    "continue_fixed_point",
    "doubled",
    "hermite",
    "joined",
    "observe",
    "point_on",
    "reversed_branch",
    "special_table",
    "traced",
    "walked_out",
]
