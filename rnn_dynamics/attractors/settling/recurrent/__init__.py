"""Limit cycles, circles, tori and chaos: orbits followed until their exponents tell the kind."""

from .detector import RecurrentDetector

__all__ = ["RecurrentDetector"]
