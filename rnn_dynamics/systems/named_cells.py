"""Cells that files must name, since their weights do not tell them: what tensors and options make them up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .layers import DaleLayer, Layer, LeakyLayer, LowRankLayer, LRULayer, MinGRULayer, MinLSTMLayer
from .readable_cells import Reading
from .reading import Told


@dataclass(frozen=True)
class Form:
    """The tensors of a kind of cell, each with the size of every axis: n units, m inputs, rank r."""

    layer: Callable[..., Layer]
    weights: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    """What is not trained."""

    options: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """What of the module does not act on its state."""


_DRIVEN = {"weight_ih": "n m", "bias_ih": "n"}
_ALPHA = {"alpha": "1|n"}
_LEAKY = ("nonlinearity", "leak")
_POLAR = dict.fromkeys(("nu_log", "theta_log", "gamma_log"), "n")
FORMS = {
    "leaky": Form(LeakyLayer, _DRIVEN | {"weight_hh": "n n"}, _ALPHA, _LEAKY),
    "Dale": Form(DaleLayer, _DRIVEN | {"weight_hh": "n n"}, _ALPHA | {"signs": "n", "mask": "n n"}, _LEAKY),
    "low-rank": Form(LowRankLayer, _DRIVEN | {"weight_m": "n r", "weight_n": "n r"}, _ALPHA, _LEAKY),
    "minGRU": Form(MinGRULayer, {"weight_ih": "2n m", "bias_ih": "2n"}, options=("positive",)),
    "minLSTM": Form(MinLSTMLayer, {"weight_ih": "3n m", "bias_ih": "3n"}, options=("positive",)),
    "LRU": Form(LRULayer, _POLAR | {"weight_ih": "2n m"}, beside=("weight_ho", "weight_io")),
}


def named_layer(
    cell: str, tensors: Mapping[str, Tensor], key: str, reading: Reading, told: Told | None, dtype: torch.dtype
) -> tuple[Layer, bool]:
    """One layer, and whether its bias is the sum of the two that torch's own cells have.

    Args:
        cell: one of ``FORMS``.
        tensors: by their names without the number of the layer, sound ones.
        key: how the names begin and end, with {} between: "rnn.{}_l0".
        reading, told: what the caller and the file say.
        dtype: of the layer.

    Raises:
        ValueError: for tensors that are missing or do not fit, or without alpha.
    """
    form, given = FORMS[cell], dict(tensors)
    if "alpha" in form.constants:
        given["alpha"] = _alpha(cell, given.get("alpha"), reading, key)
    summed = "bias_hh" in given
    if summed and "bias_ih" in given:
        given["bias_ih"] = given["bias_ih"] + given["bias_hh"]
    _require_shapes(form, given, key)
    kept = {name: given[name].detach().to(dtype) for name in (*form.weights, *form.constants) if name in given}
    if "alpha" in kept:
        kept["alpha"] = kept["alpha"].squeeze()
    options: dict[str, Any] = {}
    for name in form.options:
        chosen = agreed(name, getattr(reading, name, None), told.options.get(name) if told else None)
        options |= {} if chosen is None else {name: chosen}
    return form.layer(**kept, **options), summed


def agreed(name: str, asked: Any, told: Any) -> Any:
    """What the caller or the file says, which must not contradict each other.

    Raises:
        ValueError: if they do.
    """
    if asked is not None and told is not None and asked != told:
        raise ValueError(f"{name}={asked!r} was asked for, but the file says {told!r}")
    return told if asked is None else asked


def _require_shapes(form: Form, given: Mapping[str, Tensor], key: str) -> None:
    sizes: dict[str, int] = {}
    for name, axes in {**form.weights, **form.constants}.items():
        if name not in given:
            if name == "bias_ih":
                continue
            raise ValueError(f"{key.format(name)} is missing")
        shape = tuple(given[name].shape)
        if axes == "1|n":
            fits, wanted = shape in ((), (1,), (sizes["n"],)), f"1] or [{sizes['n']}"
        else:
            fits, wanted = _fits(shape, axes.split(), sizes)
        if not fits:
            raise ValueError(f"{key.format(name)} must have shape [{wanted}], got {list(shape)}")


def _fits(shape: tuple[int, ...], axes: list[str], sizes: dict[str, int]) -> tuple[bool, str]:
    """Whether a shape has such axes, of which new ones are noted, and what it should have been."""
    fits, wanted = len(shape) == len(axes), list[str]()
    for axis, size in zip(axes, shape if fits else [0] * len(axes), strict=True):
        times, letter = int(axis[:-1] or 1), axis[-1]
        if fits and size % times == 0:
            sizes.setdefault(letter, size // times)
        wanted.append(str(times * sizes[letter]) if letter in sizes else axis)
    return fits and wanted == [str(size) for size in shape], ", ".join(wanted)


def _alpha(cell: str, held: Tensor | None, reading: Reading, key: str) -> Tensor:
    if held is None:
        if reading.alpha is None:
            raise ValueError(f"a {cell} cell needs alpha= or --alpha, which the file does not hold")
        return torch.tensor(reading.alpha, dtype=torch.float64)
    if reading.alpha is not None and not bool((held == reading.alpha).all()):
        raise ValueError(f"alpha={reading.alpha} was asked for, but {key.format('alpha')} in the file differs")
    if not bool(((held > 0) & (held <= 1)).all()):
        raise ValueError(f"{key.format('alpha')} must be above 0 and at most 1")
    return held
