"""FixedPointFinder's interface on this library's search: its users change one import."""

from .drawing import plot_fps
from .finder import FixedPointFinder
from .points import FixedPoints

__all__ = ["FixedPointFinder", "FixedPoints", "plot_fps"]
