"""Rules for numbers that are made, and for their types."""

from typing import Any

import torch

from ..arrays import Array, Balls, Constant, balls_of
from ..tape import Tape
from .elementwise import as_number
from .registry import rule

MADE = frozenset(
    {
        "_new_zeros_with_same_feature_meta",
        "zeros",
        "ones",
        "full",
        "eye",
        "arange",
        "scalar_tensor",
        "zeros_like",
        "ones_like",
        "full_like",
        "new_zeros",
        "new_ones",
        "new_full",
    }
)
"""Operations that make numbers which depend on nothing but whole numbers and what they are filled with."""


def made(operation: Any, arguments: dict[str, Any]) -> Constant:
    """What torch makes, on the host."""
    given = {
        name: torch.zeros(value.shape, dtype=torch.float64) if isinstance(value, Balls | Constant) else value
        for name, value in arguments.items()
        if name not in ("device", "pin_memory", "layout", "memory_format")
    }
    if "arange" in str(operation) and not all(isinstance(given.get(end, 0), int) for end in ("start", "end", "step")):
        raise NotImplementedError("steps that are no whole numbers")
    return Constant(operation(**given))


@rule("_to_copy")
def converted(_: Tape, self: Array, dtype: torch.dtype | None = None, **_others: Any) -> Array:
    if isinstance(self, Constant):
        return Constant(self.tensor if dtype is None else self.tensor.to(dtype))
    if dtype is not None and not dtype.is_floating_point:
        if dtype is torch.bool and not any(hasattr(one, "mid") for one in self.flat()):
            return self
        raise NotImplementedError(f"numbers that depend on the state taken to {dtype}")
    balls = balls_of(self)
    return Balls.of(list(map(as_number, balls.flat())), balls.flat_slopes(), balls.shape)
