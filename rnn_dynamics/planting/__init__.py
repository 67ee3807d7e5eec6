"""Multistability by construction: blocks of units that excite themselves, each with two stable states."""

from .plant import plant, sow
from .results import Planting

__all__ = [
    "Planting",
    "plant",
    "sow",
]
