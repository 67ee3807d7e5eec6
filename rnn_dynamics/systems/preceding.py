"""What seems to come before a recurrent network in the model that a file holds."""

import re

from torch import Tensor

from .cell_groups import WeightGroup
from .stored_parts import NAME, Stored

_BEHIND = re.compile(r"dec|out|head|classif|predict|fc_?2|final|last|attention|value|policy", re.IGNORECASE)
"""Names of what stands behind a network, for files that do not keep the order of a model's parts."""


def preceding(stored: Stored, group: WeightGroup, input_size: int, *, in_order: bool) -> tuple[str, ...]:
    """The modules with weights that come before a network's in its model and put out as many numbers as it takes in.

    A state dict has the order in which the parts of the model were made, and names and shapes, but not what is
    called with what: these are candidates, to be said and not to be acted on.

    Args:
        stored: the file.
        group: the network's weights.
        input_size: how many inputs it has.
        in_order: whether the file keeps the model's order; if not, names that speak of readouts are left out.
    """
    modules: dict[str, dict[str, Tensor]] = {}
    for (containers, key), tensor in stored.contents.items():
        if containers != group.containers or not tensor.is_floating_point():
            continue
        if key.startswith(group.key_prefix) and NAME.fullmatch(key):
            if in_order:
                break
            continue
        prefix, _, name = key.rpartition(".")
        modules.setdefault(prefix, {})[name] = tensor
    found = []
    for prefix, tensors in modules.items():
        if not prefix or (not in_order and _BEHIND.search(prefix)):
            continue
        if (sizes := _sizes(tensors)) is not None and sizes[1] == input_size:
            found.append(f"{prefix} ({sizes[0]} to {sizes[1]})")
    return tuple(found)


def _sizes(tensors: dict[str, Tensor]) -> tuple[int, int] | None:
    """How many numbers a module takes and puts out, of its weights by name."""
    recurrent = next(
        (tensor for name, tensor in tensors.items() if name.startswith("weight_hh") and tensor.ndim == 2), None
    )
    if recurrent is not None:
        inputs = next((t.shape[1] for name, t in tensors.items() if name.startswith("weight_ih") and t.ndim == 2), 0)
        return inputs, recurrent.shape[1]
    weight = tensors.get("weight")
    if weight is None or not weight.ndim:
        return None
    if weight.ndim == 1:
        return weight.shape[0], weight.shape[0]
    if set(tensors) == {"weight"} and weight.ndim == 2 and weight.shape[0] > 2 * weight.shape[1]:
        return weight.shape[0], weight.shape[1]  # an embedding: a row for each word
    return weight.shape[1], weight.shape[0]
