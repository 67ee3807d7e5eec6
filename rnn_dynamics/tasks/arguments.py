"""What the constructors of tasks take: whole numbers, seeds, and lengths that are one number or a range."""

from numbers import Integral
from typing import TypeAlias

import torch
from torch import Tensor

Length: TypeAlias = int | tuple[int, int]


def whole_number(value: object, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def generator_of(seed: int | torch.Generator) -> torch.Generator:
    """A generator seeded with ``seed``, or ``seed`` itself, which is then moved on."""
    if isinstance(seed, torch.Generator):
        if seed.device.type != "cpu":
            raise ValueError(f"seed must be a whole number or a generator on the CPU, got one on {seed.device}")
        return seed
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not -(2**63) <= int(seed) < 2**64:
        raise ValueError(f"seed must be a whole number of 64 bits or a torch.Generator, got {seed!r}")
    return torch.Generator().manual_seed(int(seed))


def draw_lengths(length: Length, n: int, least: int, generator: torch.Generator) -> Tensor:
    """Lengths [n]: all ``length``, or uniform on {min, ..., max}; one number draws nothing from the generator."""
    if not isinstance(length, tuple):
        return torch.full((n,), whole_number(length, "length, if not a pair (min, max),", least))
    if len(length) != 2:
        raise ValueError(f"length must be a whole number or a pair (min, max), got {length!r}")
    shortest, longest = (whole_number(end, "each of length's (min, max)", least) for end in length)
    if shortest > longest:
        raise ValueError(f"length must be a pair (min, max) with min <= max, got {length!r}")
    return torch.randint(shortest, longest + 1, (n,), generator=generator)
