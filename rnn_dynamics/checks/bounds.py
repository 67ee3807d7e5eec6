"""What may stand in an ``Annotated`` hint beside its type."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

MOST = 10**9
"""Of steps, samples, rounds: at 10 microseconds for a step of the smallest network, 10^9 take three hours."""


@dataclass(frozen=True)
class AtLeast:
    """A whole number from ``least`` to ``most``."""

    least: int
    most: int = MOST


@dataclass(frozen=True)
class AtMost:
    """A whole number up to ``most``; from where on, the function says."""

    most: int = MOST


@dataclass(frozen=True)
class Positive:
    """A number above 0."""


@dataclass(frozen=True)
class Within:
    """A number from ``least`` to ``most``, or between them."""

    least: float
    most: float
    ends: bool = True


@dataclass(frozen=True)
class OrInfinite:
    """Infinity too has a meaning here. Stands before other bounds."""


@dataclass(frozen=True)
class Complex:
    """A tensor that may be complex."""


@dataclass(frozen=True)
class CheckedInside:
    """The function itself says what it takes, in words of its own."""


@dataclass(frozen=True)
class OfBytes:
    """A number of bytes, infinity for no limit."""


@dataclass(frozen=True)
class Told:
    """In refusals, words that say more than the type: "an integer of 1 or more"."""

    words: str


Count: TypeAlias = Annotated[int, AtLeast(1)]
Size: TypeAlias = Annotated[int, AtMost()]
Share: TypeAlias = Annotated[float, Within(0.0, 1.0)]
Bytes: TypeAlias = Annotated[int, OfBytes()]
