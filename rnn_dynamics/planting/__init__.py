"""Multistability by construction: blocks of units that excite themselves, each with two stable states."""

from .plant import plant
from .results import Planting

__all__ = [
    "Planting",
    "plant",
]
