"""A caller's code, run in another precision than it was written for, and with its noise frozen."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from .derived_weights import copied

_OWN_PRECISION = ("float", "half", "double", "bfloat16")
"""Methods that change a tensor's precision by their name."""

_NORMAL = ("randn", "randn_like", "normal", "normal_")
"""Gaussian draws: what noise is made of."""


class Interpretation(TorchFunctionMode):
    """While it is entered, torch computes in ``dtype``, and Gaussian draws give their mean.

    What is in a coarser precision is taken as it stands into the finer one: the function that is written is evaluated,
    with less rounding. Draws from a generator of the caller's own are left alone.
    """

    def __init__(self, dtype: torch.dtype | None = None, frozen: bool = False, shift: float = 0.0) -> None:
        """Make one.

        Args:
            dtype: to compute in; None leaves it.
            frozen: whether Gaussian draws give mean + ``shift`` * std * a fixed pattern.
            shift: 0 for the mean; another value shows what the noise acts on.
        """
        super().__init__()
        self._dtype, self._frozen, self._shift = dtype, frozen, shift
        self.drew = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if self._dtype is not None:
            args, kwargs = self._widened(name, args, kwargs)
        if self._frozen and name in _NORMAL and kwargs.get("generator") is None:
            self.drew = True
            return self._mean(name, args, kwargs)
        if self._dtype is not None and name in _OWN_PRECISION and not args[0].is_complex():
            return args[0].to(self._dtype)  # which a mask must be too: True + True is True
        result = func(*args, **kwargs)
        if self._dtype is None or name.startswith("__"):
            return result
        return tree_map(self._wide, result)

    def _wide(self, value: object) -> object:
        if not isinstance(value, Tensor) or self._dtype is None:
            return value
        if value.is_floating_point():
            return value if value.dtype is self._dtype else value.to(self._dtype)
        if value.is_complex():
            return value.to(self._dtype.to_complex())
        return value

    def _kind(self, value: object) -> object:
        if not isinstance(value, torch.dtype) or self._dtype is None:
            return self._wide(value)
        if value.is_complex:
            return self._dtype.to_complex()
        return self._dtype if value.is_floating_point else value

    def _widened(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if name in ("__get__", "__set__"):  # an attribute, such as shape or device
            return args, kwargs
        # What is written into must stay the caller's.
        kept = 1 if (name.endswith("_") and not name.endswith("__")) or name == "__setitem__" else 0
        named = {key: value if key == "out" else tree_map(self._kind, value) for key, value in kwargs.items()}
        return (*args[:kept], *tree_map(self._kind, args[kept:])), named

    def _mean(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        kwargs = {key: value for key, value in kwargs.items() if key != "generator"}
        if name == "randn":
            return self._shifted(torch.zeros(*args, **kwargs), 1.0)
        if name == "randn_like":
            return self._shifted(torch.zeros_like(*args, **kwargs), 1.0)
        if name == "normal_":
            own, mean, std = _bound(args, kwargs, 1)
            return own.copy_(self._shifted(torch.full_like(own, mean), std))
        mean, std = _bound(args, kwargs, 0)[1:]
        size = kwargs.get("size", args[2] if len(args) > 2 else ())
        where = {key: kwargs[key] for key in ("dtype", "device") if key in kwargs}
        like = next((value for value in (mean, std) if isinstance(value, Tensor)), torch.zeros(()))
        shape = torch.broadcast_shapes(size, *(value.shape for value in (mean, std) if isinstance(value, Tensor)))
        return self._shifted(torch.zeros(shape, **({"dtype": like.dtype, "device": like.device} | where)) + mean, std)

    def _shifted(self, mean: Tensor, std: Any) -> Tensor:
        if not self._shift:
            return mean
        generator = torch.Generator().manual_seed(0)
        pattern = torch.randn(mean.shape, generator=generator, dtype=torch.float64).to(mean)
        return mean + self._shift * std * pattern


def _bound(args: tuple[Any, ...], kwargs: dict[str, Any], first: int) -> tuple[Any, Any, Any]:
    """The tensor that is drawn into (or None), mean and standard deviation of a call of ``normal`` or ``normal_``."""
    own = args[0] if first else None
    mean = kwargs.get("mean", args[first] if len(args) > first else 0.0)
    std = kwargs.get("std", args[first + 1] if len(args) > first + 1 else 1.0)
    return own, mean, std


def in_double(module: torch.nn.Module) -> torch.nn.Module:
    """A copy of the module in double precision and evaluation mode, to try things on."""
    return to_precision(copied(module), torch.float64).eval()


def to_precision(module: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """The module itself, its real weights in ``dtype`` and its complex ones in complex numbers of that precision."""

    def cast(weight: Tensor) -> Tensor:
        if weight.is_complex():
            return weight.to(dtype.to_complex())
        return weight.to(dtype) if weight.is_floating_point() else weight

    return module._apply(cast)
