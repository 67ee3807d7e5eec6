"""What a sweep has measured: a tidy table, a row for each measurement, and for each case that has none why."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from ..checks import ArgumentError, checked
from ..files import replacing
from ..results import Interruptible
from ..store import storable
from ..tables import Table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Status = Literal["done", "failed", "running", "lost", "waiting"]
"""Running: somebody who lives computes it. Lost: whoever computed it has died. Waiting: nobody has begun."""

_SHOWN_FAILURES = 5


@storable
@dataclass(frozen=True, eq=False)
class Sweep(  # pyright: ignore[reportIncompatibleVariableOverride]
    Interruptible, Table, whole=("columns", "parameters", "folder", "versions", "interrupted")
):
    """The table of a plan: rows of parameters and measures, in the plan's order; ``len`` counts the rows.

    A case that is done has as many rows as its function returned, any other one row without measures.
    """

    cases: tuple[str, ...]
    """The folder's name of each row's case, in ``folder/cases``."""

    statuses: tuple[str, ...]
    """Of each row's case: done, failed, running, lost or waiting."""

    reasons: tuple[str, ...]
    """Why a case failed, or who computes it; "" of those done and waiting."""

    rows: tuple[tuple[Any, ...], ...]
    """The value in each of ``columns``; None where there is none."""

    columns: tuple[str, ...]
    """The parameters, and then the measures."""

    parameters: tuple[str, ...]
    """Those of the columns that the plan gave."""

    folder: str
    """Of the plan."""

    versions: tuple[str, ...]
    """Of this library, that computed what is done."""

    @property
    def counts(self) -> dict[str, int]:
        """How many cases have each status, of those that any has."""
        found = Counter(dict(zip(self.cases, self.statuses, strict=True)).values())
        return {status: found[status] for status in get_args(Status) if found[status]}

    @property
    def finished(self) -> bool:
        """Whether every case is done."""
        return set(self.counts) <= {"done"}

    @property
    def advice(self) -> tuple[str, ...]:
        """What failed and why, and how to go on."""
        return self.told("retry=True")

    def told(self, retry: str) -> tuple[str, ...]:
        """The advice, with words for how failures are computed again."""
        whys = dict(zip(self.cases, zip(self.statuses, self.reasons, strict=True), strict=True))
        failed = [(name, reason) for name, (status, reason) in whys.items() if status == "failed"]
        lines = [f"{name}: {reason}" for name, reason in failed[:_SHOWN_FAILURES]]
        if len(failed) > _SHOWN_FAILURES:
            lines.append(f"{len(failed) - _SHOWN_FAILURES} others failed too")
        if failed:
            lines.append(f"failure.json in a case's folder has the traceback; {retry} computes {len(failed)} again")
        if len(self.versions) > 1:
            lines.append(f"computed by versions {', '.join(self.versions)} of rnn-dynamics, which may differ")
        if self.interrupted:
            lines.append("Ctrl-C: what is done is kept, and the same sweep goes on")
        return tuple(lines)

    @property
    def measures(self) -> tuple[str, ...]:
        """Those of the columns that were measured."""
        return tuple(name for name in self.columns if name not in self.parameters)

    @property
    def has_numbers(self) -> bool:
        """Whether a number has been measured."""
        return any(isinstance(value, int | float) for name in self.measures for value in self.column(name))

    def column(self, name: str) -> tuple[Any, ...]:
        """The values of a column.

        Raises:
            ValueError: if there is none of that name.
        """
        if name not in self.columns:
            raise ArgumentError("name", f"must be one of {', '.join(self.columns)}, got {name!r}")
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)

    def summary(self) -> str:
        """One line."""
        total = sum(self.counts.values())
        rows = self._counted("row")
        parts = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return f"sweep of {total} case{'s' * (total != 1)}, {rows}: {parts or 'none'}"

    def to_pandas(self) -> "pd.DataFrame":
        """A row each; lists are words of JSON in it, and columns "status" and "reason" come last."""
        import pandas as pd

        table = pd.DataFrame(
            {name: pd.Series([_cell(value) for value in self.column(name)]) for name in self.columns},
            index=pd.RangeIndex(len(self), name="row"),
        )
        own = {name: name if name not in self.columns else f"case_{name}" for name in ("status", "reason")}
        table[own["status"]] = list(self.statuses)
        if any(self.reasons):
            table[own["reason"]] = list(self.reasons)
        return table

    def to_dataset(self) -> "xr.Dataset":
        """The measures over the parameters that vary, as an xarray dataset; NaN, or None, where none was measured.

        Parameters that do not vary are its attributes. Where a combination of parameters has several rows, they are
        told apart by a dimension "repeat".

        Raises:
            ImportError: without xarray, ``pip install 'rnn-dynamics[xarray]'``.
        """
        try:
            import xarray as xr
        except ImportError as error:
            raise ImportError("to_dataset makes datasets of xarray: pip install 'rnn-dynamics[xarray]'") from error
        done = [row for row, status in zip(self.rows, self.statuses, strict=True) if status == "done"]
        places = {name: self.columns.index(name) for name in self.columns}
        axes = {name: list(dict.fromkeys(_cell(row[places[name]]) for row in done)) for name in self.parameters}
        varying = {name: values for name, values in axes.items() if len(values) > 1}
        points = [tuple(varying[name].index(_cell(row[places[name]])) for name in varying) for row in done]
        repeats = [points[:number].count(point) for number, point in enumerate(points)]
        shape = [*(len(values) for values in varying.values()), *([max(repeats) + 1] if any(repeats) else [])]
        dimensions = [*varying, *(["repeat"] if any(repeats) else [])]
        variables: dict[str, Any] = {}
        for name in self.measures:
            values = [_cell(row[places[name]]) for row in done]
            numbers = all(value is None or isinstance(value, int | float) for value in values)
            array = np.full(shape, np.nan if numbers else None, dtype=float if numbers else object)
            for point, repeat, value in zip(points, repeats, values, strict=True):
                array[(*point, *([repeat] if any(repeats) else []))] = np.nan if numbers and value is None else value
            variables[name] = (dimensions, array)
        same = {name: "" if values[0] is None else values[0] for name, values in axes.items() if len(values) == 1}
        attributes = {"result": "Sweep", "summary": self.summary(), **same}
        return xr.Dataset(variables, coords=varying, attrs=attributes)

    @checked
    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the table: ``.csv``, ``.parquet`` (which takes pyarrow) or ``.nc`` (xarray); whole, or not at all.

        Returns:
            The path.

        Raises:
            ValueError: for another ending, a missing package, or a file that cannot be written.
        """
        path = Path(path)
        if path.suffix not in _WRITERS:
            raise ArgumentError("path", f"must end in {', '.join(_WRITERS)}, got {path.name!r}")
        try:
            with replacing(path) as temporary:
                _WRITERS[path.suffix](self, temporary)
        except ImportError as error:
            raise ValueError(f"{path.suffix} needs another package: {str(error).splitlines()[0]}") from error
        return path

    def _shown(self) -> "pd.DataFrame":
        """Without the columns that are the same all along."""
        table = self.to_pandas()
        same = [name for name in self.parameters if len(table) > 1 and len(set(map(str, table[name]))) == 1]
        return table.drop(columns=same)

    def _notes(self) -> Sequence[str]:
        return self.advice


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, tuple) else value


def _write_parquet(sweep: Sweep, path: Path) -> None:
    sweep.to_pandas().to_parquet(path)


def _write_netcdf(sweep: Sweep, path: Path) -> None:
    dataset = sweep.to_dataset()
    words = {name: variable.astype(str) for name, variable in dataset.items() if variable.dtype == object}
    dataset.assign(words).to_netcdf(path)


_WRITERS = {
    ".csv": lambda sweep, path: sweep.to_pandas().to_csv(path, index=False),
    ".parquet": _write_parquet,
    ".nc": _write_netcdf,
}
