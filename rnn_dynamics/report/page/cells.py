"""Tables of results as cells: written shortly, with every digit behind them, and whole as a file in the page."""

import numbers
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...columns import meaning
from ...results import Result

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 100
"""That are printed; of more, the first and the last half."""


@dataclass(frozen=True)
class Cell:
    """One number or word."""

    text: str

    exact: str | None
    """Every digit of a number; None of words."""


@dataclass(frozen=True)
class Column:
    """A column's name, and what it says."""

    name: str

    meaning: str

    number: bool


@dataclass(frozen=True)
class PageTable:
    """A table of the page."""

    columns: tuple[Column, ...]

    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    """Those that are printed, each with its number."""

    total: int

    source: str
    """The whole table (CSV) as a data URI."""

    @property
    def explained(self) -> tuple[Column, ...]:
        """Columns that need words."""
        return tuple(column for column in self.columns if column.meaning)


def table_of(result: Result) -> PageTable | None:
    """The table of a result; None if it has no rows."""
    table = result.to_pandas()
    if table.empty:
        return None
    kept = list(range(len(table)))
    if len(kept) > _MOST_ROWS:
        kept = kept[: _MOST_ROWS // 2] + kept[-(_MOST_ROWS // 2) :]
    columns = tuple(
        Column(str(name), meaning(str(name), type(result).__name__), _numeric(table, place))
        for place, name in enumerate(table.columns)
    )
    rows = tuple((row, tuple(_cell(table.iat[row, place]) for place in range(len(table.columns)))) for row in kept)
    text = table.to_csv(index_label="row")
    return PageTable(
        columns, rows, len(table), f"data:text/csv;charset=utf-8;base64,{b64encode(text.encode()).decode()}"
    )


def _numeric(table: "pd.DataFrame", place: int) -> bool:
    return all(_is_number(value) for value in table.iloc[:_MOST_ROWS, place])


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Complex) and not isinstance(value, bool)


def _cell(value: Any) -> Cell:
    if not _is_number(value):
        return Cell(_worded(value), None)
    plain = value.item() if hasattr(value, "item") else value
    if plain != plain:  # NaN
        return Cell("nan", "nan")
    return Cell(_short(plain), repr(plain))


def _worded(value: Any) -> str:
    if value is None or type(value).__name__ == "NAType":
        return "\u2013"
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_short(one) if _is_number(one) else str(one) for one in value)
    return str(value)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | complex) else f"{value}"
