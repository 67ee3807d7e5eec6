"""Which reader a file is for, by its first bytes, its members or its name."""

import re
from pathlib import Path

from . import inert
from .archives import read_archive
from .arrays import NUMPY, read_npy, read_npz
from .contents import FileContents
from .folders import read_folder
from .foreign import head_of, members_of
from .hdf5 import HDF5, MATLAB73, read_hdf5
from .matlab import MATLAB, read_mat
from .onnx_files import read_onnx
from .safetensors_files import is_safetensors, read_safetensors
from .torch_files import read_torch


def read_file(path: Path, wanted: re.Pattern[str]) -> FileContents:
    """The tensors of a file, or of a folder of Hugging Face; where it allows, only the shapes of those not wanted.

    No more memory is taken than the file holds.

    Raises:
        ValueError: if it cannot be read, with what it is and what to do.
    """
    try:
        return read_folder(path, wanted, _read) if _is_folder(path) else _read(path, wanted)
    except inert.HarmfulError as error:
        raise ValueError(
            f"it holds Python objects besides tensors ({error}), which could run code: it is not read"
        ) from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long: opening it says so
        return False


def _read(path: Path, wanted: re.Pattern[str]) -> FileContents:
    head = head_of(path)
    if is_safetensors(path):
        return read_safetensors(path, wanted)
    if head.startswith(NUMPY):
        return read_npy(path, wanted)
    if head.startswith(MATLAB):
        return read_mat(path, wanted)
    if head.startswith((HDF5, MATLAB73)):
        return read_hdf5(path, path.stat().st_size, wanted)
    if path.suffix == ".onnx":
        return read_onnx(path)
    members = members_of(path)
    if members and all(name.endswith(".npy") for name in members):
        return read_npz(path, wanted)
    if members and not any(name.rpartition("/")[2] in ("data.pkl", "constants.pkl") for name in members):
        return read_archive(path, wanted)
    return read_torch(path, wanted)
