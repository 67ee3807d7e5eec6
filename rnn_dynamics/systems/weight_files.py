"""Files of weights: their tensors by name, read without running any code that the file may carry."""

import re
import tarfile
import warnings
import zipfile
from collections import deque
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..files import replacing

Contents: TypeAlias = dict[tuple[str, str], Tensor]
"""Tensors by the containers that they lie in, "model.ema.", and their own key."""

_MAGIC = {
    b"\x1f\x8b": "compressed by gzip, so unpack it first",
    b"BZh": "compressed by bzip2, so unpack it first",
    b"\xfd7zXZ": "compressed by xz, so unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed by zstd, so unpack it first",
    b"\x89HDF": "HDF5, as Keras writes: save {name: torch.from_numpy(array)} of its arrays with torch.save",
    b"\x93NUMPY": "a numpy array: save {name: torch.from_numpy(array)} with torch.save",
}

_UNPACKED = 16
"""An archive that unpacks to more than so many times its size holds no weights: torch packs nothing."""


def read_tensors(path: Path, wanted: re.Pattern[str]) -> Contents:
    """The tensors of a file by their names; of safetensors only the shapes (on the device "meta") of those not wanted.

    No more memory is taken than the file holds.
    """
    if is_safetensors(path):
        return {("", key): tensor for key, tensor in _load_safetensors(path, wanted)[1].items()}
    named = _named_tensors(_load(path))
    held = path.stat().st_size
    for (containers, key), tensor in named.items():
        if tensor.layout is torch.strided and wanted.fullmatch(key) and tensor.nbytes > held:
            raise ValueError(
                f"{containers}{key} is an expanded tensor: {tensor.numel():,} numbers, more than are in the file"
            )
    return named


@torch.no_grad()
def write_tensors(source: Path, changed: Mapping[tuple[str, str], Tensor], target: Path) -> None:
    """Write ``source`` again as ``target``, in the same format, with the values of some of its tensors changed.

    Raises:
        ValueError: if either file cannot be read or written; ``target`` appears only when it is whole.
    """
    try:
        safe = is_safetensors(source)
        if target.suffix == ".safetensors" and not safe:
            raise ValueError("a file of torch.save is written as one, which needs another suffix")
        metadata, root = _load_safetensors(source) if safe else (None, _load(source))
        _change({("", key): tensor for key, tensor in root.items()} if safe else _named_tensors(root), changed)
    except ValueError as error:
        raise ValueError(f"cannot write {target} from {source}: {error}") from error
    with replacing(target) as temporary:
        if safe:
            save_file(root, temporary, metadata)
        else:
            torch.save(root, temporary)


def _change(named: Contents, changed: Mapping[tuple[str, str], Tensor]) -> None:
    """Copy the values into the tensors, which stay tied to whatever shares their memory."""
    for (containers, key), value in changed.items():
        tensor = named.get((containers, key))
        if tensor is None or tensor.shape != value.shape:
            raise ValueError(f"it has changed since it was read: {containers}{key} is no longer what it was")
        try:
            tensor.copy_(value)
        except RuntimeError as error:  # an expanded tensor
            raise ValueError(f"{containers}{key} cannot be changed: {error}") from error
    for (containers, key), value in changed.items():
        tensor = named[containers, key]
        if not tensor.isfinite().all():
            raise ValueError(f"{containers}{key} must be finite in the file's precision, but is not")
        if not torch.equal(tensor, value.to(tensor.dtype)):
            raise ValueError(f"{containers}{key} shares its memory with another weight that now differs")


def is_safetensors(path: Path) -> bool:
    """Whether a file is one of safetensors, by its name or its first bytes."""
    head = _head(path)
    return path.suffix == ".safetensors" or head[8:] == b"{"  # its header: eight bytes of length, then JSON


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if not head:
        raise ValueError("it is empty")
    return head


def _load_safetensors(
    path: Path, wanted: re.Pattern[str] | None = None
) -> tuple[dict[str, str] | None, dict[str, Any]]:
    """Its metadata, and its tensors by name; only the shapes of those that do not match ``wanted``."""
    try:
        with safe_open(path, framework="pt") as file:
            keys = list(file.keys())
            tensors = {
                k: file.get_tensor(k) if wanted is None or wanted.fullmatch(k) else _shape_of(file.get_slice(k))
                for k in keys
            }
            return file.metadata(), tensors
    except Exception as error:  # of many types: what Rust raises, and what torch lacks a dtype for
        raise ValueError("it is cut short, damaged, or no safetensors file that torch can hold") from error


