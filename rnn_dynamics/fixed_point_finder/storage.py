"""Columns and numbers to and from one file: npz without pickles, and FixedPointFinder's pickles read inertly."""

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..files import replacing
from .inert import read_inertly

_ZIP = b"PK"
"""The first bytes of an npz file."""


def write(path: str | os.PathLike[str], columns: Mapping[str, np.ndarray[Any, Any]], common: Mapping[str, Any]) -> None:
    """Write arrays and numbers, whole or not at all."""
    path = Path(path)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **columns, **{name: np.asarray(value) for name, value in common.items()})


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What ``write`` wrote, or the attributes in a pickle of FixedPointFinder, as arrays, numbers and names.

    Raises:
        ValueError: for a missing or broken file, or a pickle that names more than arrays and numbers.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        found = _read_npz(content) if content.startswith(_ZIP) else read_inertly(content)
    except (OSError, zipfile.BadZipFile, ValueError) as error:  # also NumPy's, of arrays that would need a pickle
        raise ValueError(f"cannot read {path}: {error}") from error
    if "xstar" not in found:
        raise ValueError(f"{path} holds no fixed points: xstar is missing")
    return found


def _read_npz(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = dict(file)
    return {name: array if array.ndim else array.item() for name, array in arrays.items()}
