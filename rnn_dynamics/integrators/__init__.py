"""Lines and rings of fixed or slow points as integrators: direction, selection vector, inputs and drift along them."""

from .results import LineAttractor
from .search import line_attractors

__all__ = ["LineAttractor", "line_attractors"]
