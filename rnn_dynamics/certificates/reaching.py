"""Which stable cycle each start is proved to go to: its orbit is enclosed until it is inside a capture ball."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from flint import arb_mat
from torch import Tensor

from ..enclosures import exact, is_finite, precision
from ..progress import each
from ..systems import AutonomousMap
from .capture import Capture
from .cycle_equation import BallMap
from .obstacles import Passage

_FIRST_BITS, _MOST_BITS = 106, 53 * 2**7
"""An enclosed orbit gets wider by a factor of a few a step, a bit or two of precision: a thousand steps can be done."""

_INSIDE = 0.5
"""Of a ball's radius: a float orbit this near has surely entered it."""


@dataclass(frozen=True, eq=False)
class Reached:
    """A start's row of ``Capture``, or -1; after how many steps; and the ``Passage`` that says why."""

    row: int
    steps: int
    passage: Passage


def reached(
    system: AutonomousMap,
    map: BallMap,
    captures: Sequence[Capture | None],
    starts: Tensor,
    steps: int,
    progress: bool | None,
) -> list[Reached]:
    """Of each of ``starts`` [s, n]."""
    if not any(captures):
        return [Reached(-1, 0, Passage.NO_BALL) for _ in starts]
    entries = _entries(system, captures, starts, steps)
    rows = each(list(zip(starts, entries, strict=True)), "starts enclosed", progress, unit="start")
    return [_proved(map, captures, start, *entry) for start, entry in rows]


def _entries(
    system: AutonomousMap, captures: Sequence[Capture | None], starts: Tensor, steps: int
) -> list[tuple[int, int]]:
    """Of each start which ball its orbit in floats comes into first, and after how many steps; (-1, steps) if none."""
    found = [(-1, steps)] * len(starts)
    left = torch.arange(len(starts))
    states = starts.to(system.device, system.dtype)
    tests = [(row, *_in_floats(capture)) for row, capture in enumerate(captures) if capture is not None]
    for step in range(steps + 1):
        now = states.double().cpu()
        for row, forward, first, radius in tests:
            inside = ((now - first).to(forward.dtype) @ forward.T).abs().amax(dim=1) < _INSIDE * radius
            for start in left[inside].tolist():
                found[start] = (row, step)
            left, states, now = left[~inside], states[~inside.to(states.device)], now[~inside]
        if not len(left):
            break
        states = system(states)
    return found


def _in_floats(capture: Capture) -> tuple[Tensor, Tensor, float]:
    rows = [[complex(entry) for entry in row] for row in capture.coordinates.forward.tolist()]
    first = torch.tensor([float(entry.mid()) for entry in capture.first.entries()], dtype=torch.float64)
    return torch.tensor(rows, dtype=torch.complex128), first, capture.radius


def _proved(map: BallMap, captures: Sequence[Capture | None], start: Tensor, row: int, steps: int) -> Reached:
    capture = captures[row] if row >= 0 else None
    if capture is None:
        return Reached(-1, steps, Passage.NOT_CAPTURED)
    bits = _FIRST_BITS
    while bits <= _MOST_BITS:
        with precision(bits):
            end = _iterated(map, exact(start), steps, bits)
            if end is not None and capture.holds(end):
                return Reached(row, steps, Passage.REACHED)
        bits *= 2
    return Reached(-1, steps, Passage.TOO_WIDE)


def _iterated(map: BallMap, box: arb_mat, steps: int, bits: int) -> arb_mat | None:
    """F^steps of a box; None once nothing is known of it."""
    for step in range(steps):
        box = map.value(box, bits)
        if step % 16 == 0 and not is_finite(box):
            return None
    return box
