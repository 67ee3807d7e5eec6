"""Which stable cycle each start is proved to go to: its orbit is enclosed until it is inside a capture ball."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from flint import arb_mat
from torch import Tensor

from ..enclosures import Enclosure, exact, is_finite, midpoints, precision
from ..progress import each
from .capture import Capture
from .ground import Step
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
    run: Step,
    map: Enclosure,
    captures: Sequence[Capture | None],
    starts: Tensor,
    steps: int,
    progress: bool | None,
) -> list[Reached]:
    """Of each of ``starts`` [s, n]."""
    if not any(captures):
        return [Reached(-1, 0, Passage.NO_BALL) for _ in starts]
    entries = _entries(run, captures, starts, steps)
    rows = each(list(zip(starts, entries, strict=True)), "starts enclosed", progress, unit="start")
    return [_proved(map, captures, start, *entry) for start, entry in rows]


def _entries(run: Step, captures: Sequence[Capture | None], starts: Tensor, steps: int) -> list[tuple[int, int]]:
    """Of each start which ball its orbit in floats comes into first, and after how many steps; (-1, steps) if none."""
    found = [(-1, steps)] * len(starts)
    left = torch.arange(len(starts))
    states = starts
    tests = [(row, *test) for row, capture in enumerate(captures) if capture for test in _in_floats(capture)]
    for step in range(steps + 1):
        for row, forward, first in tests:
            inside = ((states - first) @ forward.T).abs().amax(dim=1) < _INSIDE
            for start in left[inside].tolist():
                found[start] = (row, step)
            left, states = left[~inside], states[~inside]
        if not len(left):
            break
        states = run(states)
    return found


def _in_floats(capture: Capture) -> list[tuple[Tensor, Tensor]]:
    """Of each ball a matrix A and a center c with |A (h - c)| < 1, coordinate by coordinate, for the h inside."""
    center = midpoints(capture.first).flatten()
    tests = []
    for ball in capture.balls:
        scale = torch.empty(len(center), dtype=torch.float64)
        for block, size in zip(ball.frame.blocks, ball.frame.sizes.tolist(), strict=True):
            scale[list(block)] = ball.radius * size / len(block) ** 0.5
        tests.append((midpoints(ball.frame.forward) / scale.unsqueeze(-1), center))
    return tests


def _proved(map: Enclosure, captures: Sequence[Capture | None], start: Tensor, row: int, steps: int) -> Reached:
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


def _iterated(map: Enclosure, box: arb_mat, steps: int, bits: int) -> arb_mat | None:
    """F^steps of a box; None once nothing is known of it."""
    for step in range(steps):
        box = map.value(box, bits)
        if step % 16 == 0 and not is_finite(box):
            return None
    return box
