"""Warmup, as published or for attractors: a network learns to keep apart what its inputs lead to."""

from .horizon import Horizon
from .results import Warmup
from .update import warm_up

__all__ = [
    "Horizon",
    "Warmup",
    "warm_up",
]
