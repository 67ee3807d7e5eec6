"""The tensors in nested dicts, lists, modules and stand-ins of them, by the names that a state dict gives."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .classes import cell_of, options_of
from .contents import Contents, FileContents, Told
from .inert import StandIn

_LONGEST = 2_000
"""Characters of a name; what lies deeper than that is no weight, and every name of it would be written out."""

_MODULE_PARTS = ("_parameters", "_buffers", "_modules")
_ARRAYS = re.compile(r"numpy\.(_?core)\.multiarray\._reconstruct")
_BUFFERS = re.compile(r"numpy\.(_?core)\.numeric\._frombuffer")
_DTYPE = re.compile(r"[iufb]\d+")


def collected(root: Any, wanted: re.Pattern[str]) -> FileContents:
    """What lies in ``root``, each container once, since a pickle can be cyclic; of arrays not wanted only the shapes.

    Raises:
        ValueError: if the root is nothing that could hold a named tensor.
    """
    if not isinstance(root, Mapping | list | tuple | StandIn):
        raise ValueError(f"it holds one {type(root).__name__}, not a state dict: save model.state_dict()")
    found = FileContents(Contents())
    queue, seen = deque([("", "", root)]), {id(root)}
    while queue:
        containers, prefix, value = queue.popleft()
        told = _told(value)
        if told is not None:
            found.modules[containers, prefix] = told
        for inner, name, item in _parts(value, containers, prefix):
            tensor = item if isinstance(item, Tensor) else _array(item, wanted.fullmatch(name) is not None)
            if tensor is not None:
                found.tensors[inner, name] = tensor
            elif isinstance(item, Mapping | list | tuple | StandIn) and id(item) not in seen and len(inner) < _LONGEST:
                seen.add(id(item))
                below = _is_module(item) and _is_module(value)
                queue.append((inner, f"{name}.", item) if below else (f"{inner}{name}.", "", item))
    return found


def _parts(value: Any, containers: str, prefix: str) -> Iterator[tuple[str, str, Any]]:
    """What lies in a container: where, its name there, and it."""
    if isinstance(value, StandIn) and _ARRAYS.fullmatch(value.class_name):
        value = _objects(value)
    if not isinstance(value, StandIn):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield containers, str(key), item
        return
    attributes = value.attributes()
    if _is_module(value):
        kept = [attributes.pop(part) for part in _MODULE_PARTS]
        for held in kept:
            for key, item in _entries(held).items():
                yield containers, f"{prefix}{key}", item
        containers += prefix  # what else a module keeps belongs to no state dict
    for held in (value.entries, attributes):
        for key, item in held.items():
            yield containers, str(key), item
    for index, item in enumerate(value.items):
        yield containers, str(index), item


def _objects(array: StandIn) -> list[Any]:
    """What lies in an array of objects."""
    held = array.state[-1] if isinstance(array.state, tuple) and array.state else None
    return held if isinstance(held, list) else []


def _entries(value: Any) -> dict[Any, Any]:
    if isinstance(value, StandIn):  # an OrderedDict, as in modules of torch before 2.6
        return value.entries
    return value if isinstance(value, dict) else {}


def _is_module(value: Any) -> bool:
    return isinstance(value, StandIn) and all(part in value.attributes() for part in _MODULE_PARTS)


def _told(value: Any) -> Told | None:
    if not _is_module(value):
        return None
    attributes = value.attributes()
    options = options_of(attributes)
    mode = str(attributes.get("mode"))  # all that modules of torch before 2.0 have
    if mode in ("RNN_TANH", "RNN_RELU"):
        options.setdefault("nonlinearity", mode[4:].lower())
    return Told(value.class_name, cell_of(value.class_name), options)


def _array(value: Any, needed: bool) -> Tensor | None:
    """The tensor of a numpy array, as it stands in a pickle; only its shape unless needed."""
    if not isinstance(value, StandIn):
        return None
    try:
        if _ARRAYS.fullmatch(value.class_name):
            _, shape, kind, fortran, raw = value.state
        elif _BUFFERS.fullmatch(value.class_name):
            raw, kind, shape, order = value.arguments
            fortran = order == "F"
        else:
            return None
        name = kind.arguments[0]
        if kind.class_name != "numpy.dtype" or not _DTYPE.fullmatch(name):
            return None
        dtype = np.dtype((kind.state[1] if kind.state[1] in "<>" else "") + name)
        array = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")
    except (AttributeError, IndexError, TypeError, ValueError):  # an array of objects, or a damaged one
        return None
    return tensor_of(array, needed)


def tensor_of(array: np.ndarray, needed: bool) -> Tensor | None:
    """A tensor with an array's numbers, in the byte order of this machine; one on the device "meta" unless needed."""
    try:
        native = array.dtype.newbyteorder("=")
        kind = torch.from_numpy(np.empty(0, native)).dtype
    except TypeError:  # texts, objects, and numbers that torch has no dtype for
        return None
    if not needed:
        return torch.empty(array.shape, dtype=kind, device="meta")
    return torch.from_numpy(np.array(array, dtype=native, order="C"))
