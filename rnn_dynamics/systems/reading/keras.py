"""Weights as Keras keeps them, of whatever of its formats, with what its configuration says of the layers."""

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .contents import Contents, FileContents, Told
from .conversion import KERAS

_UNWRITABLE = "it is Keras's: save the weights as a torch state dict"
_CLASSES = {"SimpleRNN": "RNN", "GRU": "GRU", "LSTM": "LSTM"}
_CELL_CLASSES = {f"{name}Cell": cell for name, cell in _CLASSES.items()}
_BY_BLOCKS = {1: "RNN", 3: "GRU", 4: "LSTM"}
_WEIGHT = re.compile(r"(.*/)?(kernel|recurrent_kernel|bias|embeddings)(:0)?")
_VARIABLE = re.compile(r"(.*/)?vars/(\d)")
_DEFAULT = re.compile(r"(simple_rnn|gru|lstm)_cell(_\d+)?")
_HALF = re.compile(r"(^|/)(forward|backward)_")


@dataclass(frozen=True)
class KerasModel:
    """The layers of a model by their names, each with its class and configuration."""

    layers: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> "KerasModel":
        """From the JSON of a configuration, however nested its models are; none if it is no JSON."""
        try:
            queue = deque([json.loads(text)])
        except (ValueError, RecursionError):
            return cls()
        layers: dict[str, tuple[str, dict[str, Any]]] = {}
        while queue:
            value = queue.popleft()
            if isinstance(value, dict):
                kind, config = value.get("class_name"), value.get("config")
                if isinstance(kind, str) and isinstance(config, dict) and isinstance(config.get("name"), str):
                    layers.setdefault(config["name"], (kind, config))
                queue.extend(value.values())
            elif isinstance(value, list):
                queue.extend(value)
        return cls(layers)


def read_layers(sets: Mapping[str, Any], names: Mapping[str, str], model: KerasModel) -> FileContents | None:
    """The recurrent layers under torch's names, and the shapes of the others; None if the arrays are not Keras's.

    Args:
        sets: arrays by their paths.
        names: what the groups on these paths call themselves.
        model: the configuration, if there is one.

    Raises:
        ValueError: if a layer's weights do not fit together.
    """
    groups: dict[str, dict[str, Any]] = {}
    for path, one in sets.items():
        if path.startswith(("optimizer", "model_weights/optimizer")):
            continue
        if found := _WEIGHT.fullmatch(path):
            groups.setdefault(found[1] or "", {})[found[2]] = one
        elif found := _VARIABLE.fullmatch(path):
            groups.setdefault(found[1] or "", {})[("kernel", "recurrent_kernel", "bias")[int(found[2]) % 3]] = one
    if not any(_is_cell(parts) for parts in groups.values()):
        return None
    found = FileContents(Contents(), in_order=bool(model.layers), unwritable=_UNWRITABLE)
    order = list(model.layers)
    layers = [(_layer_name(path, names, model), path, parts) for path, parts in groups.items()]
    for name, path, parts in sorted(layers, key=lambda one: order.index(one[0]) if one[0] in order else len(order)):
        if _is_cell(parts):
            told, weights = _cell(path, names.get(f"{path}vars"), parts, model.layers.get(name))
            if told is not None:
                found.modules["", f"{name}."] = told
            found.tensors |= {("", f"{name}.{key}_l0"): weight for key, weight in weights.items()}
        elif "kernel" in parts and len(parts["kernel"].shape) == 2:
            shape = parts["kernel"].shape
            dense = model.layers.get(name, ("Dense", {}))[0] != "Embedding"
            found.tensors["", f"{name}.weight"] = torch.empty(shape[::-1] if dense else shape, device="meta")
        elif "embeddings" in parts:
            found.tensors["", f"{name}.weight"] = torch.empty(parts["embeddings"].shape, device="meta")
    return found


