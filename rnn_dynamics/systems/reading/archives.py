"""Zip archives that hold weights among other files: stable-baselines3's, Keras's and those of ``torch.export``."""

import json
import math
import re
import zipfile
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor

from .classes import cell_of
from .contents import Contents, FileContents, Place, Told
from .foreign import members_of, refusal, require_unpackable
from .hdf5 import read_hdf5
from .torch_files import read_member

_EXPORTED = re.compile(r"(.*/)data/weights/[^/]*_weights_config\.json")
_EXPORTED_BEFORE = re.compile(r"(.*/)?serialized_state_dict\.(pt|json)")
_PROGRAM = re.compile(r"(.*/)?models/[^/]*\.json")
_STACK = re.compile(r'"nn_module_stack": "([^"]*)"')
_DTYPES = {6: torch.float16, 7: torch.float32, 8: torch.float64, 13: torch.bfloat16}
"""By the numbers that torch.export gives them."""


def read_archive(path: Path, wanted: re.Pattern[str]) -> FileContents:
    """The tensors of an archive that is none of torch.save's.

    Raises:
        ValueError: if it is damaged, or of a kind that is not known.
    """
    require_unpackable(path)
    members = members_of(path)
    with zipfile.ZipFile(path) as archive:
        if "policy.pth" in members:
            found, kind = read_member(archive, "policy.pth", wanted), "an archive of stable-baselines3"
        elif "model.weights.h5" in members:
            found, kind = _keras(archive, wanted), "a file of Keras"
        elif configs := [name for name in members if _EXPORTED.fullmatch(name)]:
            found, kind = _exported(archive, configs, wanted), "an exported program"
        elif states := [name for name in members if _EXPORTED_BEFORE.fullmatch(name)]:
            found, kind = read_member(archive, states[0], wanted), "an exported program"
        else:
            raise ValueError(refusal(path))
    found.unwritable = f"it is {kind}: save a state dict with torch.save or safetensors"
    return found


def _keras(archive: zipfile.ZipFile, wanted: re.Pattern[str]) -> FileContents:
    try:
        content = archive.read("model.weights.h5")
        config = archive.read("config.json").decode()
    except (KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise ValueError("it is a damaged file of Keras") from error
    try:
        return read_hdf5(BytesIO(content), len(content), wanted, config)
    except ValueError as error:
        raise ValueError(str(error).replace("a damaged HDF5 file", "a damaged file of Keras")) from error


def _exported(archive: zipfile.ZipFile, configs: list[str], wanted: re.Pattern[str]) -> FileContents:
    """Weights as raw bytes, each in a member of its own, described by JSON."""
    found = FileContents(Contents())
    try:
        found.modules = _modules(archive)
        for config in configs:
            described = json.loads(archive.read(config))["config"]
            folder = config.rpartition("/")[0]
            for name, one in described.items():
                meta = one["tensor_meta"]
                shape, steps = ([part["as_int"] for part in meta[key]] for key in ("sizes", "strides"))
                dtype = _DTYPES.get(meta["dtype"])
                if dtype is None or one["use_pickle"] or not wanted.fullmatch(name):
                    found.tensors["", name] = torch.empty(shape, dtype=dtype or torch.int64, device="meta")
                    continue
                raw = bytearray(archive.read(f"{folder}/{one['path_name']}"))
                found.tensors["", name] = _strided(raw, dtype, shape, steps, meta["storage_offset"]["as_int"])
    except (KeyError, TypeError, ValueError, RuntimeError, RecursionError, zipfile.BadZipFile) as error:
        raise ValueError("it is a damaged exported program") from error
    return found


def _modules(archive: zipfile.ZipFile) -> dict[Place, Told]:
    """The classes of the modules, of which each operation of a program says where it was called."""
    found: dict[Place, Told] = {}
    for name in archive.namelist():
        if not _PROGRAM.fullmatch(name):
            continue
        text = archive.read(name).decode(errors="replace")
        kinds = [kind for kind in ("tanh", "relu") if f"aten.rnn_{kind}" in text]
        for stack in set(_STACK.findall(text)):
            for called in stack.split(";"):
                _, _, place = called.partition(",")
                prefix, _, owner = place.partition(",")
                cell = cell_of(owner)
                options = {"nonlinearity": kinds[0]} if cell == "RNN" and len(kinds) == 1 else {}
                found["", f"{prefix}." if prefix else ""] = Told(owner, cell, options)
    return found


def _strided(raw: bytearray, dtype: torch.dtype, shape: list[int], steps: list[int], offset: int) -> Tensor:
    numbers = torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)
    if math.prod(shape) > len(numbers):
        raise ValueError("a weight has fewer numbers than its shape")
    return numbers.as_strided(shape, steps, offset)
