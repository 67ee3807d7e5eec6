"""Files of HDF5: Keras's, MATLAB's of version 7.3, and those with torch's names."""

import re
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .contents import Contents, FileContents
from .foreign import UNPACKED
from .keras import KerasModel, read_layers
from .matlab import matlab_tensor
from .objects import tensor_of

HDF5, MATLAB73 = b"\x89HDF\r\n\x1a\n", b"MATLAB 7.3 MAT-file"
_UNWRITABLE = "it is HDF5: save a state dict with torch.save or safetensors"


def read_hdf5(source: Path | BytesIO, size: int, wanted: re.Pattern[str], config: str | None = None) -> FileContents:
    """The arrays of a file, or one within an archive, of so many bytes; ``config`` is what Keras says of the model.

    Raises:
        ValueError: if it is damaged, or h5py is not there to read it.
    """
    h5py = _h5py()
    try:
        with h5py.File(source, "r") as file:
            sets = _datasets(file, h5py)
            packed = sum(one.nbytes for one in sets.values())
            if packed > UNPACKED * size + 2**20:
                raise ValueError(f"it unpacks to {packed:,} bytes from {size:,}, as no weights do")
            model = KerasModel.of(_config(file) if config is None else config)
            found = read_layers(sets, _names(file, h5py), model)
            return _plain(sets, wanted) if found is None else found
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError("it is a damaged HDF5 file") from error


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise ValueError(
            "it is HDF5, which h5py reads: pip install 'rnn-dynamics[files]', or save {name: torch.from_numpy(array)} "
            "of its arrays with torch.save"
        ) from error
    return h5py


def _datasets(file: Any, h5py: ModuleType) -> dict[str, Any]:
    """Every array that lies in the file itself: links to other files are not followed."""
    found: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.external is None and not item.is_virtual:
            found[name] = item

    file.visititems(note)  # by hard links alone, each object once
    return found


def _names(file: Any, h5py: ModuleType) -> dict[str, str]:
    """What groups call themselves."""
    found: dict[str, str] = {}

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Group) and isinstance(own := item.attrs.get("name"), str | bytes):
            found[name] = own if isinstance(own, str) else own.decode(errors="replace")

    file.visititems(note)
    return found


def _config(file: Any) -> str:
    text = file.attrs.get("model_config", "{}")
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def _plain(sets: dict[str, Any], wanted: re.Pattern[str]) -> FileContents:
    """Arrays by their paths, "rnn/weight_hh_l0" as "rnn.weight_hh_l0"; MATLAB's stand on their heads."""
    found = FileContents(Contents(), in_order=False, unwritable=_UNWRITABLE)
    for path, one in sets.items():
        if one.dtype.kind not in "fiub" or path.startswith("#refs#"):
            continue
        containers, _, last = path.replace("/", ".").rpartition(".")
        matlab = "MATLAB_class" in one.attrs
        name = last if matlab else path.replace("/", ".")
        needed = wanted.fullmatch(name) is not None or (matlab and "weight" in name) or (matlab and "bias" in name)
        array = np.asarray(one[()]) if needed else np.broadcast_to(np.zeros((), one.dtype), one.shape)
        if matlab:
            named = matlab_tensor(name, array.T, wanted)
            if named is not None:
                found.tensors[f"{containers}." if containers else "", named[0]] = named[1]
        elif (tensor := tensor_of(array, needed)) is not None:
            found.tensors["", name] = tensor
    return found
