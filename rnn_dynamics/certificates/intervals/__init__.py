"""Many boxes at once: F and DF over intervals of float64, rounded outward, and the interval Newton test."""

from .duals import Unbounded
from .evaluation import BATCHES, Batches, Evaluation
from .intervals import Intervals, joined, product, up
from .newton import Preconditioned, contracted, contraction, krawczyk, krawczyk_of, preconditioned, residual_of
from .of_map import evaluation_of, evaluation_of_function
from .over_balls import OverBalls

__all__ = [
    "BATCHES",
    "Batches",
    "Evaluation",
    "Intervals",
    "OverBalls",
    "Preconditioned",
    "Unbounded",
    "contracted",
    "contraction",
    "evaluation_of",
    "evaluation_of_function",
    "joined",
    "krawczyk",
    "krawczyk_of",
    "preconditioned",
    "product",
    "residual_of",
    "up",
]
