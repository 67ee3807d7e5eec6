"""Rows that drift slowly: followed by implicit steps to where they rest, return or run away."""

from .detector import Drifter

__all__ = [
    "Drifter",
]
