"""What moves in ``rnn-dynamics bifurcate``: from its options to a family of maps."""

import math
import re
from dataclasses import dataclass

import torch
from torch import Tensor

from ..families import Family, scaled, shifted
from ..systems import DrivenMap
from .options import Options
from .shared import numbers

_MOST_SHOWN = 6
"""Entries of an input that are written out."""


@dataclass(frozen=True)
class Move:
    """What moves, and how far."""

    family: Family
    span: tuple[float, float]
    words: str
    label: str
    """Below the figure."""


def read_move(
    network: DrivenMap,
    direction: str | None,
    offset: str | None,
    scale: str | None,
    shift: str | None,
    gate: str | None,
    hold: str | None,
    span: tuple[float, float] | None,
) -> Move:
    """The family that the options describe, or the mistake in them."""
    chosen = [
        name for name, value in (("direction", direction), ("scale", scale), ("shift", shift)) if value is not None
    ]
    if len(chosen) > 1:
        raise ValueError(f"one thing moves at a time: choose one of {', '.join(f'--{name}' for name in chosen)}")
    weight = scale if scale is not None else shift
    if weight is None and gate is not None:
        raise ValueError("--gate goes with --scale or --shift: an input has no gates")
    if weight is None and hold is not None:
        raise ValueError(
            "--hold is for --scale, --shift and folders: while an input moves, --offset is what it has at p = 0"
        )
    if weight is not None and offset is not None:
        raise ValueError("--offset is for an input that moves: with --scale or --shift, --hold is the held input")
    default = (0.0, 2.0) if scale is not None else (-1.0, 1.0)
    between = _span(default if span is None else span)
    if weight is None:
        return _input_moves(network, direction, offset, between)
    held = torch.zeros(network.input_size) if hold is None else numbers(hold, network.input_size)
    with Options(name="shift" if scale is None else "scale"):
        family = (shifted if scale is None else scaled)(network, weight, held, gate=gate)
    what = f"{weight} (gate {gate})" if gate else weight
    how, label = (f"p is added to {what}", f"{what} + p") if scale is None else (f"{what} times p", f"p times {what}")
    where = f"held: the input {shown(held)}" if len(held) else "no input"
    return Move(family, between, f"What moves: {how}, {_over(between)}; {where}", label)


def _input_moves(network: DrivenMap, direction: str | None, offset: str | None, span: tuple[float, float]) -> Move:
    width = network.input_size
    if not width:
        raise ValueError("the network has no input that could move: take --scale or --shift and the name of a weight")
    base = torch.zeros(width) if offset is None else numbers(offset, width, "--offset")
    text = "0" if direction is None else direction.strip()
    if re.fullmatch(r"[+-]?\d+", text):
        if not 0 <= int(text) < width:
            raise ValueError(
                f"--direction must be the number of an input, 0 to {width - 1}, or {width} numbers like '0.5,0,1';"
                f" got {direction!r}"
            )
        along = torch.eye(width)[int(text)]
        at = float(base[int(text)])
        label = f"input {int(text)}" + (f" - {at:g}" if at > 0 else f" + {-at:g}" if at else "")
    else:
        along = numbers(text, width, "--direction")
        if not bool(along.any()):
            raise ValueError("--direction must not be zero: the input would not move")
        label = f"p of the input {shown(base)} + p {shown(along)}" if width <= _MOST_SHOWN else "p along the direction"
    words = f"What moves: the input, {shown(base)} + p {shown(along)}, {_over(span)}"
    return Move(network.input_family(along, base), span, words, label)


def shown(vector: Tensor) -> str:
    """The first entries of a vector, in full."""
    parts = [f"{value:g}" for value in vector[:_MOST_SHOWN].tolist()]
    return f"({', '.join(parts + ['...'] * (len(vector) > _MOST_SHOWN))})"


def _over(span: tuple[float, float]) -> str:
    return f"p from {span[0]:g} to {span[1]:g}"


def _span(span: tuple[float, float]) -> tuple[float, float]:
    start, end = span
    if not (math.isfinite(start) and math.isfinite(end)) or start == end:
        raise ValueError(f"--span must be two different finite numbers, like --span -2 2; got {start:g} {end:g}")
    return start, end
