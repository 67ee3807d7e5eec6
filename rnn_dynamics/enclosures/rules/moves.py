"""The rule for operations that only move numbers: torch itself does them, on the places of the numbers."""

from typing import Any

import numpy as np
import torch
from flint import arb
from torch import Tensor
from torch.utils._pytree import tree_map

from ..arrays import Balls, Constant, balls_of

MOVES = frozenset(
    {
        "_unsafe_view",
        "alias",
        "cat",
        "chunk",
        "clone",
        "constant_pad_nd",
        "contiguous",
        "copy",
        "detach",
        "diag_embed",
        "diagonal",
        "expand",
        "expand_as",
        "flatten",
        "flip",
        "gather",
        "index",
        "index_put",
        "index_select",
        "lift_fresh",
        "lift_fresh_copy",
        "narrow",
        "permute",
        "repeat",
        "reshape",
        "roll",
        "select",
        "select_scatter",
        "slice",
        "slice_scatter",
        "split",
        "split_with_sizes",
        "squeeze",
        "stack",
        "t",
        "transpose",
        "tril",
        "triu",
        "unbind",
        "unfold",
        "unsqueeze",
        "unsqueeze_copy",
        "view",
        "view_copy",
    }
)
"""By torch's names."""

_FOREIGN = ("index", "indices")
"""Arguments that are places themselves."""


def move(operation: Any, arguments: dict[str, Any]) -> Any:
    """What an operation makes of its arguments, any of which may be balls; zeros where it fills with zeros."""
    if arguments.get("accumulate") or arguments.get("value") or operation._overloadname == "dtype":
        raise NotImplementedError("numbers that it adds, fills in or reads as others")
    moved = [value for name, value in arguments.items() if name not in _FOREIGN for value in _arrays(value)]
    if all(isinstance(one, Constant) for one in moved):
        return _called(operation, arguments, lambda one: one.tensor, Constant)
    entries: list[Any] = [arb(0)]
    slopes: list[Any] = [None]

    def places(array: Any) -> Tensor:
        """Places from 1 on; 0 is that of the zero that operations fill with."""
        balls = balls_of(array)
        first = len(entries)
        entries.extend(balls.flat())
        slopes.extend(balls.flat_slopes())
        return torch.arange(first, len(entries)).reshape(balls.shape)

    found: dict[int, Tensor] = {}

    def once(array: Any) -> Tensor:
        if id(array) not in found:
            found[id(array)] = places(array)
        return found[id(array)]

    def taken(where: Tensor) -> Balls:
        rows = where.numpy()
        return Balls(_take(entries, rows), _take(slopes, rows) if any(slopes) else None)

    return _called(operation, arguments, once, taken)


def _called(operation: Any, arguments: dict[str, Any], of: Any, back: Any) -> Any:
    def tensors(name: str, value: Any) -> Any:
        foreign = name in _FOREIGN
        return tree_map(lambda one: _of(one, foreign, of), value, is_leaf=_is_array)

    given = {name: tensors(name, value) for name, value in arguments.items()}
    return tree_map(lambda one: back(one) if isinstance(one, Tensor) else one, operation(**given))


def _of(one: Any, foreign: bool, of: Any) -> Any:
    if not _is_array(one):
        return one
    if not foreign:
        return of(one)
    if not isinstance(one, Constant):
        raise NotImplementedError("places that depend on the state")
    return one.tensor


def _is_array(one: Any) -> bool:
    return isinstance(one, Balls | Constant)


def _arrays(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [array for one in value for array in _arrays(one)]
    return [value] if _is_array(value) else []


def _take(items: list[Any], rows: np.ndarray) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array[rows] if rows.ndim else array[rows : rows + 1].reshape(())
