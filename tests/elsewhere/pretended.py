"""Tensors that claim to be on another device, so that what a GPU would refuse, or wait for, is seen without one.

    with PretendedDevice() as device:
        system = rd.as_map(nn.GRU(2, 8).to(NAME)).hold()
        rd.find_fixed_points(system, starts.to(NAME))
    assert device.transfers < 40

Everything is computed on the host, with real values, which products and functions round a little otherwise than the
host does, as a GPU's do. What a GPU would refuse raises: an operation that mixes both devices, an index on the other
device, a generator of the host, ``numpy()``. What would make the host wait for a GPU is counted, with the line of the
library that asked for it: values read (``item``, ``tolist``, ``cpu``, ``equal``) and shapes that depend on values
(``nonzero``, a mask as an index, ``unique``).

Not seen: fused kernels (cuDNN) and speed.
"""

import collections
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "lazy"
"""A type of device on which torch differentiates without a driver, and whose tensors, unlike "meta", have values."""

_COPIES = {"_to_copy", "copy_", "to"}
_INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}
_ROUNDED = {"mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "tanh", "sigmoid", "exp", "log", "_linalg_solve_ex"}
_BITS = {torch.float32: torch.int32, torch.float64: torch.int64}
_READS = {"_local_scalar_dense": "item", "equal": "equal"}
_SHAPED_BY_VALUES = {"nonzero", "masked_select", "_unique", "_unique2", "unique_dim", "unique_consecutive", "bincount"}


class Pretended(Tensor):
    """A host tensor (``inner``) that says it is somewhere else."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "Pretended":
        made = Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=NAME,
        )
        made.inner = inner
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Pretended({self.inner!r})"

    def numpy(self, **_: Any) -> Any:
        raise TypeError("can't convert a tensor of another device to numpy: use .cpu() first")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ == "_has_compatible_shallow_copy_type":  # ``data`` is set, within the mode
            return True
        raise RuntimeError(f"{func}: a pretended tensor is used outside of its PretendedDevice")


class PretendedDevice(TorchDispatchMode):
    """While it is entered, ``tensor.to(NAME)`` and ``device=NAME`` pretend; ``places`` counts what waits, by line."""

    def __init__(self) -> None:
        super().__init__()
        self.places: collections.Counter[str] = collections.Counter()
        self._entered = ExitStack()

    @property
    def transfers(self) -> int:
        """How often the host waited for the device."""
        return self.places.total()

    def count(self, kind: str) -> None:
        self.places[f"{kind} at {_place()}"] += 1

    def __enter__(self) -> Self:
        self._entered.enter_context(_Literals(self))
        return super().__enter__()

    def __exit__(self, *exception: Any) -> Any:
        result = super().__exit__(*exception)
        self._entered.close()
        return result

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = func.overloadpacket.__name__, dict(kwargs or {})
        leaves = tree_leaves((args, kwargs))
        from_far = any(isinstance(leaf, Pretended) for leaf in leaves)
        to_far = from_far
        if kwargs.get("device") is not None:
            to_far = torch.device(kwargs["device"]).type == NAME
            if to_far:
                kwargs["device"] = torch.device("cpu")
        if from_far and name not in _COPIES:
            _refuse_mixing(name, args, leaves)
        if to_far and any(isinstance(leaf, torch.Generator) for leaf in leaves):
            raise RuntimeError(f"{name}: expected a generator of the device, found one of the host")
        if name == "_efficientzerotensor":  # a tensor without memory, which the host's kernels below here cannot read
            func = torch.ops.aten.zeros.default
        result = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
        if to_far and name in _ROUNDED:
            result = tree_map(_otherwise_rounded, result)
        in_place = func._schema.name.endswith("_") and not func._schema.name.endswith("__")  # as __rshift__
        if from_far:
            self._count(name, args, to_host=not to_far or (in_place and not isinstance(args[0], Pretended)))
        if in_place:
            if from_far and torch.Tag.inplace_view in func.tags:  # as squeeze_: the wrapper takes on the new shape
                args[0].data = Pretended(result)
                args[0].inner = result
            return args[0]
        if "out" in kwargs:
            return kwargs["out"]
        return tree_map(_wrapped, result) if to_far else result

    def _count(self, name: str, args: Any, *, to_host: bool) -> None:
        if name in _READS:
            self.count(_READS[name])
        elif name in _SHAPED_BY_VALUES:
            self.count(name)
        elif name in _INDEXING and any(_is_mask(index) for index in args[1]):
            self.count("mask")
        elif name in _COPIES and to_host:
            self.count("copy")


class _Literals(TorchFunctionMode):
    """What torch would make or read without asking the dispatcher."""

    def __init__(self, device: PretendedDevice) -> None:
        super().__init__()
        self._device = device

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor, torch.asarray) and not isinstance(args[0], Pretended):
            where = kwargs.get("device")
            if where is not None and torch.device(where).type == NAME:
                kwargs["device"] = "cpu"
                grad = kwargs.pop("requires_grad", False)
                return Pretended(func(*args, **kwargs)).requires_grad_(grad)
        far = bool(args) and isinstance(args[0], Pretended)
        if far and func is Tensor.new_tensor:
            kwargs.pop("device", None)
            return Pretended(torch.tensor(*args[1:], **({"dtype": args[0].dtype} | kwargs)))
        if far and func in (Tensor.__getitem__, Tensor.__setitem__):
            args = (args[0], _with_lists_as_tensors(args[1]), *args[2:])
        if far and func is Tensor.tolist:
            self._device.count("tolist")
            return args[0].inner.tolist()
        if far and func is Tensor.__format__:
            self._device.count("item")
            return format(args[0].inner, args[1])
        if func in (torch.repeat_interleave, Tensor.repeat_interleave) and any(isinstance(a, Pretended) for a in args):
            if any(isinstance(a, Pretended) for a in args[1:]) and "output_size" not in kwargs:
                self._device.count("repeat_interleave")
            return Pretended(func(*map(_inner, args), **tree_map(_inner, kwargs)))
        return func(*args, **kwargs)


def transfers_of(call: Callable[[], Any]) -> tuple[int, str]:
    """How often a call waited for the device, and where most."""
    with PretendedDevice() as device:
        call()
    return device.transfers, ", ".join(f"{count} {place}" for place, count in device.places.most_common(8))


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, Pretended) else value


def _wrapped(value: Any) -> Any:
    return Pretended(value) if isinstance(value, Tensor) and not isinstance(value, Pretended) else value


def _with_lists_as_tensors(index: Any) -> Any:
    """Lists within an index become tensors of the device, which C++ would ask a driver for."""
    if isinstance(index, tuple):
        return tuple(map(_with_lists_as_tensors, index))
    if not isinstance(index, list):
        return index
    return Pretended(torch.tensor(index) if index else torch.zeros(0, dtype=torch.int64))


def _otherwise_rounded(value: Any) -> Any:
    """One number in three is moved to its neighbour towards 0: the same numbers always, and none out of its bounds."""
    if not isinstance(value, Tensor) or value.dtype not in _BITS:
        return value
    moved = value.contiguous().view(_BITS[value.dtype]) % 3 == 0
    return torch.where(moved, value.nextafter(torch.zeros_like(value)), value)


def _is_mask(index: Any) -> bool:
    return isinstance(index, Pretended) and index.dtype in (torch.bool, torch.uint8)


def _refuse_mixing(name: str, args: Any, leaves: list[Any]) -> None:
    """As CUDA does: host numbers of no dimension are taken, and host indices of what is on the device."""
    if name in _INDEXING:
        if not isinstance(args[0], Pretended):
            raise RuntimeError(f"{name}: a tensor of the host is indexed, or filled, by one of the device")
        leaves = list(args[2:])
    for leaf in leaves:
        if isinstance(leaf, Tensor) and not isinstance(leaf, Pretended) and leaf.dim() > 0:
            raise RuntimeError(f"{name}: expected all tensors on the device, found one of the host {list(leaf.shape)}")


def _place() -> str:
    """The innermost line of the library that is being run."""
    frame = sys._getframe(1)
    while frame is not None:
        folder, found, file = frame.f_code.co_filename.rpartition("/rnn_dynamics/")
        if found and not folder.endswith("/tests"):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return "the caller"
