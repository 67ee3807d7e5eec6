"""Floor 6: how fixed points move, meet and vanish as one parameter of a family of maps changes.

``follow`` marches all points over the parameter (``marching``) and walks those that meet a fold or a branch point
along their curve (``arclength``, over ``points`` found by bordered Newton); ``crossings`` says what eigenvalues did.
"""

from .arclength import Special, Step, first_point, walk
from .families import DifferentiableFamily, Family, IteratedFamily, Span, iterated, parameter_derivative
from .following import follow
from .interpolation import Interpolation, between
from .points import SMALLEST, Point, require_visible
from .results import Crossing, Followed
from .weights import scaled, shifted

__all__ = [
    "SMALLEST",
    "Crossing",
    "DifferentiableFamily",
    "Family",
    "Followed",
    "Interpolation",
    "IteratedFamily",
    "Point",
    "Span",
    "Special",
    "Step",
    "between",
    "first_point",
    "follow",
    "iterated",
    "parameter_derivative",
    "require_visible",
    "scaled",
    "shifted",
    "walk",
]
