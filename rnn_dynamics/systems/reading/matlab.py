"""Files of MATLAB 5 to 7 (.mat): arrays, structs and cell arrays; damaged ones end SciPy's reader with the process.

The format: "MAT-File Level 5", MathWorks 2024, MAT-File Format (R2024b).
"""

import math
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from torch import Tensor

from .contents import Contents, FileContents
from .foreign import UNPACKED
from .objects import tensor_of

MATLAB = b"MATLAB 5.0 MAT-file"
_UNWRITABLE = "it is a file of arrays: save a state dict with torch.save or safetensors"
_JOINED = re.compile(r"_(?=(?:weight|bias)_(?:ih|hh|hr)(?:_l\d+)?$)")
_DEEPEST = 50
_STORED = dict(enumerate(["i1", "u1", "i2", "u2", "i4", "u4", "f4"], 1)) | {9: "f8", 12: "i8", 13: "u8"}
_HELD = dict(enumerate(["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"], 6))
_MATRIX, _PACKED, _CELLS, _STRUCT, _OBJECT, _COMPLEX = 14, 15, 1, 2, 3, 0x800

Named: TypeAlias = tuple[str, str, np.ndarray]
"""Containers, name and array."""


def read_mat(path: Path, wanted: re.Pattern[str]) -> FileContents:
    """The arrays of numbers, with structs and cell arrays as containers.

    MATLAB's names have no dots and its vectors two axes: "rnn_weight_hh_l0" is taken for "rnn.weight_hh_l0", and a bias
    [1, n] for [n].

    Raises:
        ValueError: if it is damaged, or unpacks to far more than a file of weights does.
    """
    content = path.read_bytes()
    most = UNPACKED * len(content) + 2**20
    found = FileContents(Contents(), in_order=False, unwritable=_UNWRITABLE)
    try:
        order = "<" if content[126:128] == b"IM" else ">"
        for containers, name, array in _Elements(memoryview(content)[128:], order, most).named():
            if (named := matlab_tensor(name, array, wanted)) is not None:
                found.tensors[containers, named[0]] = named[1]
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, zlib.error) as error:
        if isinstance(error, _TooMuch):
            raise
        raise ValueError("it is a .mat file, cut short or damaged") from error
    return found


def matlab_tensor(name: str, array: np.ndarray, wanted: re.Pattern[str]) -> tuple[str, Tensor] | None:
    """An array by its name in a state dict; None if it is none of numbers."""
    name = _JOINED.sub(".", name)
    if "bias" in name.rpartition(".")[2] and array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    tensor = tensor_of(array, wanted.fullmatch(name) is not None)
    return None if tensor is None else (name, tensor)


class _TooMuch(ValueError):
    """More than memory should be asked for."""


class _Elements:
    """The elements of a file, or within one of them."""

    def __init__(self, content: memoryview, order: str, most: int) -> None:
        self.content, self.order, self.most = content, order, most

    def named(self) -> Iterator[Named]:
        """All arrays of numbers in the file."""
        for kind, data in self._each(self.content):
            if kind == _MATRIX:
                yield from self._matrix(data, "", None, 0)
            elif kind == _PACKED:
                for inner, unpacked in self._each(memoryview(self._unpacked(data))):
                    if inner == _MATRIX:
                        yield from self._matrix(unpacked, "", None, 0)

    def _each(self, content: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Type and data of each element."""
        at = 0
        while at + 8 <= len(content):
            kind, size = (int(n) for n in np.frombuffer(content[at : at + 8], f"{self.order}u4"))
            begin = at + 8
            if kind >> 16:  # a small one: both in four bytes, the data in the other four
                kind, size, begin = kind & 0xFFFF, kind >> 16, at + 4
            if begin + size > len(content):
                raise ValueError("an element that is cut short")
            yield kind, content[begin : begin + size]
            # Elements begin at multiples of eight bytes, but for what comes after a packed one.
            at = begin + size if kind == _PACKED else at + 8 if begin == at + 4 else begin + (size + 7) // 8 * 8

    def _unpacked(self, data: memoryview) -> bytes:
        stream = zlib.decompressobj()
        unpacked = stream.decompress(data, self.most)
        self.most -= len(unpacked)
        if stream.unconsumed_tail and not self.most:
            raise _TooMuch("it unpacks to far more bytes than it has, as no weights of its size do")
        return unpacked

    def _matrix(self, data: memoryview, containers: str, name: str | None, depth: int) -> Iterator[Named]:
        """What is in an array, under its own name or the one that its place gives it."""
        if depth > _DEEPEST:
            raise ValueError("arrays within arrays without end")
        if not data:  # an empty cell
            return
        parts = self._each(data)
        (_, flags), (_, sizes), (_, own) = _next(parts), _next(parts), _next(parts)
        word = int(np.frombuffer(flags[:4], f"{self.order}u4")[0])
        shape = np.frombuffer(sizes, f"{self.order}i4").tolist()
        name = bytes(own).decode(errors="replace") if name is None else name
        held = word & 0xFF
        if held in _HELD and not word & _COMPLEX:
            kind, numbers = _next(parts)
            array = np.frombuffer(numbers, f"{self.order}{_STORED[kind]}").reshape(shape, order="F")
            yield containers, name, array.astype(_HELD[held])
        elif held == _CELLS:
            for index, (_, inner) in enumerate(parts):
                yield from self._matrix(inner, f"{containers}{name}.", str(index), depth + 1)
        elif held in (_STRUCT, _OBJECT):
            if held == _OBJECT:
                _next(parts)  # its class
            (_, width), (_, text) = _next(parts), _next(parts)
            size = int(np.frombuffer(width, f"{self.order}i4")[0])
            fields = [bytes(text[i : i + size]).split(b"\0")[0].decode() for i in range(0, len(text), size)]
            several = math.prod(shape) > 1
            for index, (_, inner) in enumerate(parts):
                where = f"{containers}{name}." + (f"{index // len(fields)}." if several else "")
                yield from self._matrix(inner, where, fields[index % len(fields)], depth + 1)


def _next(parts: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    if (found := next(parts, None)) is None:
        raise ValueError("an array with parts missing")
    return found
