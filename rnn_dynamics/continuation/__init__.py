"""How fixed points move, meet and vanish as one parameter of a family of maps changes.

``follow`` marches all points over the parameter (``marching``) and walks those that meet a fold or a branch point
along their curve (``arclength``, over ``points`` found by bordered Newton); ``crossings`` says what eigenvalues did.
All of them measure by max(1, |h|), in the units of the span (``families.Span.in_units``).
"""

from .arclength import OUT_OF_SIGHT, Step, first_point, walk
from .closing import passes
from .crossings import Path, count_outside, eigenvalues_at, known_special
from .following import follow
from .kinds import BifurcationKind
from .locating import Zero, locate, point_between
from .marching import newton
from .points import Point, corrected, covector, length
from .results import Followed
from .special import Special
from .spectra import leading_eigenvalues

__all__ = [
    "OUT_OF_SIGHT",
    "BifurcationKind",
    "Followed",
    "Path",
    "Point",
    "Special",
    "Step",
    "Zero",
    "corrected",
    "count_outside",
    "covector",
    "eigenvalues_at",
    "first_point",
    "follow",
    "known_special",
    "leading_eigenvalues",
    "length",
    "locate",
    "newton",
    "passes",
    "point_between",
    "walk",
]
