"""Folders of Hugging Face: one file of weights, or several with an index."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from .contents import FileContents, merged

_WHOLE = ("model.safetensors", "pytorch_model.bin", "adapter_model.safetensors", "diffusion_pytorch_model.safetensors")
_INDEXED = tuple(f"{name}.index.json" for name in _WHOLE)


def read_folder(
    path: Path, wanted: re.Pattern[str], read: Callable[[Path, re.Pattern[str]], FileContents]
) -> FileContents:
    """The tensors of all files of weights in a folder.

    Raises:
        ValueError: if there are none, or the index is damaged.
    """
    for name in _WHOLE:
        if (path / name).is_file():
            return read(path / name, wanted)
    for name in _INDEXED:
        if (path / name).is_file():
            parts = [read(path / part, wanted) for part in _parts(path / name)]
            whole = merged(parts)
            whole.unwritable = "it is a folder of several files: save a state dict in one"
            return whole
    raise ValueError(f"Is a directory without {_WHOLE[0]} or {_WHOLE[1]}: name one of the files in it")


def _parts(index: Path) -> list[str]:
    """The files that an index names, in its order, all of the same folder."""
    try:
        names = list(dict.fromkeys(json.loads(index.read_text())["weight_map"].values()))
        if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise ValueError("names that are no files beside it")
    except (OSError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"{index.name} in it is damaged") from error
    return names
