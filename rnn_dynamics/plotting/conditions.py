"""Fixed points of several conditions, such as held inputs: what each is called and its colour."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex
from torch import Tensor

from ..checks import ArgumentError
from ..fixed_points import FixedPoints, FixedPointsOverInputs
from . import style
from .classes import Look

Conditions = FixedPoints | FixedPointsOverInputs | Sequence[FixedPoints]

_SHOWN = 4
"""Inputs of more coordinates are called by their row."""

_LISTED = 6
"""The legend names so many conditions when they have the colours of a scale."""

_PALE = 0.35
"""The strength of the fill of saddles."""


@dataclass(frozen=True)
class Condition:
    """The fixed points of one condition; without a colour there is only one, and colour tells kinds apart."""

    name: str
    points: FixedPoints
    color: str | None

    def look(self, look: Look) -> Look:
        """In the colour of the condition; shape and filling tell the kind."""
        return look if self.color is None else coloured(look, self.color)


def coloured(look: Look, color: str) -> Look:
    """In another colour: what is full, tinted or empty stays so."""
    face = color if look.face == look.edge else "white" if look.face == "white" else style.tint(color, _PALE)
    return replace(look, edge=color, face=face)


def conditions_of(points: Conditions, labels: Sequence[str] | None) -> list[Condition]:
    """One for each result, named by ``labels``, by its input, or by its number.

    Up to eight have the palette's colours; more have those of a scale, in order.
    """
    if isinstance(points, FixedPoints):
        if labels is not None:
            raise ArgumentError("labels", "name several conditions: give points as a list")
        return [Condition("", points, None)]
    if isinstance(points, FixedPointsOverInputs):
        results, names = list(points.points), _names_of(points.inputs)[: len(points.points)]
    elif isinstance(points, Sequence) and all(isinstance(each, FixedPoints) for each in points):
        results, names = list(points), [f"condition {row}" for row in range(len(points))]
    else:
        got = f"{type(points).__name__} (taken are those over inputs, and a list of FixedPoints, too)"
        raise ArgumentError("points", f"must be the FixedPoints of find_fixed_points, got {got}")
    if not results:
        raise ArgumentError("points", "must be those of at least one condition, got none")
    sizes = sorted({result.states.shape[-1] for result in results})
    if len(sizes) > 1:
        raise ArgumentError("points", f"must all be of states of one size, got sizes {sizes}")
    if labels is not None:
        if isinstance(labels, str) or len(labels) != len(results):
            raise ArgumentError("labels", f"must be one for each of {len(results)} conditions, got {labels!r}")
        names = list(map(str, labels))
    return [Condition(*each) for each in zip(names, results, _colors(len(results)), strict=True)]


def listed(conditions: list[Condition]) -> list[Condition]:
    """Those that the legend names: all with colours of their own, else some from the first to the last."""
    if len(conditions) <= style.COLORS:
        return conditions
    return [conditions[row] for row in np.linspace(0, len(conditions) - 1, _LISTED).round().astype(int)]


def _colors(count: int) -> list[str]:
    if count <= style.COLORS:
        return [style.qualitative(row) for row in range(count)]
    # The last tenth of the scale is as light as the paper.
    return [to_hex(mpl.colormaps["viridis"](share)) for share in np.linspace(0, 0.9, count)]


def _names_of(inputs: Tensor) -> list[str]:
    rows = [" ".join(f"{x:.3g}" for x in row).replace("-", "−") for row in inputs.tolist()]
    if inputs.shape[1] > _SHOWN or len(set(rows)) < len(rows):
        return [f"input {row}" for row in range(len(rows))]
    return [f"input {row}" for row in rows] if inputs.shape[1] == 1 else [f"input ({row})" for row in rows]