def _is_cell(parts: Mapping[str, Any]) -> bool:
    """Two matrices that put out equally many numbers, the second a whole number of blocks of its own states."""
    if not {"kernel", "recurrent_kernel"} <= parts.keys():
        return False
    shapes = parts["kernel"].shape, parts["recurrent_kernel"].shape
    if any(len(shape) != 2 for shape in shapes) or not shapes[1][0]:
        return False
    return shapes[0][1] == shapes[1][1] and shapes[1][1] % shapes[1][0] == 0


def _layer_name(path: str, names: Mapping[str, str], model: KerasModel) -> str:
    """The layer's own: the innermost on the path that the configuration knows, or that it would be called there."""
    parts = path.strip("/").split("/")
    above = ["/".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
    own = [name for group in above for name in (names.get(f"{group}/vars"), group.rpartition("/")[2]) if name]
    known = [name for name in own if name in model.layers]
    plain = [name for name in own if not re.fullmatch(r"cell|.*_cell(_\d+)?", name)]
    return (known or plain or own or [""])[0].replace("/", ".")


def _cell(
    path: str, own: str | None, parts: Mapping[str, Any], layer: tuple[str, dict[str, Any]] | None
) -> tuple[Told | None, dict[str, Tensor]]:
    """What a recurrent layer is, and its weights by torch's names."""
    kernel, recurrent = (torch.from_numpy(np.array(parts[part][()])).mT for part in ("kernel", "recurrent_kernel"))
    bias = torch.from_numpy(np.array(parts["bias"][()])) if "bias" in parts else None
    cell = _BY_BLOCKS.get(recurrent.shape[0] // recurrent.shape[1])
    if cell is None:
        return Told("a layer of Keras", None), {"weight_ih": kernel, "weight_hh": recurrent}
    if layer is None and own is not None and not _DEFAULT.fullmatch(own):
        return Told(f"cell of Keras called {own!r}", None), {"weight_ih": kernel, "weight_hh": recurrent}
    told, before = _told(cell, layer, bias, bool(_HALF.search(path)))
    if cell == "GRU" and before:
        cell = "GRU-reset-before"
    weights = {"weight_ih": KERAS.ours(cell, kernel), "weight_hh": KERAS.ours(cell, recurrent)}
    if bias is not None:
        rows = bias if bias.ndim == 2 else torch.stack([bias, torch.zeros_like(bias)])
        weights["bias_ih"] = KERAS.ours(cell, rows[0])
        if cell != "GRU-reset-before":
            weights["bias_hh"] = KERAS.ours(cell, rows[1])
    return told, weights


def _told(
    cell: str, layer: tuple[str, dict[str, Any]] | None, bias: Tensor | None, half: bool
) -> tuple[Told | None, bool]:
    """What is known of a layer, and whether its reset gate acts before the product."""
    kind, config = layer or (None, {})
    if kind in ("RNN", "Bidirectional") and isinstance(inner := config.get("cell", config.get("layer")), dict):
        kind, config = inner.get("class_name"), inner.get("config") or {}
    owner = f"Keras's {kind or cell}"
    if half:
        return Told(owner, cell, obstacle="is half of a bidirectional layer, which is no dynamical system"), False
    known = {**_CLASSES, **_CELL_CLASSES}.get(kind or "")
    if kind is not None and known != cell:
        return Told(owner, None), False
    after = config.get("reset_after", None if bias is None else bias.ndim == 2)
    if cell == "GRU" and after is None:
        return Told(owner, cell, obstacle="has no bias to tell reset_after by: save the model as .keras"), False
    activation, gates = config.get("activation", "tanh"), config.get("recurrent_activation", "sigmoid")
    if cell != "RNN" and (activation, gates) != ("tanh", "sigmoid"):
        return Told(owner, cell, obstacle=f"has activations {activation!r} and {gates!r}, not tanh and sigmoid"), False
    named = "GRU-reset-before" if cell == "GRU" and not after else cell
    if kind is None and named == cell:
        return None, False
    return Told(owner, named, {"nonlinearity": activation} if cell == "RNN" else {}), named != cell
