"""Files of safetensors."""

import re
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from .contents import FileContents
from .foreign import head_of


def is_safetensors(path: Path) -> bool:
    """Whether a file is one of safetensors, by its name or its first bytes."""
    head = head_of(path)
    return path.suffix == ".safetensors" or head[8:9] == b"{"  # its header: eight bytes of length, then JSON


def read_safetensors(path: Path, wanted: re.Pattern[str]) -> FileContents:
    """Its tensors; only the shapes (on the device "meta") of those not wanted.

    Raises:
        ValueError: if it cannot be read.
    """
    tensors = load_safetensors(path, wanted)[1]
    return FileContents({("", key): tensor for key, tensor in tensors.items()}, in_order=False)


def load_safetensors(path: Path, wanted: re.Pattern[str] | None = None) -> tuple[dict[str, str] | None, dict[str, Any]]:
    """Its metadata, and its tensors by name; only the shapes of those that do not match ``wanted``.

    Raises:
        ValueError: if it cannot be read.
    """
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
