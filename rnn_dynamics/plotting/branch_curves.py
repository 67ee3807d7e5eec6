"""Branches as curves: what is drawn of a state, and the smooth curve through all rows."""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..bifurcations import Branch, Observable, Section, hermite, observe
from ..fixed_points import Continuum
from .projection import host, principal

_BETWEEN = 8
"""Drawn pieces of curve between two rows; at the default longest step one is then shorter than a dash."""

_ALIGNED = 0.5
"""Cosine between tangent and chord below which a tangent is not the curve's: at a branch point it may be that of the
other branch, and at a kink it belongs to one side only."""

Height = Callable[[Tensor], np.ndarray]
"""States [k, n] -> what is drawn of them, [k]."""


def height_of(
    branches: Sequence[Branch], sections: Sequence[Section | Continuum], observable: Observable | Literal["norm"] | None
) -> tuple[Height, str]:
    """What is drawn of a state, and what the axis then shows."""
    n = (branches[0].states if branches else sections[0].states).shape[-1]
    if observable is None:
        if n == 1:
            return lambda states: host(states)[:, 0].numpy(), "state"
        projection = principal([*(b.states for b in branches), *(s.states for s in sections)], 2)
        return lambda states: projection(states)[:, 0], projection.labels[0]
    if isinstance(observable, str):
        if observable != "norm":
            raise ValueError(f'observable must be "norm", a unit or a function of states, got {observable!r}')
        return lambda states: observe(host(states), None).numpy(), "|h|"
    if isinstance(observable, bool) or not (isinstance(observable, Integral) or callable(observable)):
        raise ValueError(
            'observable must be None, "norm", the number of a unit or a function of states [k, n] -> [k];'
            f" got {type(observable).__name__}"
        )
    if isinstance(observable, Integral):
        observable = int(observable)  # numpy's integers too
    observe(host(branches[0].states if branches else sections[0].states)[:1], observable)
    if isinstance(observable, int):
        return lambda states: observe(host(states), observable).numpy(), f"state of unit {observable % n}"
    name = getattr(observable, "__name__", "observable").strip("<>_").replace("_", " ")
    return lambda states: observe(host(states), observable).cpu().numpy(), "observable" if name == "lambda" else name


def phases_of(branch: Branch) -> tuple[Tensor, ...]:
    """The states [k, n] of every phase of a cycle; a fixed point has one."""
    return branch.orbits.unbind(1)


def drawn(rows: slice) -> slice:
    """Where on the drawn curve a stretch of rows is, both its ends included."""
    return slice(_BETWEEN * rows.start, _BETWEEN * (rows.stop - 1) + 1)


def along(values: np.ndarray) -> np.ndarray:
    """What is known at rows [k], on the drawn curve [m]: linear in arclength between rows."""
    return np.interp(np.arange(_BETWEEN * (len(values) - 1) + 1) / _BETWEEN, np.arange(len(values)), values)


def parameters_along(branch: Branch) -> np.ndarray:
    """The parameters of the drawn curve, [m]."""
    return smooth(branch, branch.states)[0].numpy()


def smooth(branch: Branch, phase: Tensor) -> tuple[Tensor, Tensor]:
    """Parameters [m] and states [m, n] on Hermite's cubics through all rows of a phase [k, n]; every 8th is a row.

    States are interpolated, not what is drawn of them: so folds are round whatever the observable.
    """
    if len(branch) < 2:
        return branch.parameters.cpu(), phase.cpu()
    size = abs(branch.span[1] - branch.span[0])
    units = branch.units.double().cpu()
    held = torch.cat([branch.states.double().cpu() / units, branch.parameters[:, None].cpu() / size], dim=1)
    rows = torch.cat([phase.double().cpu() / units, held[:, -1:]], dim=1)
    scale = held[:-1, :-1].norm(dim=1, keepdim=True).clamp(min=1)
    chord = held[1:] - held[:-1]
    reach, tangents = _length(chord, scale), branch.tangents.double().cpu() / torch.cat([units, units.new_ones(1)])
    slopes = [reach * _unit(_mended(tangents, chord, scale, end), scale) for end in (0, 1)]
    if phase is not branch.states:  # the tangents know of one phase and the parameter only
        around = _around((rows[1:] - rows[:-1]) / reach, reach)[:, :-1]
        slopes = [
            torch.cat([reach * part, slope[:, -1:]], dim=1)
            for part, slope in zip((around[:-1], around[1:]), slopes, strict=True)
        ]
    weights = torch.tensor([hermite(k / _BETWEEN) for k in range(_BETWEEN)], dtype=torch.float64)
    nodes = torch.stack([rows[:-1], slopes[0], rows[1:], slopes[1]])
    points = torch.cat([torch.einsum("uw,wkn->kun", weights, nodes).flatten(0, 1), rows[-1:]])
    parameters = points[:, -1] * size
    parameters[::_BETWEEN] = branch.parameters  # division and multiplication by the span round
    return parameters, points[:, :-1] * units


def _mended(tangents: Tensor, chord: Tensor, scale: Tensor, end: int) -> Tensor:
    """The tangents at the first (0) or second (1) ends of all intervals; from both neighbours where one is no good."""
    ends = slice(end, len(chord) + end)
    own, around = tangents[ends], _around(_unit(chord, scale), _length(chord, scale))[ends]
    result = torch.where(_cosine(own, chord, scale) < _ALIGNED, around, own)
    return torch.where(_cosine(result, chord, scale) < _ALIGNED, chord, result)


def _around(rates: Tensor, lengths: Tensor) -> Tensor:
    """Slopes at k rows, of the parabola through each and its neighbours, from those of the k - 1 chords."""
    if len(rates) < 2:
        return rates[[0, 0]]
    inner = (lengths[1:] * rates[:-1] + lengths[:-1] * rates[1:]) / (lengths[1:] + lengths[:-1])
    return torch.cat([2 * rates[:1] - inner[:1], inner, 2 * rates[-1:] - inner[-1:]])


def _length(vectors: Tensor, scale: Tensor) -> Tensor:
    """As ``continuation`` measures: a state by its own size, the parameter by the span's; [k, 1]."""
    return torch.cat([vectors[:, :-1] / scale, vectors[:, -1:]], dim=1).norm(dim=1, keepdim=True)


def _cosine(one: Tensor, other: Tensor, scale: Tensor) -> Tensor:
    inner = (one[:, :-1] * other[:, :-1]).sum(dim=1, keepdim=True) / scale**2 + one[:, -1:] * other[:, -1:]
    norms = _length(one, scale) * _length(other, scale)
    return torch.where(norms > 0, inner / norms, torch.ones_like(norms))


def _unit(vectors: Tensor, scale: Tensor) -> Tensor:
    """Vectors of length 1; 0 stays 0."""
    length = _length(vectors, scale)
    return vectors / torch.where(length > 0, length, torch.ones_like(length))
