"""Files of NumPy: arrays under the names that a state dict gives."""

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from . import inert
from .contents import FileContents
from .foreign import refusal, require_unpackable
from .objects import collected, tensor_of

NUMPY = b"\x93NUMPY"
_UNWRITABLE = "it is a file of arrays: save a state dict with torch.save or safetensors"


def read_npz(path: Path, wanted: re.Pattern[str]) -> FileContents:
    """The arrays of ``numpy.savez``, and what lies within those of objects.

    Raises:
        ValueError: if it is damaged.
    """
    require_unpackable(path)
    found: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                name = member.removesuffix(".npy")
                with archive.open(member) as file:
                    found[name] = _array(file, wanted.fullmatch(name) is not None)
    except inert.HarmfulError:
        raise
    except Exception as error:  # zipfile, numpy and pickle raise many types for what is damaged
        raise ValueError("it is numpy's .npz, cut short or damaged") from error
    contents = collected(found, wanted)
    contents.unwritable = _UNWRITABLE
    return contents


def read_npy(path: Path, wanted: re.Pattern[str]) -> FileContents:
    """What lies within an object that ``numpy.save`` wrote, such as a dict of arrays.

    Raises:
        ValueError: if it is one array of numbers, or damaged.
    """
    try:
        with path.open("rb") as file:
            held = _array(file, False)
    except inert.HarmfulError:
        raise
    except Exception as error:  # as above
        raise ValueError(refusal(path)) from error
    if isinstance(held, Tensor):
        raise ValueError("it is a numpy array of numbers, which has no names: save {name: array} with numpy.savez")
    contents = collected(held, wanted)
    contents.unwritable = _UNWRITABLE
    return contents


def _array(file: Any, needed: bool) -> Any:
    """The tensor of an array, only its shape unless needed; stand-ins for one of objects."""
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(file)
    if dtype.hasobject:
        return inert.load(file)
    if not needed:
        return tensor_of(np.broadcast_to(np.zeros((), dtype), shape), False)
    numbers = np.frombuffer(file.read(int(np.prod(shape, dtype=object)) * dtype.itemsize), dtype)
    return tensor_of(numbers.reshape(shape, order="F" if fortran else "C"), True)
