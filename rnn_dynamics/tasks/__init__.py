"""Floor 0: tasks that networks are trained on."""

from .flip_flop import flip_flop

__all__ = ["flip_flop"]
