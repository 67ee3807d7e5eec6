"""Limit cycles, circles, tori and chaos: orbits followed until their exponents tell the kind."""

from .detector import Wanderer
from .orbit import MovingOrbit

__all__ = [
    "MovingOrbit",
    "Wanderer",
]
