"""What every operation of torch that is known makes of balls, and of their slopes."""

from . import choices, elementwise, numbers, products, sums
from .choices import TRUTHS
from .moves import MOVES, move
from .numbers import MADE, made
from .registry import RULES

__all__ = ["MADE", "MOVES", "RULES", "TRUTHS", "choices", "elementwise", "made", "move", "numbers", "products", "sums"]
