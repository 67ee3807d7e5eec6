"""Results as named arrays, for the tools of others: what a dataclass holds, for xarray and for MATLAB."""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import scipy
from torch import Tensor

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Named:
    """An array, or one number or word, and the names of its dimensions."""

    dimensions: tuple[str, ...]
    values: Any


Parts: TypeAlias = "Named | dict[str, Parts] | list[Parts] | None"


def parts_of(value: Any, path: str = "", dimensions: Sequence[str] = ()) -> Parts:
    """What a value of a result is made of: arrays, by the names of fields, in lists by number; None is none.

    Numbers and words in a tuple are one array, with NaN and "" for None. So are, field by field, dataclasses in a
    tuple that have no rows of their own: ``evidence.residual`` is a column.

    Args:
        value: A dataclass, tensor, number, word, None or tuple of such.
        path: Where it is, as in "slow.states".
        dimensions: Names of the first dimensions of its tensors; others are called after the path ("labels_0"), as
            are those named "".
    """
    if value is None:
        return None
    if isinstance(value, Tensor):
        array = value.detach().cpu().resolve_conj().resolve_neg().numpy().copy()
        return Named(_complete(dimensions, array.ndim, path), array)
    if is_dataclass(value):
        return {
            f.name: parts_of(getattr(value, f.name), _join(path, f.name), _own(value, f.name, path))
            for f in fields(value)
        }
    if isinstance(value, tuple):
        return _column(value, path, dimensions)
    return Named((), str(value) if isinstance(value, str) else value)


def _column(values: tuple[Any, ...], path: str, dimensions: Sequence[str]) -> Parts:
    there = [value for value in values if value is not None]
    if all(isinstance(value, str) for value in there) and there:
        words = ["" if value is None else str(value) for value in values]
        return Named(_complete(dimensions, 1, path), np.array(words, dtype=np.str_))
    if all(isinstance(value, bool | int | float | complex) for value in there):
        return Named(_complete(dimensions, 1, path), np.array([np.nan if v is None else v for v in values]))
    if len({type(value) for value in there}) == 1 and is_dataclass(there[0]) and not isinstance(there[0], Sized):
        return {
            f.name: _column(
                tuple(None if value is None else getattr(value, f.name) for value in values),
                _join(path, f.name),
                (*_complete(dimensions, 1, path), *_own(there[0], f.name, path)),
            )
            for f in fields(there[0])
        }
    return [parts_of(value, f"{path}.{number}", dimensions[1:]) for number, value in enumerate(values)]


def _own(owner: Any, name: str, path: str) -> tuple[str, ...]:
    """The dimensions that a dataclass says a field of its own has; in a part of a result they belong to that part."""
    said = owner._dimensions_of(name) if hasattr(owner, "_dimensions_of") else ()
    return tuple(dimension and _join(path, dimension) for dimension in said)


def _complete(dimensions: Sequence[str], count: int, path: str) -> tuple[str, ...]:
    said = [*dimensions, *[""] * count][:count]
    return tuple(dimension or f"{path}_{axis}" for axis, dimension in enumerate(said))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _flat(parts: Parts, path: str = "") -> Iterator[tuple[str, Named]]:
    """All arrays with the path to each."""
    if isinstance(parts, Named):
        yield path, parts
    elif parts is not None:
        for name, part in parts.items() if isinstance(parts, dict) else enumerate(parts):
            yield from _flat(part, _join(path, str(name)))


def dataset(result: Any) -> "xr.Dataset":
    """A result as an xarray dataset; see ``Result.to_dataset``."""
    try:
        import xarray as xr
    except ImportError as error:
        raise ImportError("to_dataset makes datasets of xarray: pip install 'rnn-dynamics[xarray]'") from error
    variables = {path: (named.dimensions, named.values) for path, named in _flat(parts_of(result))}
    return xr.Dataset(variables, attrs={"result": type(result).__name__, "summary": result.summary()})


def write_mat(result: Any, path: Path) -> None:
    """Write a result as a file of MATLAB; see ``Result.to_mat``."""
    content = _for_matlab(parts_of(result))
    scipy.io.savemat(path, content, appendmat=False, long_field_names=True, oned_as="column")


def _for_matlab(parts: Parts) -> Any:
    if parts is None:
        return np.empty((0, 0))
    if isinstance(parts, dict):
        return {name: _for_matlab(part) for name, part in parts.items()}
    if isinstance(parts, list):
        return _cells([_for_matlab(part) for part in parts])
    # Words as cells: a matrix of characters would pad them to one length.
    words = isinstance(parts.values, np.ndarray) and parts.values.dtype.kind == "U"
    return _cells(parts.values.tolist()) if words else parts.values


def _cells(values: list[Any]) -> np.ndarray[Any, Any]:
    cells = np.empty(len(values), dtype=object)
    for number, value in enumerate(values):  # one by one: arrays of one shape would be taken for a matrix
        cells[number] = value
    return cells
