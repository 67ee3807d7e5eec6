"""Files of NumPy and MATLAB: arrays under the names that a state dict gives."""

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from . import inert
from .contents import Contents, FileContents
from .foreign import UNPACKED, refusal, require_unpackable
from .objects import collected, tensor_of

NUMPY, MATLAB = b"\x93NUMPY", b"MATLAB 5.0 MAT-file"
_UNWRITABLE = "it is a file of arrays: save a state dict with torch.save or safetensors"
_JOINED = re.compile(r"_(?=(?:weight|bias)_(?:ih|hh|hr)(?:_l\d+)?$)")
_PACKED = 15  # the type of a compressed element


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


def read_mat(path: Path, wanted: re.Pattern[str]) -> FileContents:
    """The arrays of a .mat file of MATLAB 5 to 7, structs as containers.

    MATLAB's names have no dots and its vectors two axes: "rnn_weight_hh_l0" is taken for "rnn.weight_hh_l0", and a bias
    [1, n] for [n].

    Raises:
        ValueError: if it is damaged, or packed far beyond what weights can be.
    """
    _require_modest(path)
    from scipy.io import loadmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on names that occur twice
            held = loadmat(path)
    except Exception as error:  # of many types, for what is damaged
        raise ValueError("it is a .mat file, cut short or damaged") from error
    found = FileContents(Contents(), in_order=False, unwritable=_UNWRITABLE)
    queue = [("", name, value) for name, value in held.items() if not name.startswith("__")]
    while queue:
        containers, name, value = queue.pop(0)
        for inner, key, array in _fields(containers, name, value):
            if array.dtype.names or array.dtype.hasobject:
                queue.append((inner, key, array))
            elif (tensor := matlab_tensor(key, array, wanted)) is not None:
                found.tensors[inner, tensor[0]] = tensor[1]
    return found


def matlab_tensor(name: str, array: np.ndarray, wanted: re.Pattern[str]) -> tuple[str, Tensor] | None:
    """An array by its name in a state dict; None if it is none of numbers."""
    name = _JOINED.sub(".", name)
    if "bias" in name.rpartition(".")[2] and array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    tensor = tensor_of(array, wanted.fullmatch(name) is not None)
    return None if tensor is None else (name, tensor)


def _fields(containers: str, name: str, value: Any) -> Iterator[tuple[str, str, np.ndarray]]:
    """The array itself, or what lies in it if it is a struct or a cell array."""
    if not isinstance(value, np.ndarray):
        return
    if value.dtype.names:
        below = f"{containers}{name}."
        entries = [((below if value.size == 1 else f"{below}{i}."), e) for i, e in enumerate(value.flat)]
        for where, entry in entries:
            for field in value.dtype.names:
                if isinstance(entry[field], np.ndarray):
                    yield where, field, entry[field]
    elif value.dtype.hasobject:
        for i, entry in enumerate(value.flat):
            if isinstance(entry, np.ndarray):
                yield f"{containers}{name}.", str(i), entry
    else:
        yield containers, name, value


def _require_modest(path: Path) -> None:
    """Refuse compressed elements that would fill the memory, counted piece by piece."""
    most = UNPACKED * path.stat().st_size + 2**20
    with path.open("rb") as file:
        order = "<" if file.read(128)[126:128] == b"IM" else ">"
        unpacked = 0
        while len(tag := file.read(8)) == 8:
            kind, size = np.frombuffer(tag, f"{order}u4").tolist()
            if kind != _PACKED:
                file.seek(size, 1)
                continue
            stream, rest = zlib.decompressobj(), file.read(size)
            try:
                while rest and not stream.eof and unpacked <= most:
                    unpacked += len(stream.decompress(rest, 2**20))
                    rest = stream.unconsumed_tail
            except zlib.error as error:
                raise ValueError("it is a .mat file, cut short or damaged") from error
            if unpacked > most:
                raise ValueError(f"it unpacks to more than {most:,} bytes, as no weights of its size do")
