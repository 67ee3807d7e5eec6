"""Kinds of things that results list: words that carry what goes with them."""

from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Each member equals its word, ``kind == "cycle"``, and shows as it; further parts go to the ``__init__``."""

    def __new__(cls, word: str, *_: Any) -> "Kind":
        kind = str.__new__(cls, word)
        kind._value_ = word
        return kind

    def __repr__(self) -> str:
        return repr(self.value)
