"""Which reader a file is for, by its first bytes, its members or its name."""

import re
from pathlib import Path

from .contents import FileContents
from .safetensors_files import is_safetensors, read_safetensors
from .torch_files import read_torch


def read_file(path: Path, wanted: re.Pattern[str]) -> FileContents:
    """The tensors of a file by their names; where its format allows, only the shapes of those not wanted.

    No more memory is taken than the file holds.

    Raises:
        ValueError: if it cannot be read, with what it is and what to do.
    """
    if is_safetensors(path):
        return read_safetensors(path, wanted)
    return read_torch(path, wanted)
