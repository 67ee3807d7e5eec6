"""From saved weights to driven maps: which recurrent networks a checkpoint holds is read off names and shapes."""

import os
import re
import warnings
import zipfile
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import safe_open
from torch import Tensor

from .layered import LayeredMap
from .layers import ElmanLayer, GRULayer, Layer, LSTMLayer

_LAYERS: dict[str, Callable[..., Layer]] = {"RNN": ElmanLayer, "GRU": GRULayer, "LSTM": LSTMLayer}
_NAME = re.compile(r"(.*\.)?((?:weight_(?:ih|hh|hr)|bias_(?:ih|hh))(?:_l(?:0|[1-9]\d{0,3}))?(?:_reverse)?)")
_WRAPPERS = ("module", "_orig_mod")  # what DataParallel and torch.compile put before or between the names
_READABLE = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

Contents: TypeAlias = dict[tuple[str, str], Tensor | None]  # None: a tensor whose name is not one of recurrent weights


@dataclass(frozen=True)
class Checkpoint:
    """A recurrent network read from a file; ``str`` describes it in a line."""

    network: LayeredMap
    cell: str  # "RNN", "GRU" or "LSTM"
    prefix: str  # what its weights' names begin with: "encoder.rnn.", or "" at the top level

    def __str__(self) -> str:
        bottom = self.network.layers[0]
        kind = f"{self.cell} ({bottom.nonlinearity})" if isinstance(bottom, ElmanLayer) else self.cell
        width = bottom.cell_size if isinstance(bottom, LSTMLayer) else bottom.state_size
        units = _count(width, "unit") + (f" projected to {bottom.output_size}" if bottom.output_size < width else "")
        inputs = _count(bottom.input_size, "input") + ("" if "bias_ih" in bottom.weights() else ", no bias")
        where = f"'{self.prefix}'" if self.prefix else "the top level ('')"
        return f"{kind}, {_count(len(self.network.layers), 'layer')} of {units}, {inputs}, at {where}"


def read_checkpoint(
    path: str | os.PathLike[str], *, prefix: str | None = None, cell: str | None = None, nonlinearity: str = "tanh"
) -> Checkpoint:
    """Read an RNN, GRU or LSTM from a file of weights, without running any code the file may carry.

    Args:
        path: what ``torch.save`` wrote (.pt, .pth, .bin, .ckpt, read with ``weights_only=True``), or .safetensors.
            The weights may lie anywhere in nested dicts, under any prefix; half precision becomes float32.
        prefix: which network, if the file holds several: "encoder.rnn", with or without the last dot.
        cell: "RNN", "GRU" or "LSTM", to insist on one; the shapes of the weights tell it otherwise.
        nonlinearity: "tanh" or "relu", of a plain RNN only, since its weights do not tell.

    Raises:
        ValueError: for a file that cannot be read, holds no or several recurrent networks, or weights that do not fit.
    """
    if cell not in (None, *_LAYERS):
        raise ValueError(f"cell must be 'RNN', 'GRU' or 'LSTM', got {cell!r}")
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
    try:
        checkpoint = _chosen(_groups(_contents(Path(path))), prefix).build(nonlinearity)
        if cell not in (None, checkpoint.cell):
            raise ValueError(f"it holds weights of {checkpoint.cell} cells, but cell='{cell}' was asked for")
        if nonlinearity != "tanh" and checkpoint.cell != "RNN":
            raise ValueError(f"nonlinearity='{nonlinearity}' is for an RNN, but it holds {checkpoint}")
    except ValueError as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    return checkpoint


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _shortened(items: Sequence[object], separator: str, shown: int = 12) -> str:
    rest = f" and {len(items) - shown} more" if len(items) > shown else ""
    return separator.join(map(str, items[:shown])) + rest


class _Group:
    """The weights that share a prefix: one recurrent module, if they fit together."""

    def __init__(self, containers: str, key_prefix: str) -> None:
        self.key_prefix = key_prefix
        self.full_prefix = containers + key_prefix
        short = "".join(f"{part}." for part in key_prefix.split(".")[:-1] if part not in _WRAPPERS)
        self.aliases = {short, key_prefix, containers + short, self.full_prefix}
        self.prefix = short
        self.weights: dict[str, Tensor] = {}

    def __str__(self) -> str:
        try:
            return str(self.build("tanh"))
        except ValueError as error:
            return f"unreadable weights at '{self.prefix}' ({error})"

    def build(self, nonlinearity: str) -> Checkpoint:
        """The network, once every weight has been found to be there and to fit."""
        if any(name.endswith("_reverse") for name in self.weights):
            raise ValueError("a bidirectional module is no dynamical system: its backward half runs against time")
        held = {name.partition("_l")[0] for name in self.weights}
        optional = [("bias_ih", "bias_hh"), ("weight_hr",)]
        names = ["weight_hh", "weight_ih", *(name for pair in optional if held & {*pair} for name in pair)]
        numbers = [int(name.partition("_l")[2]) for name in self.weights if "_l" in name]
        suffixes = [f"_l{index}" for index in range(max(numbers) + 1)] if numbers else [""]  # "": a *Cell's
        for name, suffix in product(names, suffixes):
            self._require_sound(name + suffix)
        cell, shapes = self._bottom_shapes(suffixes[0], projected="weight_hr" in names)
        options = {"nonlinearity": nonlinearity} if cell == "RNN" else {}
        dtype = torch.float64 if any(w.dtype == torch.float64 for w in self.weights.values()) else torch.float32
        for suffix in suffixes:
            for name in names:
                self._require_shape(name + suffix, *shapes[name])
            shapes["weight_ih"] = shapes["weight_hh"]  # a layer above reads what its twin below puts out
        layers = [{name: self.weights[name + suffix].detach().to(dtype) for name in names} for suffix in suffixes]
        return Checkpoint(LayeredMap([_LAYERS[cell](**layer, **options) for layer in layers]), cell, self.prefix)

    def _bottom_shapes(self, suffix: str, projected: bool) -> tuple[str, dict[str, tuple[int, ...]]]:
        """The kind of cell, and the shapes that its bottom layer must have by its recurrent weights."""
        if projected:
            outputs, units = self._require_shape("weight_hr" + suffix, "outputs", "units")
            cell, rows = "LSTM", 4 * units
        else:
            rows, outputs = self._require_shape("weight_hh" + suffix, "rows", "columns")
            kinds = {outputs: "RNN", 3 * outputs: "GRU", 4 * outputs: "LSTM"}
            if rows not in kinds:
                wanted = "1 (RNN), 3 (GRU) or 4 (LSTM) times as many rows as columns"
                raise ValueError(f"{self.key_prefix}weight_hh{suffix} must have {wanted}, got shape {[rows, outputs]}")
            cell, units = kinds[rows], outputs
        _, inputs = self._require_shape("weight_ih" + suffix, rows, "inputs")
        biases = {"bias_ih": (rows,), "bias_hh": (rows,)}
        weights = {"weight_ih": (rows, inputs), "weight_hh": (rows, outputs), "weight_hr": (outputs, units)}
        return cell, weights | biases

    def _require_sound(self, name: str) -> None:
        key, weight = self.key_prefix + name, self.weights.get(name)
        if weight is None:
            raise ValueError(f"{key} is missing")
        if weight.is_meta or weight.is_nested or weight.layout is not torch.strided:
            raise ValueError(f"{key} must be a dense tensor with data, got {weight.layout} on device {weight.device}")
        if weight.dtype not in _READABLE:
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


