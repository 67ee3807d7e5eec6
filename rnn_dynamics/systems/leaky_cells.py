"""Leaky cells in files: the tensors that make them up, and what of them a file or the caller tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .layers import DaleLayer, LeakingLayer, LeakyLayer, LowRankLayer
from .readable_cells import Reading
from .reading import Told


@dataclass(frozen=True)
class Form:
    """The tensors of a kind of cell, each with a letter for each axis: n units, m inputs, rank r; "" for any number."""

    layer: Callable[..., LeakingLayer]
    weights: Mapping[str, str]
    constants: Mapping[str, str]
    """What is not trained."""


_ALL = {"weight_ih": "nm", "bias_ih": "n"}
FORMS = {
    "leaky": Form(LeakyLayer, _ALL | {"weight_hh": "nn"}, {"alpha": ""}),
    "Dale": Form(DaleLayer, _ALL | {"weight_hh": "nn"}, {"alpha": "", "signs": "n", "mask": "nn"}),
    "low-rank": Form(LowRankLayer, _ALL | {"weight_m": "nr", "weight_n": "nr"}, {"alpha": ""}),
}


def leaky_layer(
    cell: str, tensors: Mapping[str, Tensor], key: str, reading: Reading, told: Told | None, dtype: torch.dtype
) -> tuple[LeakingLayer, bool]:
    """One layer, and whether its bias is the sum of the two that torch's own cells have.

    Args:
        cell: one of ``FORMS``.
        tensors: by their names without the number of the layer, sound ones.
        key: how the names begin and end, with {} between: "rnn.{}_l0".
        reading, told: what the caller and the file say; the file's alpha may be among the tensors.
        dtype: of the layer.

    Raises:
        ValueError: for tensors that are missing or do not fit, or without alpha.
    """
    form, sizes = FORMS[cell], dict[str, int]()
    given = dict(tensors)
    given["alpha"] = _alpha(cell, given.get("alpha"), reading, key)
    summed = "bias_hh" in given
    if summed and "bias_ih" in given:
        given["bias_ih"] = given["bias_ih"] + given["bias_hh"]
    for name, axes in {**form.weights, **form.constants}.items():
        if name not in given:
            if name == "bias_ih":
                continue
            raise ValueError(f"{key.format(name)} is missing")
        shape = tuple(given[name].shape)
        fits = len(shape) == len(axes) and all(sizes.setdefault(a, n) == n for a, n in zip(axes, shape, strict=True))
        if name == "alpha":
            fits = shape in ((), (1,), (sizes["n"],))
        if not fits:
            wanted = ", ".join(str(sizes.get(axis, axis)) for axis in axes) or f"1] or [{sizes['n']}"
            raise ValueError(f"{key.format(name)} must have shape [{wanted}], got {list(shape)}")
    alpha = given["alpha"]
    if not bool(((alpha > 0) & (alpha <= 1)).all()):
        raise ValueError(f"{key.format('alpha')} must be above 0 and at most 1")
    kept = {name: given[name].detach().to(dtype) for name in (*form.weights, *form.constants) if name in given}
    kept["alpha"] = kept["alpha"].squeeze()
    nonlinearity = agreed("nonlinearity", reading.nonlinearity, told and told.nonlinearity) or "tanh"
    leak = agreed("leak", reading.leak, told and told.leak) or "outside"
    return form.layer(**kept, nonlinearity=nonlinearity, leak=leak), summed


def agreed(name: str, asked: str | None, told: str | None) -> str | None:
    """What the caller or the file says, which must not contradict each other.

    Raises:
        ValueError: if they do.
    """
    if None not in (asked, told) and asked != told:
        raise ValueError(f"{name}={asked!r} was asked for, but the file says {told!r}")
    return asked or told


def _alpha(cell: str, held: Tensor | None, reading: Reading, key: str) -> Tensor:
    if held is not None:
        if reading.alpha is not None and not bool((held == reading.alpha).all()):
            raise ValueError(f"alpha={reading.alpha} was asked for, but {key.format('alpha')} in the file differs")
        return held
    if reading.alpha is None:
        raise ValueError(f"a {cell} cell needs alpha= or --alpha, which the file does not hold")
    return torch.tensor(reading.alpha, dtype=torch.float64)