def _shape_of(part: Any) -> Tensor:
    whole = part.get_dtype()[:1] in "IUB" and part.get_dtype() != "BF16"
    return torch.empty(part.get_shape(), dtype=torch.int64 if whole else torch.float32, device="meta")


def _load(path: Path) -> Any:
    _require_unpackable(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickle protocols and TorchScript: what matters of it is said here
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is none of torch's can raise almost anything: KeyError, IndexError, ...
        raise ValueError(_refusal(path, _head(path), str(error))) from error


def _refusal(path: Path, head: bytes, message: str) -> str:
    """One sentence for the page that torch.load says."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.rpartition("/")[2] for name in archive.namelist()}
    except Exception:  # of many types, for what is no zip archive or a damaged one
        members = set[str]()
    if "constants.pkl" in members:
        return "it is a TorchScript archive: save module.state_dict() with torch.save instead"
    if members and "data.pkl" not in members:
        return "it is a zip archive, but not one that torch.save wrote" + _zipped(members)
    if members or head.startswith(b"\x80"):  # the first byte of every pickle since protocol 2
        remedy = (
            "which could run code and are not read: save model.state_dict() with torch.save instead; "
            "if you trust it: torch.save(torch.load(F, weights_only=False)[KEY], G)"
        )
        if named := re.search(r"GLOBAL ([\w.]*\w) (?:was not|whose module)", message):
            remedy = remedy.replace("[KEY]", ".state_dict()") if named[1].startswith("torch.nn.") else remedy
            return f"it holds Python objects besides tensors ({named[1]}), {remedy}"
        if "Unsupported operand 149" in message:  # the frame that every pickle since protocol 4 opens with
            return f"it holds Python objects besides tensors, or a pickle of protocol 4 or later, {remedy}"
    return "it is cut short, damaged, or neither a file of torch.save nor of safetensors" + _foreign(path, head)


def _zipped(members: set[str]) -> str:
    if members and all(name.endswith(".npy") for name in members):
        return ": it is numpy's .npz, so save {name: torch.from_numpy(array)} with torch.save"
    return ": it is Keras's, with its weights as HDF5 within" if "model.weights.h5" in members else ""


def _foreign(path: Path, head: bytes) -> str:
    """What a file is that is none of torch's, where its first bytes or its structure tell."""
    if kind := next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None):
        return f": it is {kind}"
    try:
        with tarfile.open(path, "r:") as archive:
            names = {member.name.removeprefix("./") for member in islice(archive, 8)}
        if names & {"storages", "tensors", "pickle"}:
            return ": it is torch's own tar archive of before 2017: torch.save(torch.load(F, weights_only=False), G)"
        return ": it is a tar archive" if names else ""
    except (tarfile.TarError, OSError, EOFError):
        pass
    try:
        with path.open(encoding="utf-8") as file:
            start = file.read(4096).lstrip()
    except (OSError, UnicodeDecodeError):
        return ""
    if re.match(r"[{\[]\s*(\"|\[|\{|-?\d|\}|\])", start):
        return ": it is JSON, so save {name: torch.tensor(values)} of its lists with torch.save"
    return ""


def _require_unpackable(path: Path) -> None:
    """Refuse an archive that would fill the memory: torch makes room for whatever its directory says."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
    except Exception:  # of many types, for what is no zip archive or a damaged one: ``torch.load`` says what it is
        return
    if unpacked > _UNPACKED * path.stat().st_size + 2**20:
        raise ValueError(f"it unpacks to {unpacked:,} bytes from {path.stat().st_size:,}, as no weights do")


def _named_tensors(root: Any) -> Contents:
    """The tensors of nested dicts and lists by (containers, key), each container once: a pickle can be cyclic."""
    if not isinstance(root, Mapping | list | tuple):
        raise ValueError(f"it holds one {type(root).__name__}, not a state dict: save model.state_dict()")
    contents: Contents = {}
    queue, seen = deque([("", root)]), {id(root)}
    while queue:
        containers, value = queue.popleft()
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if isinstance(item, Tensor):
                contents[containers, str(key)] = item
            elif isinstance(item, Mapping | list | tuple) and id(item) not in seen:
                seen.add(id(item))
                queue.append((f"{containers}{key}.", item))
    return contents
