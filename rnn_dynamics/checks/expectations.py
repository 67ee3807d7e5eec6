"""What an argument must be: words for it, and the value as the function takes it."""

import errno
import os
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Take = Callable[[Any], Any]


class Mismatch(Exception):
    """A value that is not what was expected; with a sentence of its own if the type was right."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        """To follow the argument's name: "must be 0 or more, got -1"."""


@dataclass(frozen=True)
class Expected:
    """What an argument must be."""

    words: str | Callable[[Any], str]
    """"a whole number", or how they follow from the value that came."""

    take: Take
    """The value as the function takes it; raises ``Mismatch``."""

    brief: bool = False
    """Of a value that does not fit its class is told, and no more."""

    def refusal(self, value: Any, mismatch: Mismatch) -> str:
        """What follows the argument's name."""
        words = self.words if isinstance(self.words, str) else self.words(value)
        came = type(value).__name__ if self.brief and value is not None else shown(value)
        comma = ";" if ", as " in words else ","
        return mismatch.sentence or f"must {'' if words.startswith('lie ') else 'be '}{words}{comma} got {came}"


_descriptions: dict[type, str | Callable[[Any], str]] = {nn.Module: "a torch module"}
_makers: list[Callable[..., Any]] = []
"""Checked functions, whose return hints tell who makes what."""


def worded(kind: type, words: str | Callable[[Any], str]) -> None:
    """Say what arguments of a class are in refusals, where its name would not tell."""
    _descriptions[kind] = words


def noted(function: Callable[..., Any]) -> None:
    """Remember a function for what it makes."""
    _makers.append(function)


def words_of(kind: type) -> str | Callable[[Any], str]:
    """How arguments of a class are told: "the FixedPoints of find_fixed_points", "a Module"."""
    if kind in _descriptions:
        return _descriptions[kind]

    def words(_: Any) -> str:
        for function in _makers if kind.__module__.startswith(__name__.split(".")[0]) else ():
            if function.__annotations__.get("return") in (kind, kind.__name__):
                return f"the {kind.__name__} of {function.__name__}"
        return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"

    return words


def shown(value: Any) -> str:
    """What came, briefly."""
    if isinstance(value, Tensor):
        return f"{_qualities(value)}Tensor of {str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"{type(value).__name__} of {value.dtype} {list(value.shape)}"
    if value is None or isinstance(value, bool | int | float | complex | str | np.generic):
        text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "an integer beyond 10^30"
        return text if len(text) <= 60 else f"{text[:60]}..."
    if isinstance(value, type | types.FunctionType):
        return f"the {'class' if isinstance(value, type) else 'function'} {value.__name__}"
    return type(value).__name__


def _qualities(value: Tensor) -> str:
    if value.is_quantized:
        return "quantized "
    return "" if value.layout is torch.strided else "sparse "


_FLOATING = {torch.float64, torch.float32, torch.float16, torch.bfloat16}
_REAL = _FLOATING | {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool}
_COMPLEX = {torch.complex128, torch.complex64}
_ORDINARY = _REAL | _COMPLEX


def usual_tensor(value: Tensor, dtypes: set[torch.dtype] = _ORDINARY) -> Tensor:
    """A tensor that holds its numbers, each in its place, in a type that arithmetic is made for."""
    if value.layout is not torch.strided or (value.dtype not in _ORDINARY and value.is_quantized):
        raise Mismatch(f"must be a dense tensor, got a {shown(value)}")
    if value.dtype not in dtypes:
        if value.dtype in _COMPLEX:
            raise Mismatch(f"must be real, got dtype {value.dtype}")
        raise Mismatch(f"must be a tensor of an ordinary number type, got {shown(value)}")
    if value.is_meta:
        raise Mismatch(f"must be a tensor that holds numbers, got one on the device meta {list(value.shape)}")
    return value


def real_tensor(value: Any) -> Tensor:
    """A usual tensor of real numbers."""
    if not isinstance(value, Tensor):
        raise Mismatch
    return usual_tensor(value, _REAL)


def any_tensor(value: Any) -> Tensor:
    """A usual tensor, complex or not."""
    if not isinstance(value, Tensor):
        raise Mismatch
    return usual_tensor(value)


def array_like(value: Any) -> Any:
    """A tensor, array or nested sequence of real numbers; what is in it is for the function to see."""
    if isinstance(value, Tensor):
        return real_tensor(value)
    if isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            raise Mismatch("must have no masked entries: fill them or leave them out")
        if value.dtype.kind not in "biufO":
            raise Mismatch(f"must be a tensor or array of real numbers, got {shown(value)}")
        return value
    ordinary = isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
    if not ordinary and (isinstance(value, type) or not hasattr(value, "__array__")):
        raise Mismatch
    return value


def scalar(value: Any) -> Any:
    """A number that came as an array or tensor of no axes, as a number."""
    if isinstance(value, Tensor):
        if value.ndim or value.is_complex() or value.device.type == "meta" or value.dtype is torch.bool:
            raise Mismatch
        return value.item()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_):
        raise Mismatch
    return value


def whole(value: Any) -> int:
    """A whole number of 64 bits, whatever it came as; a float is none."""
    if type(value) is not int:
        value = scalar(value)
        if not isinstance(value, Integral):
            raise Mismatch
        value = int(value)
    if not -(2**63) <= value < 2**63:
        raise Mismatch(f"must be a whole number of 64 bits, got {shown(value)}")
    return value


def number(value: Any) -> float:
    """A number, infinite or not."""
    if type(value) is not float:
        value = scalar(value)
        if not isinstance(value, Real):
            raise Mismatch
        try:
            value = value if type(value) is int and abs(value) < 2**53 else float(value)
        except OverflowError as error:
            raise Mismatch(f"must be a finite number, got {shown(value)}") from error
    if value != value:
        raise Mismatch
    return value


def finite(value: Any) -> float:
    value = number(value)
    if value in (float("inf"), float("-inf")):
        raise Mismatch
    return value


def truth(value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise Mismatch
    return bool(value)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise Mismatch
    return value


_LONGEST_NAME = 255
"""Bytes that file systems in use take for a name."""


def path(value: Any) -> Any:
    if not isinstance(value, str | os.PathLike) or not isinstance(name := os.fspath(value), str):
        raise Mismatch
    if "\0" in name:
        raise Mismatch(f"must be a path, got one that holds a null byte: {name!r}")
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in Path(name).parts):
        raise Mismatch(f"must be a path that can be: {os.strerror(errno.ENAMETOOLONG)}: {name}")
    return value


def device(value: Any) -> Any:
    if not isinstance(value, str | torch.device):
        raise Mismatch
    try:
        torch.empty(0, device=value)
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Mismatch(f"must be a device that can be used, got {str(value)!r}: {reason}") from error
    if torch.device(value).type == "meta":
        raise Mismatch("must be a device that holds numbers, got 'meta'")
    return value


def listed(value: Any) -> list[Any]:
    """The entries of a list, tuple, range, or array or tensor of one axis or more."""
    if isinstance(value, Tensor):
        return real_tensor(value).tolist() if value.ndim == 1 else list(real_tensor(value)) if value.ndim else _none()
    if isinstance(value, np.ndarray):
        return value.tolist() if value.ndim == 1 else list(value) if value.ndim else _none()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes | bytearray):
        raise Mismatch
    return list(value)


def _none() -> Any:
    raise Mismatch
