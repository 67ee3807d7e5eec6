"""Results that are tables, one row a thing: how rows are counted, walked through and chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor

from .results import Result

Rows: TypeAlias = int | slice | Tensor | np.ndarray[Any, Any] | Sequence[int] | Sequence[bool]


class RowError(IndexError, ValueError):
    """A row that is not there: what Python's sequences raise, and what this library's doors raise."""


@dataclass(frozen=True, eq=False)
class Table(Result):
    """A frozen dataclass whose fields are columns: tensors and tuples with one entry a row.

    ``table[3]``, ``table[-5:]``, ``table[mask]`` and ``table[[4, 0]]`` are tables of the same type with these rows, in
    that order: ``table[3]`` has one row, so that everything made for tables (properties, plots, ``save``) works on it,
    and a ``for`` loop meets each row as such a table. A choice holds its rows and nothing else that was found; what
    is known of the starts refers to all of them still, and ``chosen_from`` says how many rows there were.

    Subclasses name the fields that are not columns with ``whole``, and with ``pointers`` tensors that hold numbers of
    rows, which are renumbered: -1 where their row was not chosen. Rows of those that are ``in_order`` (of time, along a
    curve) are chosen in that order, each once. ``save`` takes those that are ``store.storable``.
    """

    _whole: ClassVar[frozenset[str]] = frozenset({"chosen_from"})
    _pointers: ClassVar[frozenset[str]] = frozenset()
    _in_order: ClassVar[bool] = False

    chosen_from: int | None = field(default=None, kw_only=True, repr=False)
    """How many rows the table had that these were chosen from; None for the whole result."""

    def __init_subclass__(
        cls, *, whole: Sequence[str] = (), pointers: Sequence[str] = (), in_order: bool = False
    ) -> None:
        super().__init_subclass__()
        cls._whole, cls._pointers = cls._whole | set(whole), cls._pointers | set(pointers)
        cls._in_order = cls._in_order or in_order

    def __len__(self) -> int:
        return next(len(getattr(self, name)) for name in self._columns() if getattr(self, name) is not None)

    def __iter__(self) -> Iterator[Self]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, rows: Rows) -> Self:
        if isinstance(rows, tuple):
            raise RowError("rows must be one choice, as a number, a slice, a list or a mask: a table has one axis")
        chosen = chosen_rows(rows, len(self), "rows")
        if self._in_order and any(later <= earlier for earlier, later in pairwise(chosen)):
            raise RowError(f"rows must rise, as those of a {type(self).__name__} are in order, got {chosen[:12]}")
        index = torch.tensor(chosen, dtype=torch.long)
        changes = {name: _taken(getattr(self, name), index) for name in self._columns()}
        new_row = torch.full((len(self) + 1,), -1)  # one more, which -1 points at: no row stays no row
        new_row[index.flip(0)] = torch.arange(len(index)).flip(0)  # of a row chosen twice the first
        changes |= {name: new_row.to(getattr(self, name).device)[getattr(self, name)] for name in self._pointers}
        changes["chosen_from"] = len(self) if self.chosen_from is None else self.chosen_from
        return replace(self, **changes | self._of_a_choice(chosen))

    def __array__(self, *_: Any, **__: Any) -> np.ndarray[Any, Any]:
        # Numpy would take a table of tables, and a row of it, for ever more nested sequences.
        raise TypeError(f"{type(self).__name__} is a table, not an array: take one of its columns")

    @classmethod
    def _columns(cls) -> list[str]:
        return [f.name for f in fields(cls) if f.name not in cls._whole | cls._pointers]

    def _dimensions_of(self, name: str) -> tuple[str, ...]:
        return self._dimensions.get(name, ("row",) if name in self._columns() else ())

    def _of_a_choice(self, _: list[int], /) -> dict[str, Any]:
        """What else of the fields changes in a choice of these rows, numbers from 0."""
        return {}

    def _counted(self, noun: str, plural: str | None = None) -> str:
        """The number of rows with their noun, as in "3 of 27 fixed points"."""
        several = f"{noun}s" if plural is None else plural
        if self.chosen_from is None:
            return f"{len(self)} {noun if len(self) == 1 else several}"
        return f"{len(self)} of {self.chosen_from} {noun if self.chosen_from == 1 else several}"


def renumbered(things: tuple[Any, ...], rows: list[int]) -> tuple[Any, ...]:
    """Of dataclasses with a ``row``, those whose row was chosen, with its new number."""
    place = {row: number for number, row in enumerate(rows)}
    return tuple(replace(thing, row=place[thing.row]) for thing in things if thing.row in place)


def chosen_ends(ends: tuple[str, str], rows: list[int], count: int) -> tuple[str, str]:
    """Why a choice of the rows of a curve ends where it does: "chosen" where not as the curve does."""
    if len(rows) == count:
        return ends
    whole = (rows[:1] == [0], rows[-1:] == [count - 1])
    first, last = (end if there and end != "closed" else "chosen" for end, there in zip(ends, whole, strict=True))
    return first, last


def _taken(column: Any, index: Tensor) -> Any:
    if column is None:
        return None
    return column[index.to(column.device)] if isinstance(column, Tensor) else tuple(column[row] for row in index)


def chosen_rows(rows: Any, count: int, name: str, noun: str = "rows") -> list[int]:
    """The numbers, 0 to ``count`` - 1, of rows chosen by a number, slice, mask [count], or numbers of either sign.

    Raises:
        RowError: for numbers beyond the rows, a mask of another length, and what is no choice of rows at all.
    """
    if isinstance(rows, slice):
        try:
            return list(range(count)[rows])
        except (TypeError, ValueError) as error:
            raise RowError(f"{name} must be a slice of whole numbers, got {rows}") from error
    try:
        chosen = rows.detach().cpu().numpy() if isinstance(rows, Tensor) else np.asarray(rows)
    except (TypeError, ValueError, RuntimeError) as error:
        raise RowError(f"{name} must be rows, as numbers or as a mask [{count}], got {type(rows).__name__}") from error
    if chosen.dtype == bool and chosen.shape == (count,):
        return np.flatnonzero(chosen).tolist()
    if chosen.ndim > 1 or not (chosen.size == 0 or chosen.dtype.kind in "iu"):
        got = f"{chosen.dtype} {list(chosen.shape)}"
        raise RowError(f"{name} must be rows, as numbers or as a mask [{count}], got {got}")
    numbers = np.atleast_1d(chosen).tolist()
    if any(not -count <= number < count for number in numbers):
        there = f"lie between {-count} and {count - 1} for {count} {noun}"
        limits = there if count else f"be empty, as there are no {noun}"
        raise RowError(f"{name} must {limits}, got {numbers[:12]}")
    return [number % count for number in numbers]
