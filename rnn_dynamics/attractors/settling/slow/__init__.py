"""Rows that drift slowly: followed by implicit steps to where they rest, return or run away."""

from .detector import SlowDetector

__all__ = ["SlowDetector"]
