"""What is refused at the door, in sentences that name what was expected and what came."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from .refusals import ArgumentError

ArrayLike: TypeAlias = Tensor | np.ndarray[Any, Any] | Sequence[Any]


@runtime_checkable
class HasSequences(Protocol):
    """A task, which has input sequences."""

    @property
    def sequences(self) -> Tensor | list[Tensor]: ...


InputSequences: TypeAlias = ArrayLike | Sequence[Tensor] | HasSequences


def as_tensor(value: ArrayLike, name: str, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    """``value`` as a detached real tensor of the given dtype, all entries finite."""
    try:
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(name, f"must be a tensor or array of real numbers, got {type(value).__name__}") from error
    if tensor.is_meta:
        raise ArgumentError(name, "must hold numbers, got a tensor on the meta device, which holds none")
    if tensor.is_complex():
        raise ArgumentError(name, f"must be real, got dtype {tensor.dtype}")
    tensor = tensor.detach().to(dtype=dtype, device=device)
    if not tensor.isfinite().all():
        bad = int((~tensor.isfinite()).sum())
        raise ArgumentError(name, f"must be finite, got {bad} NaN or infinite entries of {tensor.numel()}")
    return tensor


def as_rows(value: ArrayLike, name: str, width: int, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    """``value`` as a tensor [k, width] with k >= 1; one row [width] is taken as k = 1."""
    tensor = as_tensor(value, name, dtype=dtype, device=device)
    if tensor.ndim == 1 and tensor.shape[0] == width:
        tensor = tensor.unsqueeze(0)
    if tensor.ndim != 2 or tensor.shape[1] != width:
        raise ArgumentError(name, f"must have shape [k, {width}], got {list(tensor.shape)}")
    if len(tensor) == 0:
        raise ArgumentError(name, "is empty: at least one row is needed")
    return tensor


def as_vector(value: ArrayLike, name: str, width: int, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    """``value`` as a tensor [width]."""
    tensor = as_tensor(value, name, dtype=dtype, device=device)
    if tensor.shape != (width,):
        raise ArgumentError(name, f"must have shape [{width}], got {list(tensor.shape)}")
    return tensor


def require_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not number > 0:
            raise ArgumentError(name, f"must be positive, got {number}")


def require_floating(dtype: torch.dtype) -> None:
    if dtype not in (torch.float32, torch.float64):
        raise ArgumentError("dtype", f"must be torch.float64 (or float32 for speed), got {dtype}")


def whole_number(value: object, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) < 2**63:
        raise ArgumentError(name, f"must be a whole number of at least {least}, got {value!r}")
    return int(value)


def generator_of(seed: int | torch.Generator) -> torch.Generator:
    """A generator seeded with ``seed``, or ``seed`` itself, which is then moved on."""
    if isinstance(seed, torch.Generator):
        if seed.device.type != "cpu":
            raise ArgumentError("seed", f"must be a whole number or a generator on the CPU, got one on {seed.device}")
        return seed
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not -(2**63) <= int(seed) < 2**64:
        raise ArgumentError("seed", f"must be a whole number of 64 bits or a torch.Generator, got {seed!r}")
    return torch.Generator().manual_seed(int(seed))
