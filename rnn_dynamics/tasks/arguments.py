"""Lengths that are one number or a range."""

from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from ..checks import ArgumentError, CheckedInside, whole_number

Length: TypeAlias = Annotated[int | tuple[int, int], CheckedInside()]


def draw_lengths(length: Length, n: int, least: int, generator: torch.Generator) -> Tensor:
    """Lengths [n]: all ``length``, or uniform on {min, ..., max}; one number draws nothing from the generator."""
    if not isinstance(length, tuple):
        return torch.full((n,), whole_number(length, "length, if not a pair (min, max),", least))
    if len(length) != 2:
        raise ArgumentError("length", f"must be a whole number or a pair (min, max), got {length!r}")
    shortest, longest = (whole_number(end, "each of length's (min, max)", least) for end in length)
    if shortest > longest:
        raise ArgumentError("length", f"must be a pair (min, max) with min <= max, got {length!r}")
    return torch.randint(shortest, longest + 1, (n,), generator=generator)
