"""What varies: families of maps over one parameter: an input, weights, a way between two checkpoints."""

from .checkpoints import Through, through
from .interpolation import Interpolation, between, frozen_network, held_input, named_weights
from .protocol import DifferentiableFamily, Family, IteratedFamily, Span, iterated, parameter_derivative
from .weights import scaled, shifted

__all__ = [
    "DifferentiableFamily",
    "Family",
    "Interpolation",
    "IteratedFamily",
    "Span",
    "Through",
    "between",
    "frozen_network",
    "held_input",
    "iterated",
    "named_weights",
    "parameter_derivative",
    "scaled",
    "shifted",
    "through",
]
