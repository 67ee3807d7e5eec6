"""Which recurrent modules a file may hold: weights that share a prefix, and what lies beside them."""

import json
import re
from collections import Counter

import torch
from torch import Tensor

from .cell_groups import CellGroup, ParallelGroup, WeightGroup, shortened
from .readable_cells import CELLS
from .reading import Told, options_of
from .stored_parts import NAME, OWN, Stored

_PART = re.compile(r"(.*\.)?parallel\.(\d{1,4})\.(\d{1,4})\.")  # cell j of layer k of a ``Parallel``
_MASK = re.compile(r"mask|dale|sparsity|connectivity", re.IGNORECASE)


def weight_groups(stored: Stored) -> list[WeightGroup]:
    """What may be recurrent modules, in the order of the file."""
    contents = stored.contents
    cells: list[CellGroup] = []
    groups: dict[tuple[str, str, str], WeightGroup] = {}
    for (containers, key), tensor in contents.items():
        if not (found := NAME.fullmatch(key)):
            continue
        prefix, layout = found[1] or "", "_l" if "_l" in found[2] else ""  # a *Cell's names are without _l
        if part := _PART.fullmatch(prefix):
            group = groups.setdefault((containers, part[1] or "", "parallel"), ParallelGroup(containers, part[1] or ""))
            assert isinstance(group, ParallelGroup)
            cell = group.cells.setdefault((int(part[2]), int(part[3])), CellGroup(containers, prefix))
        else:
            cell = groups.setdefault((containers, prefix, layout), CellGroup(containers, prefix))
            assert isinstance(cell, CellGroup)
        cell.weights[found[2]] = tensor
        if cell.stored is not stored:
            cell.told = stored.modules.get((containers, prefix))
            cell.stored = stored
            cells.append(cell)
    if not groups:
        others = shortened([containers + key for containers, key in contents], ", ") or "none"
        raise ValueError(
            f"it holds no recurrent weights, with names like 'rnn.weight_hh_l0'; tensors in it: {others} (weights of a "
            "network of your own: load them into it in Python, and take rd.as_map(module))"
        )
    for cell in cells:
        cell.beside = _beside(cell, stored)
        cell.masks = _masks(cell, stored)
        cell.own = _own(cell, stored)
        cell.told = cell.told or _said(cell)
    used = Counter(group.prefix for group in groups.values())
    for group in groups.values():
        if used[group.prefix] > 1:
            group.prefix = group.full_prefix
    return list(groups.values())


def _beside(cell: CellGroup, stored: Stored) -> dict[str, Tensor]:
    """What lies below a cell's prefix and is neither read nor of another network."""
    begin = len(cell.key_prefix)
    return {
        key[begin:]: tensor
        for (containers, key), tensor in stored.contents.items()
        if containers == cell.containers
        and key.startswith(cell.key_prefix)
        and not NAME.fullmatch(key)
        and (containers, key) not in stored.read
        and (tensor.is_floating_point() or tensor.is_complex() or _fits(tensor, cell))
    }


def _own(cell: CellGroup, stored: Stored) -> dict[str, Tensor]:
    return {
        found[2]: tensor
        for (containers, key), tensor in stored.contents.items()
        if containers == cell.containers and (found := OWN.fullmatch(key)) and (found[1] or "") == cell.key_prefix
    }


def _said(cell: CellGroup) -> Told | None:
    """What a module of this library says of itself in its state dict: JSON as bytes."""
    text = cell.own.get("_extra_state")
    if text is None or text.dtype != torch.uint8 or text.ndim != 1 or text.is_meta:
        return None
    try:
        said = json.loads(bytes(text.tolist()))
        name, options = said.get("cell"), options_of(said)
    except (ValueError, AttributeError, RecursionError):
        return None
    if name not in CELLS:
        return Told(f"cell called {name!r}", None)
    return Told(f"rnn_dynamics' {name}", name, options)


def _masks(cell: CellGroup, stored: Stored) -> list[str]:
    return [
        key
        for (containers, key), tensor in stored.contents.items()
        if containers == cell.containers
        and not key.startswith(cell.key_prefix)
        and _MASK.search(key.rpartition(".")[2])
        and (containers, key) not in stored.read
        and _fits(tensor, cell)
    ]


def _fits(tensor: Tensor, cell: CellGroup) -> bool:
    """Whether it could be multiplied with a weight matrix, entry by entry."""
    shapes = [weight.shape for weight in cell.weights.values() if weight.ndim == 2]
    return any(tensor.shape in (shape, shape[::-1]) for shape in shapes)
