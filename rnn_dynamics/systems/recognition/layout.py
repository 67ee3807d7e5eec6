"""States as modules hold them, tensors with a batch axis in a tuple or alone, and the rows that a map has of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """One tensor of a state."""

    shape: tuple[int, ...]
    """Without the batch axis."""

    axis: int
    """Where the batch axis lies."""

    complex: bool = False

    @property
    def size(self) -> int:
        """Real numbers in it."""
        return prod(self.shape) * (2 if self.complex else 1)

    def __str__(self) -> str:
        axes = [str(length) for length in self.shape]
        axes.insert(self.axis, "batch")
        return f"[{', '.join(axes)}]"


@dataclass(frozen=True)
class Layout:
    """How a state is made of tensors; its rows have layers in order, and within a layer the tensors side by side.

    A complex tensor's rows hold its real parts, and then its imaginary parts.
    """

    parts: tuple[Part, ...]
    nest: type[tuple] | type[list] | None = None
    """What holds the tensors; None for one that is alone."""

    @property
    def state_size(self) -> int:
        """n, real numbers."""
        return sum(part.size for part in self.parts)

    @property
    def layers(self) -> int:
        """How many there are, where all tensors have them as their first axis; else 1."""
        firsts = {part.shape[0] for part in self.parts if len(part.shape) == 2 and part.axis == 1}
        return firsts.pop() if len(firsts) == 1 and all(len(part.shape) == 2 for part in self.parts) else 1

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.parts))
        return inner if self.nest is None else f"({inner})"

    def nested(self, rows: Tensor) -> object:
        """The state as the module takes it, of rows [k, n]."""
        layers = self.layers
        widths = [part.size // layers for part in self.parts]
        columns = rows.unflatten(-1, (layers, sum(widths))).split(widths, dim=-1)  # each [k, layers, width]
        tensors = [self._tensor(column, part) for column, part in zip(columns, self.parts, strict=True)]
        if self.nest is None:
            return tensors[0]
        return self.nest(*tensors) if hasattr(self.nest, "_fields") else self.nest(tensors)

    def rows(self, state: object) -> Tensor | None:
        """Rows [k, n] of a state that is laid out like this; None for any other."""
        tensors = tensors_of(state, self.nest)
        if tensors is None or len(tensors) != len(self.parts):
            return None
        columns: list[Tensor] = []
        for tensor, part in zip(tensors, self.parts, strict=True):
            if tensor.ndim != len(part.shape) + 1 or tensor.is_complex() != part.complex:
                return None
            moved = tensor.movedim(part.axis, 0)
            if moved.shape[1:] != part.shape:
                return None
            flat = moved.reshape(len(moved), self.layers, prod(part.shape) // self.layers)
            columns.append(torch.cat([flat.real, flat.imag], dim=-1) if part.complex else flat)
        if len({len(column) for column in columns}) != 1:
            return None
        return torch.cat(columns, dim=-1).flatten(1)

    @staticmethod
    def _tensor(column: Tensor, part: Part) -> Tensor:
        if part.complex:
            real, imaginary = column.chunk(2, dim=-1)
            column = torch.complex(real, imaginary)
        return column.reshape(len(column), *part.shape).movedim(0, part.axis)


def tensors_of(state: object, nest: type | None) -> list[Tensor] | None:
    """The tensors of a state; None where it is no such state."""
    found = [state] if nest is None else list(state) if isinstance(state, tuple | list) else None
    if found is None or not found or not all(isinstance(tensor, Tensor) for tensor in found):
        return None
    return found  # pyright: ignore[reportReturnType]


def layout_of(state: object, other: object, batch: int, other_batch: int) -> Layout | None:
    """The layout of a state, from two that differ in the size of the batch."""
    named = type(state) if isinstance(state, tuple) and hasattr(state, "_fields") else tuple
    nest = named if isinstance(state, tuple) else list if isinstance(state, list) else None
    one, two = tensors_of(state, nest), tensors_of(other, nest)
    if one is None or two is None or len(one) != len(two):
        return None
    parts: list[Part] = []
    for a, b in zip(one, two, strict=True):
        axes = [axis for axis, lengths in enumerate(zip(a.shape, b.shape, strict=False)) if lengths[0] != lengths[1]]
        floating = a.is_floating_point() or a.is_complex()
        if a.ndim != b.ndim or len(axes) != 1 or not floating:
            return None
        axis = axes[0]
        if (a.shape[axis], b.shape[axis]) != (batch, other_batch):
            return None
        parts.append(Part((*a.shape[:axis], *a.shape[axis + 1 :]), axis, a.is_complex()))
    return Layout(tuple(parts), nest)


def usual_layouts(n: int, complex: bool = False) -> Sequence[Layout]:
    """What states of n units look like in most code."""
    if complex:
        return [Layout((Part((n,), 0, complex=True),))]
    plain, layered = Part((n,), 0), Part((1, n), 1)
    return [
        Layout((plain,)),
        Layout((layered,)),
        Layout((plain, plain), tuple),
        Layout((layered, layered), tuple),
    ]