def _chosen(groups: list[_Group], prefix: str | None) -> _Group:
    matching = groups
    if prefix is not None:
        wanted = f"{prefix.rstrip('.')}." if prefix else ""
        matching = [g for g in groups if g.prefix == wanted] or [g for g in groups if wanted in g.aliases]
    if not matching:
        raise ValueError(f"it holds no recurrent network at '{prefix}', but {_shortened(groups, '; ')}")
    if len(matching) > 1:
        raise ValueError(f"it holds several networks, pass --prefix or prefix= for one: {_shortened(matching, '; ')}")
    return matching[0]


def _groups(contents: Contents) -> list[_Group]:
    groups: dict[tuple[str, str, bool], _Group] = {}
    for (containers, key), tensor in contents.items():
        if (found := _NAME.fullmatch(key)) and tensor is not None:
            place = (containers, found[1] or "", "_l" in found[2])  # a *Cell's names are without _l
            groups.setdefault(place, _Group(*place[:2])).weights[found[2]] = tensor
    if not groups:
        others = _shortened([containers + key for containers, key in contents], ", ") or "none"
        raise ValueError(f"it holds no recurrent weights, with names like 'rnn.weight_hh_l0'; tensors in it: {others}")
    used = Counter(group.prefix for group in groups.values())
    for group in groups.values():
        if used[group.prefix] > 1:
            group.prefix = group.full_prefix
    return list(groups.values())


def _contents(path: Path) -> Contents:
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if not head:
        raise ValueError("it is empty")
    if path.suffix == ".safetensors" or head[8:] == b"{":  # its header: eight bytes of length, then JSON
        try:
            with safe_open(path, framework="pt") as file:
                return {("", k): file.get_tensor(k) if _NAME.fullmatch(k) else None for k in file.keys()}  # noqa: SIM118
        except Exception as error:  # of many types: what Rust raises, and what torch lacks a dtype for
            raise ValueError("it is cut short, damaged, or no safetensors file that torch can hold") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickle protocols and TorchScript: what matters of it is said here
            root = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is none of torch's can raise almost anything: KeyError, IndexError, ...
        raise ValueError(_refusal(path, head, str(error))) from error
    return _named_tensors(root)


def _refusal(path: Path, head: bytes, message: str) -> str:
    """One sentence for the page that torch.load says."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.rpartition("/")[2] for name in archive.namelist()}
    except Exception:  # of many types, for what is no zip archive or a damaged one
        members = set[str]()
    if "constants.pkl" in members:
        return "it is a TorchScript archive: save module.state_dict() with torch.save instead"
    if members and "data.pkl" not in members:
        return "it is a zip archive, but not one that torch.save wrote"
    if members or head.startswith(b"\x80"):  # the first byte of every pickle since protocol 2
        remedy = "which are not read because they could run code: save model.state_dict() with torch.save instead"
        if named := re.search(r"GLOBAL ([\w.]*\w) (?:was not|whose module)", message):
            return f"it holds Python objects besides tensors ({named[1]}), {remedy}"
        if "Unsupported operand 149" in message:  # the frame that every pickle since protocol 4 opens with
            return f"it holds Python objects besides tensors, or a pickle of protocol 4 or later, {remedy}"
    return "it is cut short, damaged, or neither a file of torch.save nor of safetensors"


def _named_tensors(root: Any) -> Contents:
    """The tensors of nested dicts and lists by (containers, key), each container once: a pickle can be cyclic."""
    if not isinstance(root, Mapping | list | tuple):
        raise ValueError(f"it holds one {type(root).__name__}, not a state dict: save model.state_dict()")
    contents: Contents = {}
    queue, seen = deque([("", root)]), {id(root)}
    while queue:
        containers, value = queue.popleft()
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if isinstance(item, Tensor):
                contents[containers, str(key)] = item
            elif isinstance(item, Mapping | list | tuple) and id(item) not in seen:
                seen.add(id(item))
                queue.append((f"{containers}{key}.", item))
    return contents
