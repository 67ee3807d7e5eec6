"""Files of weights written again, with other values in some of their tensors."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ...files import replacing
from .contents import Contents, Place
from .objects import collected
from .safetensors_files import is_safetensors, load_safetensors
from .torch_files import load_tensors

_NO_ARRAYS = re.compile("")


@torch.no_grad()
def write_tensors(source: Path, changed: Mapping[Place, Tensor], target: Path) -> None:
    """Write ``source`` again as ``target``, in the same format, with the values of some of its tensors changed.

    Raises:
        ValueError: if either file cannot be read or written; ``target`` appears only when it is whole.
    """
    try:
        safe = is_safetensors(source)
        if target.suffix == ".safetensors" and not safe:
            raise ValueError("a file of torch.save is written as one, which needs another suffix")
        metadata, root = load_safetensors(source) if safe else (None, load_tensors(source))
        _change(
            {("", key): tensor for key, tensor in root.items()} if safe else collected(root, _NO_ARRAYS).tensors,
            changed,
        )
    except ValueError as error:
        raise ValueError(f"cannot write {target} from {source}: {error}") from error
    with replacing(target) as temporary:
        if safe:
            save_file(root, temporary, metadata)
        else:
            torch.save(root, temporary)


def _change(named: Contents, changed: Mapping[Place, Tensor]) -> None:
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
