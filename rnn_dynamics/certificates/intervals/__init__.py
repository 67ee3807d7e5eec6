"""Many boxes at once: F and DF over intervals of float64, rounded outward, and the interval Newton test."""

from .evaluation import Batches, Evaluation, evaluation_of
from .intervals import Intervals, joined, product
from .newton import Preconditioned, contracted, krawczyk, preconditioned

__all__ = [
    "Batches",
    "Evaluation",
    "Intervals",
    "Preconditioned",
    "contracted",
    "evaluation_of",
    "joined",
    "krawczyk",
    "preconditioned",
    "product",
]
