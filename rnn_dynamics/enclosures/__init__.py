"""The same step that analyses run, and its derivative, over balls that contain every rounding."""

from .balls import ball, contains, exact, hull, intersection, is_finite, midpoints, overlaps, precision, radii
from .enclosure import Enclosure, enclose
from .family import FamilyEnclosure, enclose_family
from .tracing import Trace, Unenclosed, retraced, trace

__all__ = [
    "Enclosure",
    "FamilyEnclosure",
    "Trace",
    "Unenclosed",
    "ball",
    "contains",
    "enclose",
    "enclose_family",
    "exact",
    "hull",
    "intersection",
    "is_finite",
    "midpoints",
    "overlaps",
    "precision",
    "radii",
    "retraced",
    "trace",
]
