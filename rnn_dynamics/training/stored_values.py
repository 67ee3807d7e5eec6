"""Kinds of values that a state on disk is made of, for those who check one that was read."""

from typing import Any

from torch import Tensor


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value: Any) -> bool:
    return is_whole(value) and value >= 0


def are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_count, value))


def are_numbers(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 1 and value.is_floating_point()


def are_weights(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(k, str) and isinstance(w, Tensor) for k, w in value.items())


def are_moments(value: Any) -> bool:
    return isinstance(value, dict) and all(map(are_weights, value.values()))
