"""The IDX format, in which MNIST comes."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from ..checks import checked, require_memory

IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}  # by the third magic byte
GZIP_MAGIC = b"\x1f\x8b"
_DEFLATED = 1032
"""Times the size of its file: no more can be packed."""


@checked
def read_idx(path: str | Path) -> Tensor:
    """One array in the IDX format, packed by gzip or not, whatever the file's name.

    Two zero bytes, a byte for the type, one for the number of dimensions d; d sizes as big-endian 32-bit numbers; the
    entries, big-endian, last index fastest.

    Raises:
        ValueError: for a file that cannot be read, is not IDX, is empty, or is shorter or longer than its sizes say.
    """
    path = Path(path)
    try:
        with path.open("rb") as plain:
            size = os.fstat(plain.fileno()).st_size
            packed = plain.read(2) == GZIP_MAGIC
            plain.seek(0)
            if not packed:
                return _array(plain, path, size)
            with gzip.open(plain) as unpacked:
                return _array(unpacked, path, _DEFLATED * size)  # pyright: ignore[reportArgumentType]  # it reads like a file
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"cannot read {path}: {error}") from error


def _array(stream: BinaryIO, path: Path, most: int) -> Tensor:
    """The array of a stream that may hold ``most`` bytes."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_DTYPES or magic[3] == 0:
        raise ValueError(f"{path} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}")
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise ValueError(f"{path} is cut short: expected {magic[3]} sizes, got {len(header)} bytes of them")
    shape, dtype = struct.unpack(f">{magic[3]}I", header), np.dtype(IDX_DTYPES[magic[2]])
    if 0 in shape:
        raise ValueError(f"{path} holds nothing: its sizes are {list(shape)}")
    expected = math.prod(shape) * dtype.itemsize
    there = min(expected, most)
    require_memory(2 * there, "its entries", f"the size of {path}", there)
    entries = bytearray()  # piece by piece: a damaged size must not ask for more memory than the file fills
    while len(entries) <= expected and (piece := stream.read(min(1 << 20, expected + 1 - len(entries)))):
        entries += piece
    if len(entries) != expected:
        got = f"got {len(entries)}" if len(entries) < expected else "there are more"
        raise ValueError(f"{path} does not fit its sizes {list(shape)}: expected {expected} bytes of entries, {got}")
    return torch.from_numpy(np.frombuffer(entries, dtype).astype(dtype.newbyteorder("="), copy=False)).view(shape)
