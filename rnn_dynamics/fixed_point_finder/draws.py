"""Starts drawn from trajectories, by NumPy's legacy generator: the same seed draws what it drew in FixedPointFinder."""

import math
from typing import Any, TypeAlias

import numpy as np
import torch

from ..checks import ArgumentError, ArrayLike, as_tensor
from .refusals import MismatchError

Array: TypeAlias = np.ndarray[Any, Any]
Generator: TypeAlias = np.random.RandomState


def drawn_rows(generator: Generator, valid: ArrayLike | None, shape: tuple[int, ...], n: int) -> Array:
    """Rows [n] of trajectories laid end to end, drawn with replacement among the valid of ``shape`` [batch, time].

    Raises:
        MismatchError: for a mask of another shape.
        ValueError: for one that leaves nothing.
    """
    if valid is None:
        return generator.randint(math.prod(shape), size=n)
    mask = as_tensor(valid, "valid_bxt", dtype=torch.float64, device=torch.device("cpu")).numpy() != 0
    if mask.shape != shape:
        raise MismatchError(f"valid_bxt must have shape {list(shape)}, got {list(mask.shape)}")
    rows = np.flatnonzero(mask)
    if not len(rows):
        raise ArgumentError("valid_bxt", "must leave at least one state to draw from, got none")
    return rows[generator.randint(len(rows), size=n)]


def noisy(generator: Generator, states: Array, scale: float) -> Array:
    """States with independent normal noise of standard deviation ``scale``."""
    return states + scale * generator.randn(*states.shape) if scale else states
