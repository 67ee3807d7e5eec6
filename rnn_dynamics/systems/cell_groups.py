"""Weights that share a prefix: which recurrent module they make up is read off their names and shapes."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from .layers import Layer, ParallelLayer
from .named_cells import FORMS, agreed, named_layer
from .readable_cells import CELLS, GATED, TWO_BIASES, Reading, read_as
from .reading import Told
from .stored_parts import Stored

_LISTED = re.compile(r"(.*\.)?cells\.\d+\.")
_WRAPPERS = ("module", "_orig_mod")  # what DataParallel and torch.compile put before or between the names
_FIRST_STATE = re.compile(r"[hc]x|[hc]x?_?0|(?:hidden|state)_?0?|init(?:ial)?_\w+|\w+_init(?:ial)?")
_READABLE = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Stack:
    """Layers of one kind of cell, and where in the file each weight lies."""

    cell: str
    layers: list[Layer]
    places: dict[tuple[str, str], Tensor]
    """The very tensors of ``layers``, by the name that they have in the file; without those that are computed."""

    computed: tuple[str, ...]
    """The weights that are computed from others in the file."""

    told: bool
    """Whether the file says what cell it is; if not, names and shapes of weights decide."""


class WeightGroup(ABC):
    """The weights of what may be one recurrent module."""

    def __init__(self, containers: str, key_prefix: str) -> None:
        self.containers, self.key_prefix = containers, key_prefix
        self.full_prefix = containers + key_prefix
        short = "".join(f"{part}." for part in key_prefix.split(".")[:-1] if part not in _WRAPPERS)
        self.aliases = {short, key_prefix, containers + short, self.full_prefix}
        self.prefix = short

    @abstractmethod
    def build(self, reading: Reading) -> Stack:
        """The layers, once every weight has been found to be there and to fit."""


class CellGroup(WeightGroup):
    """Weights with torch's names: the layers of one sequence module, or one cell."""

    def __init__(self, containers: str, key_prefix: str) -> None:
        super().__init__(containers, key_prefix)
        self.weights: dict[str, Tensor] = {}
        self.stored = Stored({})
        self.beside: dict[str, Tensor] = {}
        """What else the file has below the prefix, by name, but for other networks."""

        self.own: dict[str, Tensor] = {}
        """What it has of a leaky cell's further tensors."""

        self.masks: list[str] = []
        """What the file has elsewhere that bears a mask's name and the shape of one of the weights."""

        self.told: Told | None = None
        """What the file says of the cell."""

    def build(self, reading: Reading) -> Stack:
        self._require_ours(reading)
        if any(name.endswith("_reverse") for name in self.weights):
            raise ValueError("a bidirectional module is no dynamical system: its backward half runs against time")
        held = {name.partition("_l")[0] for name in self.weights}
        numbers = [int(name.partition("_l")[2]) for name in self.weights if "_l" in name]
        suffixes = [f"_l{index}" for index in range(max(numbers) + 1)] if numbers else [""]  # "": a *Cell's
        if (named := reading.cell or (self.told and self.told.cell)) in FORMS:
            return self._named(named, suffixes, reading)
        projected = "weight_hr" in held
        needed = ["weight_hh", "weight_ih"] + ["weight_hr"] * projected
        for name, suffix in product(needed, suffixes):
            self._require_sound(name + suffix)
        shape, shapes = self._bottom_shapes(suffixes[0], projected)
        cell = read_as(shape, named)
        if reading.cell is None:
            self._require_alone(cell, shapes)
        biases = ("bias_ih", "bias_hh") if cell in TWO_BIASES else ("bias_ih",)
        present = biases if held & {"bias_ih", "bias_hh"} else ()
        for name, suffix in product(present, suffixes):
            self._require_sound(name + suffix)
        names = [*needed, *present]
        if others := held - set(names):
            raise ValueError(f"{self.key_prefix}{min(others)}{suffixes[0]} is no weight of {cell}, whose shapes it has")
        options = {"nonlinearity": self._nonlinearity(reading)} if cell == "RNN" else {}
        dtype = torch.float64 if any(w.dtype == torch.float64 for w in self.weights.values()) else torch.float32
        layers, places, computed = [], {}, []
        for suffix in suffixes:
            for name in names:
                self._require_shape(name + suffix, *shapes[name])
            # A layer above reads what its twin below puts out.
            shapes["weight_ih"] = (shapes["weight_ih"][0], shapes["weight_hh"][1])
            weights = {name: self.weights[name + suffix].detach().to(dtype) for name in names}
            layers.append(GATED[cell](**weights, **options))
            for name, weight in weights.items():
                place = (self.containers, self.key_prefix + name + suffix)
                if place in self.stored.computed:
                    computed.append(place[1])
                else:
                    places[self.stored.origin.get(place, place)] = weight
        told = self.told is not None and self.told.cell is not None
        return Stack(cell, layers, places, tuple(computed), told)

    def _named(self, cell: str, suffixes: list[str], reading: Reading) -> Stack:
        form = FORMS[cell]
        own = {*form.weights, *form.constants} | ({"bias_hh"} if cell == "leaky" else set())
        everything = self.weights | self.own
        wide = any(everything[name].dtype == torch.float64 for name in self.weights)
        layers, places, computed = [], {}, []
        for suffix in suffixes:
            held = {name: name + suffix for name in own if name + suffix in everything}
            if "alpha" not in held and "alpha" in self.own:
                held["alpha"] = "alpha"
            for whole in held.values():
                self._require_sound(whole)
            tensors = {name: everything[whole] for name, whole in held.items()}
            dtype = torch.float64 if wide else torch.float32
            key = f"{self.key_prefix}{{}}{suffix}"
            layer, summed = named_layer(cell, tensors, key, reading, self.told, dtype)
            layers.append(layer)
            for name in form.weights.keys() & tensors.keys():
                place = (self.containers, self.key_prefix + name + suffix)
                if place in self.stored.computed or (summed and name == "bias_ih"):
                    computed.append(place[1])
                else:
                    places[self.stored.origin.get(place, place)] = layer.weights()[name]
        known = {name + suffix for name in (*own, *form.beside) for suffix in suffixes} | {"alpha", "_extra_state"}
        if unread := everything.keys() - known:
            raise ValueError(f"{self.key_prefix}{min(unread)} is no weight of a {cell} cell")
        told = self.told is not None and self.told.cell is not None
        return Stack(cell, layers, places, tuple(computed), told)

    def _require_ours(self, reading: Reading) -> None:
        """Refuse what the file says to be another library's cell, or one that no layer computes."""
        if self.told is not None and self.told.obstacle is not None:
            raise ValueError(f"{self.told.owner} at '{self.key_prefix}' {self.told.obstacle}")
        if reading.cell is not None or (self.told is not None and self.told.cell is not None):
            return
        if self.told is not None:
            whose = f"they belong to a {self.told.owner}"
        elif _LISTED.fullmatch(self.key_prefix):
            whose = "cells in a list of that name are another library's or wired by hand"
        else:
            return
        raise ValueError(
            f"the weights at '{self.key_prefix}' are named as torch's, but {whose}, whose step the file does not tell: "
            "take rd.as_map(module), or if it is one of these name it by cell= or --cell: " + ", ".join(CELLS)
        )

    def _nonlinearity(self, reading: Reading) -> str:
        told = self.told and self.told.options.get("nonlinearity")
        if told not in (None, "tanh", "relu"):
            raise ValueError(f"the RNN at '{self.key_prefix}' has nonlinearity {told!r}, not tanh or relu")
        return agreed("nonlinearity", reading.nonlinearity, told) or "tanh"

    def _bottom_shapes(self, suffix: str, projected: bool) -> tuple[str, dict[str, tuple[int, ...]]]:
        """The kind of cell, and the shapes that its bottom layer must have by its recurrent weights."""
        if projected:
            outputs, units = self._require_shape("weight_hr" + suffix, "outputs", "units")
            cell, rows, drives = "LSTM", 4 * units, 4 * units
        else:
            rows, outputs = self._require_shape("weight_hh" + suffix, "rows", "columns")
            units, drives = outputs, 3 * outputs
            triple = self.weights["weight_ih" + suffix].shape[:1] == (drives,)
            if rows == 2 and (triple or units > 2):
                cell = "BRC"
            elif rows == 2 * units and triple:
                cell = "nBRC"
            else:
                kinds = {units: "RNN", 2 * units: "MGU", 3 * units: "GRU", 4 * units: "LSTM"}
                if rows not in kinds:
                    wanted = (
                        "2 rows (BRC), or 1 (RNN), 2 (MGU, nBRC), 3 (GRU) or 4 (LSTM) times as many rows as columns"
                    )
                    raise ValueError(
                        f"{self.key_prefix}weight_hh{suffix} must have {wanted}, got shape {[rows, outputs]}"
                    )
                cell, drives = kinds[rows], rows
        _, inputs = self._require_shape("weight_ih" + suffix, drives, "inputs")
        shapes = {"bias_ih": (drives,), "bias_hh": (rows,), "weight_hr": (outputs, units)}
        return cell, {"weight_ih": (drives, inputs), "weight_hh": (rows, outputs), **shapes}

    def _require_alone(self, cell: str, shapes: dict[str, tuple[int, ...]]) -> None:
        """Refuse a cell with weights of its own beside those that make up its kind: its step is another one."""
        outputs = shapes["weight_hh"][1]
        drives = shapes["weight_ih"][0]
        widths = {outputs, drives, drives // 4 if cell == "LSTM" else outputs}
        inner: dict[str, list[str]] = {}
        for name in self.beside:
            inner.setdefault(name.rpartition(".")[0], []).append(name)
        acting = [name for name in inner.pop("", []) if not _FIRST_STATE.fullmatch(name)] + self.masks
        for names in inner.values():
            tensors = [self.beside[name] for name in names]
            matrices = [tensor for tensor in tensors if tensor.ndim > 1]
            # A readout or an encoder may lie here, but what ends in as many numbers as units or gates acts on them.
            ends = [tensor.shape[0] for tensor in (matrices or tensors) if tensor.ndim]
            if any(end in widths for end in ends):
                acting += names
        if acting:
            raise ValueError(
                f"beside the weights of {cell} at '{self.key_prefix}' lie {shortened(acting, ', ', 6)}, which may "
                "change its step and are not read: take rd.as_map(step, state_size=n, input_size=m) of the module, "
                "save without them, or name the cell by cell= or --cell if they do not act on it"
            )

    def _require_sound(self, name: str) -> None:
        key, weight = self.key_prefix + name, self.weights.get(name, self.own.get(name))
        if parts := self.stored.unread.get((self.containers, key)):
            raise ValueError(
                f"{key} is computed from {', '.join(parts)}, and the file does not tell how: load it into "
                "its module and take rd.as_map(module), or save the weight itself"
            )
        if weight is None:
            raise ValueError(f"{key} is missing")
        if weight.is_meta or weight.is_nested or weight.layout is not torch.strided:
            raise ValueError(f"{key} must be a dense tensor with data, got {weight.layout} on device {weight.device}")
        if weight.dtype not in _READABLE and name in self.weights:
            raise ValueError(f"{key} must hold floating-point numbers of 16 to 64 bits, got {weight.dtype}")
        if not weight.numel() and not name.startswith("weight_ih"):  # only inputs may be none
            raise ValueError(f"{key} is empty, of shape {list(weight.shape)}")
        if not weight.isfinite().all():
            raise ValueError(f"{key} must be finite, but holds NaN or infinite entries")

    def _require_shape(self, name: str, *expected: int | str) -> tuple[int, ...]:
        """The shape of a weight that has the expected one; a word stands for any number."""
        shape = tuple(self.weights[name].shape)
        misfits = [want for want, got in zip(expected, shape, strict=False) if isinstance(want, int) and want != got]
        if misfits or len(shape) != len(expected):
            wanted = ", ".join(map(str, expected))
            raise ValueError(f"{self.key_prefix}{name} must have shape [{wanted}], got {list(shape)}")
        return shape


class ParallelGroup(WeightGroup):
    """The cells of a ``Parallel``, each with a prefix of its own."""

    def __init__(self, containers: str, key_prefix: str) -> None:
        super().__init__(containers, key_prefix)
        self.cells: dict[tuple[int, int], CellGroup] = {}

    def build(self, reading: Reading) -> Stack:
        reading = replace(reading, cell=None)  # it names one cell, not several side by side
        rows, columns = (max(place[axis] for place in self.cells) + 1 for axis in (0, 1))
        layers: list[Layer] = []
        places: dict[tuple[str, str], Tensor] = {}
        computed: tuple[str, ...] = ()
        names: list[str] = []
        for row in range(rows):
            stacks = []
            for column in range(columns):
                if (row, column) not in self.cells:
                    raise ValueError(f"{self.key_prefix}parallel.{row}.{column} is missing")
                stacks.append(self.cells[row, column].build(reading))
                places |= stacks[-1].places
                computed += stacks[-1].computed
            layer = ParallelLayer(tuple(stack.layers[0] for stack in stacks))
            wanted = layers[-1].output_size if layers else layer.input_size
            for column, (stack, cell) in enumerate(zip(stacks, layer.cells, strict=True)):
                if len(stack.layers) != 1 or cell.input_size != wanted:
                    raise ValueError(
                        f"{self.key_prefix}parallel.{row}.{column} must be one layer with {wanted} inputs, "
                        f"got {len(stack.layers)} with {cell.input_size}"
                    )
            layers.append(layer)
            names = names or [stack.cell for stack in stacks]
        return Stack(" | ".join(names), layers, places, computed, told=True)  # the names are this library's own


def shortened(items: Sequence[object], separator: str, shown: int = 12) -> str:
    """The first items, and how many more there are."""
    rest = f" and {len(items) - shown} more" if len(items) > shown else ""
    return separator.join(map(str, items[:shown])) + rest
