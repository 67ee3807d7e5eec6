"""A traced family as data, to be kept in files."""

from dataclasses import dataclass

from ...store import storable
from ..stored_step import StoredStep


@storable
@dataclass(frozen=True, eq=False)
class StoredFamily:
    """The maps of a family as functions of rows (h, p), [n + 1] -> [n]."""

    whole: StoredStep
    """F(h, p); of a branch of cycles its iterate."""

    ungated: StoredStep
    """The same without its gates: a map with the same fixed points."""
