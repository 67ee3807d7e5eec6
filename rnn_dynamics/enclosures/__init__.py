"""The same step that analyses run, and its derivative, over balls that contain every rounding."""

from .balls import ball, contains, exact, hull, intersection, is_finite, midpoints, overlaps, precision, radii
from .enclosure import Enclosure, enclose
from .tracing import Trace, Unenclosed, trace

__all__ = [
    "Enclosure",
    "Trace",
    "Unenclosed",
    "ball",
    "contains",
    "enclose",
    "exact",
    "hull",
    "intersection",
    "is_finite",
    "midpoints",
    "overlaps",
    "precision",
    "radii",
    "trace",
]
