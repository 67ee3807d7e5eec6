"""Results of analyses, each a line, a table and sentences; their repr and HTML are written here alone."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .checks import checked
from .columns import meaning
from .exchange import dataset, write_mat
from .files import replacing

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_HEAD = re.compile("<th>([^<]+)</th>")

_MOST = 40
"""Rows of a table that are shown; of more, the first and the last twenty."""

_SOME = 12
"""Rows that are shown of a series, whose neighbours are much alike."""


class Result(ABC):
    """What an analysis found: ``summary()`` in a line, ``to_pandas()`` as a table, ``advice`` on what to do.

    A subclass says these, and may say what else is shown: ``_shown``, if not all rows are, ``_notes`` below them, and
    ``_formats`` of columns. ``repr`` and its form in notebooks are made of these parts, in this order.
    """

    _formats: ClassVar[Mapping[str, Callable[[Any], str]]] = {}
    """How the numbers of a column are written; with six digits where nothing is said."""

    _dimensions: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What the dimensions of a field are called in ``to_dataset``: ("row", "unit"); the rest after the field."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__repr__ = Result.__repr__  # in the class itself: a dataclass would write its own else

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the work early: the result is what there was by then."""
        return False

    @property
    def advice(self) -> tuple[str, ...]:
        """What went wrong and what to do about it, a sentence each; none where nothing did."""
        return ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of how the map was made, a clause each: frozen noise, derivatives by differences."""
        return ()

    @abstractmethod
    def summary(self) -> str:
        """One line."""

    @abstractmethod
    def to_pandas(self) -> "pd.DataFrame":
        """The numbers as a table."""

    def to_dataset(self) -> "xr.Dataset":
        """Everything that it holds, as an xarray dataset: a variable for each field; complex numbers stay complex.

        The variables of parts carry the path to them, as in a saved file: "slow.states" for the states of the slow
        points, "branches.0.parameters". Their dimensions do too ("slow.row"), as parts have rows of their own. What is
        a tuple of tensors, each of its own length, is numbered: "orbits.0". Words are strings; single numbers and
        words are variables without dimensions; what is None is left out. ``attrs`` has the class and ``summary()``.

        Raises:
            ImportError: without xarray, ``pip install 'rnn-dynamics[xarray]'``.
        """
        return dataset(self)

    @checked
    def to_mat(self, path: str | os.PathLike[str]) -> Path:
        """Write everything that it holds for MATLAB, a variable for each field; the file appears only when whole.

        Parts are structs (``slow.states``), tuples of tensors cells, words cells of strings, None is []. Numbers are as
        they are: numbers of rows and units count from 0, and -1 is no row. Vectors are columns.

        Returns:
            The path.

        Raises:
            ValueError: if the file cannot be written.
        """
        path = Path(path)
        with replacing(path) as temporary:
            write_mat(self, temporary)
        return path

    def _dimensions_of(self, name: str) -> tuple[str, ...]:
        return self._dimensions.get(name, ())

    def _shown(self) -> "pd.DataFrame":
        """The table that is shown."""
        return self.to_pandas()

    def _notes(self) -> Sequence[str]:
        """Lines below the table."""
        return self.advice

    def __repr__(self) -> str:
        table = self._shown()
        rows = [] if table.empty else [table.to_string(**self._layout())]
        return "\n".join([self.summary(), *rows, *self._below()])

    def _repr_html_(self) -> str:
        table = self._shown()
        rows = "" if table.empty else self._with_meanings(table.to_html(**self._layout()))
        notes = "<br>".join(escape(note, quote=False) for note in self._below())
        return f"<p><b>{escape(self.summary(), quote=False)}</b></p>{rows}" + (f"<p>{notes}</p>" if notes else "")

    def _with_meanings(self, table: str) -> str:
        """The table in HTML with column heads that tell what they mean to whoever points at them."""

        def told(head: re.Match[str]) -> str:
            sentence = meaning(unescape(head[1]), type(self).__name__)
            return f'<th title="{escape(sentence)}">{head[1]}</th>' if sentence else head[0]

        heads, end, rows = table.partition("</thead>")
        return _HEAD.sub(told, heads) + end + rows

    def _below(self) -> list[str]:
        return [*self._notes(), *([f"of a map with notes: {'; '.join(self.notes)}"] if self.notes else [])]

    def _layout(self) -> dict[str, Any]:
        return {
            "formatters": self._formats,
            "float_format": "{:.6g}".format,
            "max_rows": _MOST,
            "index_names": False,
        }


@dataclass(frozen=True, eq=False)
class Interruptible(Result):
    """A result that holds itself whether Ctrl-C ended the work early; others know it from what they are made of."""

    interrupted: bool = field(default=False, kw_only=True)  # pyright: ignore[reportIncompatibleMethodOverride]
    """Whether it did: the result is what there was by then."""


@dataclass(frozen=True, eq=False)
class Noted(Result):
    """A result that holds the notes of its map; others know them from what they are made of."""

    notes: tuple[str, ...] = field(default=(), kw_only=True)  # pyright: ignore[reportIncompatibleMethodOverride]
    """What is to be known of how the map was made, a clause each (``DrivenMap.notes``)."""


def evenly(table: "pd.DataFrame") -> "pd.DataFrame":
    """Some rows of a series, the first and the last among them, at even distances."""
    return table.iloc[np.unique(np.linspace(0, len(table) - 1, _SOME).round().astype(int))] if len(table) else table
