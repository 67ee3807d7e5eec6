"""What every operation of torch that is known makes of balls, and of their slopes."""

from typing import Any

from . import choices, elementwise, normalised, numbers, products, steps, sums
from .choices import TRUTHS
from .moves import MOVES, move
from .numbers import MADE, made
from .registry import RULES, name_of, rule_for

__all__ = [
    "MADE",
    "MOVES",
    "RULES",
    "TRUTHS",
    "choices",
    "elementwise",
    "is_known",
    "made",
    "move",
    "name_of",
    "normalised",
    "numbers",
    "products",
    "rule_for",
    "steps",
    "sums",
]


def is_known(operation: Any) -> bool:
    """Whether balls can follow an operation of torch, if perhaps not with all arguments that it takes."""
    return name_of(operation) in MOVES | MADE or rule_for(operation) is not None
