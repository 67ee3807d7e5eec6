"""Files of ``torch.save`` and ``pickle.dump``: their tensors, and stand-ins for all other objects."""

import pickle
import re
import warnings
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from . import inert
from .contents import FileContents
from .foreign import head_of, refusal, require_unpackable
from .objects import collected

_UNWRITABLE = "it holds Python objects besides tensors, which are not read: save model.state_dict() with torch.save"


def read_torch(path: Path, wanted: re.Pattern[str]) -> FileContents:
    """The tensors of a file of torch.save or pickle.dump.

    Raises:
        ValueError: if it is none.
        HarmfulError: if it names what could do harm.
    """
    require_unpackable(path)
    try:
        if (plain := _plain_pickle(path)) is not None:
            root, alone = plain, False
        else:
            root, alone = _load(path)
    except inert.HarmfulError:
        raise
    except Exception as error:  # a file that is none of torch's can raise almost anything: KeyError, IndexError, ...
        raise ValueError(refusal(path)) from error
    return _within(_collected(root, alone, wanted), path.stat().st_size, wanted)


def read_member(archive: zipfile.ZipFile, name: str, wanted: re.Pattern[str]) -> FileContents:
    """The tensors of a file of torch.save that lies in an archive.

    Raises:
        ValueError: if it is none.
        HarmfulError: if it names what could do harm.
    """
    try:
        content = archive.read(name)
        root, alone = _load(BytesIO(content))
    except inert.HarmfulError:
        raise
    except Exception as error:  # as above
        raise ValueError(f"{name} in it is cut short, damaged, or no file of torch.save") from error
    return _within(_collected(root, alone, wanted), len(content), wanted)


def load_tensors(path: Path) -> Any:
    """What a file of torch.save holds that has tensors alone.

    Raises:
        ValueError: if it is none.
    """
    require_unpackable(path)
    try:
        return _load_alone(path)
    except Exception as error:  # as above
        raise ValueError(refusal(path)) from error


def _load(source: Path | BytesIO) -> tuple[Any, bool]:
    """What it holds, and whether that is tensors and plain values alone.

    torch's own reader comes first, since it knows every kind of tensor and takes no TorchScript for weights.
    """
    try:
        return _load_alone(source), True
    except pickle.UnpicklingError:  # an object of another class, or a pickle of a later protocol
        pass
    if isinstance(source, BytesIO):
        source.seek(0)
    return _quietly(source, weights_only=False, pickle_module=inert), False


def _load_alone(source: Path | BytesIO) -> Any:
    return _quietly(source, weights_only=True)


def _quietly(source: Path | BytesIO, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on pickle protocols and TorchScript: what matters of it is said here
        return torch.load(source, map_location="cpu", **options)


def _plain_pickle(path: Path) -> Any:
    """What ``pickle.dump`` wrote, or None: torch's own old files are pickles too, the first of a number."""
    begins_as_one = head_of(path).startswith(b"\x80") or path.suffix in (".pkl", ".pickle")  # protocol 2, or before
    if not begins_as_one or zipfile.is_zipfile(path):
        return None
    with path.open("rb") as file:
        root = inert.load(file)
    return None if root == torch.serialization.MAGIC_NUMBER else root


def _collected(root: Any, alone: bool, wanted: re.Pattern[str]) -> FileContents:
    found = collected(root, wanted)
    found.unwritable = None if alone else _UNWRITABLE
    return found


def _within(found: FileContents, held: int, wanted: re.Pattern[str]) -> FileContents:
    for (containers, key), tensor in found.tensors.items():
        if tensor.layout is torch.strided and wanted.fullmatch(key) and tensor.nbytes > held:
            raise ValueError(
                f"{containers}{key} is an expanded tensor: {tensor.numel():,} numbers, more than are in the file"
            )
    return found
