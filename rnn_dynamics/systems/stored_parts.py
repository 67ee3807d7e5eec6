"""Weights that a file holds in parts: put together where the parts tell how, named where they do not."""

import re
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .reading import Contents, FileContents, Place, Told

_NAME = r"(?:weight_(?:ih|hh|hr)|bias_(?:ih|hh))(?:_l(?:0|[1-9]\d{0,3}))?(?:_reverse)?"
NAME = re.compile(rf"(.*\.)?({_NAME})")
PART = re.compile(rf"(.*\.)?(?:({_NAME})_(raw|g|v|u|orig|mask)|parametrizations\.({_NAME})\.(.+))")
"""What hooks append to a weight's name, and where parametrizations keep what a weight is computed from."""

OWN = re.compile(
    r"(.*\.)?((?:alpha|signs|mask|weight_(?:m|n|ho|io)|(?:nu|theta|gamma)_log)(?:_l(?:0|[1-9]\d{0,3}))?|_extra_state)"
)
"""What cells of this library have beside weights of torch's names."""

WANTED = re.compile(rf"{NAME.pattern}|{PART.pattern}|{OWN.pattern}")

_HOOK, _PARAMETRIZED = "hook", "parametrized"


@dataclass
class Stored:
    """The tensors of a file, whole."""

    contents: Contents
    """All of them, those put together under the names of the weights."""

    modules: dict[Place, Told] = field(default_factory=dict)
    """What the file says of the modules that they belong to, by prefix."""

    computed: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    """Of weights that were computed: the names of their parts."""

    origin: dict[Place, Place] = field(default_factory=dict)
    """Of weights that the file has under another name: that name."""

    unread: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    """Of weights whose parts do not tell how they are computed: the names of the parts."""

    read: set[Place] = field(default_factory=set)
    """The parts that were used."""


def put_together(read: FileContents) -> Stored:
    """Compute the weights that weight_norm (g v / |v|), pruning (orig * mask) and WeightDrop (raw) keep in parts.

    Both torch's hooks and its parametrizations are known. A WeightDrop's raw weight is the weight; what is stored under
    its own name is the last dropout's copy of it. How any other parametrization computes, a file does not tell.
    """
    contents = read.tensors
    stored = Stored(dict(contents), read.modules)
    parts: dict[tuple[str, str, str, str], dict[str, tuple[str, Tensor]]] = {}
    for (containers, key), tensor in contents.items():
        if found := PART.fullmatch(key):
            prefix, kind = found[1] or "", _HOOK if found[2] else _PARAMETRIZED
            place = (containers, prefix, found[2] or found[4], kind)
            parts.setdefault(place, {})[found[3] or found[5]] = key, tensor
    for (containers, prefix, name, kind), named in parts.items():
        keys = tuple(key for key, _ in named.values())
        tensors = {part: tensor for part, (_, tensor) in named.items()}
        place = (containers, _prefix_of_cell(contents, containers, prefix, kind, tensors) + name)
        weight = _weight(kind, tensors)
        if weight is None:
            stored.unread[place] = keys
            continue
        if "raw" in tensors:
            stored.origin[place] = (containers, named["raw"][0])
        else:
            stored.computed[place] = keys
        stored.contents[place] = weight
        stored.read.update((containers, key) for key in keys)
    return stored


def _prefix_of_cell(contents: Contents, containers: str, prefix: str, kind: str, tensors: dict[str, Tensor]) -> str:
    """Where the weight belongs: a WeightDrop may keep the raw weight itself, and the cell as its ``module``."""
    if kind == _HOOK and "raw" in tensors:
        for candidate in (prefix, f"{prefix}module."):
            if any(
                where == containers and (found := NAME.fullmatch(key)) and (found[1] or "") == candidate
                for where, key in contents
            ):
                return candidate
    return prefix


def _weight(kind: str, parts: dict[str, Tensor]) -> Tensor | None:
    if any(part.layout is not torch.strided or part.is_meta or part.is_complex() for part in parts.values()):
        return None
    if kind == _HOOK and set(parts) == {"raw"}:
        return parts["raw"]
    if kind == _HOOK and set(parts) == {"orig", "mask"}:
        original, mask = _wide(parts["orig"]), parts["mask"]
        return original * mask.to(original.dtype) if original.shape == mask.shape else None
    names = ("g", "v") if kind == _HOOK else ("original0", "original1")
    if set(parts) != set(names):
        return None
    magnitude, direction = (_wide(parts[name]) for name in names)
    if magnitude.ndim == 0:
        return direction * (magnitude / direction.norm())
    kept = [axis for axis, size in enumerate(magnitude.shape) if size != 1]
    fits = magnitude.ndim == direction.ndim and len(kept) <= 1
    if not fits or any(magnitude.shape[axis] != direction.shape[axis] for axis in kept):
        return None
    over = [axis for axis in range(direction.ndim) if axis not in kept]
    return direction * (magnitude / direction.norm(dim=over, keepdim=True))


def _wide(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype is torch.float64 else tensor.float()
