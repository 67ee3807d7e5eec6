"""A measure of a sweep against a parameter: one series for each combination of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import ArgumentError
from .functions import nearest
from .results import Sweep

REPEATS = "seed"
"""The parameter by which repetitions differ, which makes no series of its own."""

_MOST = 8
"""Series that are told apart by default; of more combinations only the first parameter makes series."""


@dataclass(frozen=True)
class Series:
    """Measurements that share all that they are told apart by."""

    label: str
    points: tuple[tuple[Any, tuple[float, ...]], ...]
    """Each value of the parameter, in order, with what was measured there."""


def series_of(
    sweep: Sweep, x: str | None, y: str | None, by: Sequence[str] | None
) -> tuple[str, str, tuple[Series, ...]]:
    """The parameter, the measure, and the series; what is not named is chosen.

    Raises:
        ArgumentError: for a column that there is not, or that has no numbers to draw.
    """
    done = [row for row, status in zip(sweep.rows, sweep.statuses, strict=True) if status == "done"]
    columns = {name: [row[place] for row in done] for place, name in enumerate(sweep.columns)}
    varying = [name for name in sweep.parameters if len(set(map(str, columns[name]))) > 1 and name != REPEATS]
    y = _measure(sweep, columns, y)
    x = _parameter(sweep, columns, varying, x)
    if by is None:
        by = [name for name in varying if name != x]
        by = (
            by
            if len({tuple(map(str, point)) for point in zip(*(columns[n] for n in by), strict=True)}) <= _MOST
            else by[:1]
        )
    for name in by:
        _require(name, "by", sweep.columns)
    found: dict[str, dict[Any, list[float]]] = {}
    for number, (place, value) in enumerate(zip(columns[x], columns[y], strict=True)):
        if _is_number(value):
            label = ", ".join(_told(name, columns[name][number]) for name in by)
            found.setdefault(label, {}).setdefault(place, []).append(float(value))
    order = list(dict.fromkeys(columns[x]))
    order = sorted(order) if all(map(_is_number, order)) else order
    return (
        x,
        y,
        tuple(
            Series(label, tuple((place, tuple(values[place])) for place in order if place in values))
            for label, values in found.items()
        ),
    )


def _measure(sweep: Sweep, columns: dict[str, list[Any]], y: str | None) -> str:
    numeric = [name for name in sweep.measures if any(map(_is_number, columns[name]))]
    if y is None:
        if not numeric:
            raise ArgumentError("sweep", "must have a measure that is a number, and a case that is done")
        return numeric[0]
    _require(y, "y", sweep.columns)
    if not any(map(_is_number, columns[y])):
        raise ArgumentError("y", f"must hold numbers, as {', '.join(numeric) or 'none'} do, got {y!r}")
    return y


def _parameter(sweep: Sweep, columns: dict[str, list[Any]], varying: list[str], x: str | None) -> str:
    if x is not None:
        _require(x, "x", sweep.columns)
        return x
    numeric = [name for name in varying if all(map(_is_number, columns[name]))]
    choice = numeric or varying or list(sweep.parameters)
    return max(choice, key=lambda name: len(set(map(str, columns[name]))))


def _require(name: str, argument: str, columns: Sequence[str]) -> None:
    if name not in columns:
        raise ArgumentError(argument, f"must be a column, got {name!r}{nearest(name, columns)}")


def _told(name: str, value: Any) -> str:
    return value if isinstance(value, str) else f"{name} {value}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
