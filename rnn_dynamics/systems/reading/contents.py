"""What is read from a file: tensors by name, and what it says of the modules that they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from torch import Tensor

Place: TypeAlias = tuple[str, str]
"""The containers that something lies in, "model.ema.", and its own dotted name there."""

Contents: TypeAlias = dict[Place, Tensor]


@dataclass(frozen=True)
class Told:
    """What a file says of a recurrent module beyond its weights; None where it is silent."""

    owner: str
    """Whose cell it is, for sentences: "torch.nn.modules.rnn.GRU", "Keras's GRU"."""

    cell: str | None
    """One of the cells that can be read; None for a class that is not known."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Such as the "nonlinearity" of an RNN, by its name as an argument; what is not here is not told."""

    obstacle: str | None = None
    """What of it no layer here can do, in words."""


@dataclass
class FileContents:
    """The tensors of a file, and what it says of its modules."""

    tensors: Contents
    modules: dict[Place, Told] = field(default_factory=dict)
    """By the prefix of their weights' names: ("model.", "encoder.rnn.")."""

    in_order: bool = True
    """Whether the tensors come in the order in which the parts of the model were made."""

    unwritable: str | None = None
    """Why the file cannot be written again with other weights; None if it can."""


def merged(parts: list[FileContents]) -> FileContents:
    """One content of several files, whose names are distinct."""
    whole = FileContents({}, in_order=all(part.in_order for part in parts), unwritable=parts[0].unwritable)
    for part in parts:
        whole.tensors |= part.tensors
        whole.modules |= part.modules
    return whole
