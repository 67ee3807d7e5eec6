"""Rows far from the rest: by their q, and by their distance from the starts."""

from typing import Any

import numpy as np

from .points import FixedPoints
from .refusals import MismatchError

Array = np.ndarray[Any, Any]


def q_outliers(fps: FixedPoints, q_thresh: float) -> Array:
    """The rows whose q is above ``q_thresh``."""
    return np.flatnonzero(_q(fps) > q_thresh)


def q_non_outliers(fps: FixedPoints, q_thresh: float) -> Array:
    """The rows whose q is not above ``q_thresh``."""
    return np.flatnonzero(_q(fps) <= q_thresh)


def distance_non_outliers(fps: FixedPoints, initial_states: Array, dist_thresh: float) -> Array:
    """The rows nearer to the centroid of the starts than ``dist_thresh`` times the starts' mean distance to it."""
    if fps.xstar is None:
        raise MismatchError("fps must hold xstar, got None")
    starts = np.asarray(initial_states)
    centroid = starts.mean(axis=0)
    spread = np.linalg.norm(starts - centroid, axis=1).mean()
    if not spread:  # of a single start no point is far
        return np.arange(len(fps))
    return np.flatnonzero(np.linalg.norm(fps.xstar - centroid, axis=1) < dist_thresh * spread)


def _q(fps: FixedPoints) -> Array:
    if fps.qstar is None:
        raise MismatchError("fps must hold qstar, got None")
    return fps.qstar
