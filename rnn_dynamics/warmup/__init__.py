"""The published warmup: a network learns to keep far apart what its inputs lead to."""

from .horizon import Horizon
from .results import Warmup
from .update import warm_up

__all__ = [
    "Horizon",
    "Warmup",
    "warm_up",
]
