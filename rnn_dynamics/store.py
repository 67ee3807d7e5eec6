"""Results to and from disk, as safetensors with a JSON header; no pickle, written atomically."""

import json
import os
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .checks import checked, checked_fields
from .files import replacing

FORMAT = 1

_types: dict[str, type] = {}

T = TypeVar("T", bound=type)


def storable(cls: T) -> T:
    """Register a frozen dataclass of tensors, numbers, strings, tuples and other storables."""
    _types[cls.__name__] = cls
    checked_fields(cls)
    return cls


@checked
def save(result: Any, path: str | os.PathLike[str]) -> Path:
    """Write a result so that ``load`` gives it back, bit for bit.

    The file is a safetensors file that any tool can read; it appears under its name only when it is whole.

    Raises:
        ValueError: for an object that is not one of this library's results, or a folder that cannot be written.
    """
    path = Path(path)
    if type(result).__name__ not in _types:
        raise ValueError(f"save takes a result of this library, got {type(result).__name__}")
    tensors: dict[str, Tensor] = {}
    header = json.dumps({"format": FORMAT, "result": _encode(result, "", tensors)})
    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, metadata={"rnn_dynamics": header})
        except SafetensorError as error:
            raise OSError(str(error)) from error
    return path


@checked
def load(path: str | os.PathLike[str]) -> Any:
    """Read what ``save`` wrote.

    Raises:
        ValueError: if the file is missing, broken or not one of ours.
    """
    path = Path(path)
    try:
        # Read at once: while another process replaces the file, a second look at the path would see another.
        content = path.read_bytes()
        tensors = safetensors.torch.load(content)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    if "rnn_dynamics" not in metadata:
        raise ValueError(f"{path} is a safetensors file, but not a result saved by rnn_dynamics")
    try:
        header = json.loads(metadata["rnn_dynamics"])
        written = header["format"]
        if written == FORMAT:
            return _decode(header["result"], tensors)
    except (KeyError, TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
        raise ValueError(f"{path} is not a whole result: {type(error).__name__} {error}") from error
    raise ValueError(f"{path} has format {written}, this version reads format {FORMAT}")


def holds_result(path: Path) -> bool:
    """Whether ``save`` wrote a file, by its header; other files, and none, hold no result."""
    try:
        with safe_open(path, "pt") as file:
            return "rnn_dynamics" in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def _encode(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensor = value.detach().cpu()
        tensors[name] = (torch.view_as_real(tensor) if tensor.is_complex() else tensor).contiguous().clone()
        return {"tensor": name, "complex": tensor.is_complex()}
    if is_dataclass(value) and type(value).__name__ in _types:
        return {
            "type": type(value).__name__,
            "fields": {
                f.name: _encode(getattr(value, f.name), f"{name}.{f.name}".lstrip("."), tensors) for f in fields(value)
            },
        }
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, f"{name}.{index}", tensors) for index, item in enumerate(value)]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, complex):
        return {"real": value.real, "imag": value.imag}
    raise ValueError(f"a result of this library cannot hold {type(value).__name__}, as {name} does")


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        tensor = tensors[value["tensor"]]
        # Copied: in the file they lie at multiples of 8 bytes, and torch's complex kernels crash off multiples of 16.
        return torch.view_as_complex(tensor.clone()) if value["complex"] else tensor
    if "real" in value:
        return complex(value["real"], value["imag"])
    if "tuple" in value:
        return tuple(_decode(item, tensors) for item in value["tuple"])
    if value["type"] not in _types:
        import_module(".front", __package__)  # which brings every result there is; this module alone may be imported
    if value["type"] not in _types:
        raise ValueError(f"this version knows no result of type {value['type']}")
    return _types[value["type"]](**{key: _decode(item, tensors) for key, item in value["fields"].items()})
