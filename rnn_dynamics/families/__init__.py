"""What varies: families of maps over one parameter: an input, weights, a way between two checkpoints."""

from .checkpoints import Through, through
from .interpolation import Interpolation, between, frozen_network, held_input, named_weights
from .planes import HeldRows, InputPlane, PlaneFamily, Rectangle, checked_rectangle, corner_of, input_plane, input_rows
from .protocol import DifferentiableFamily, Family, IteratedFamily, Span, iterated, parameter_derivative
from .weights import scaled, shifted

__all__ = [
    "DifferentiableFamily",
    "Family",
    "HeldRows",
    "InputPlane",
    "Interpolation",
    "IteratedFamily",
    "PlaneFamily",
    "Rectangle",
    "Span",
    "Through",
    "between",
    "checked_rectangle",
    "corner_of",
    "frozen_network",
    "held_input",
    "input_plane",
    "input_rows",
    "iterated",
    "named_weights",
    "parameter_derivative",
    "scaled",
    "shifted",
    "through",
]
