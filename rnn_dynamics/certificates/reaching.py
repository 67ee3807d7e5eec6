"""Which stable cycle each start is proved to go to: its orbit is enclosed until it is inside a capture ball."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from flint import arb_mat
from torch import Tensor

from ..enclosures import Enclosure, exact, is_finite, midpoints, precision
from ..progress import each
from .capture import Capture
from .ground import Ground, Step
from .obstacles import Passage
from .shadowing import shadowed

_FIRST_BITS, _MOST_BITS = 106, 53 * 2**7
"""An enclosed orbit gets wider by a factor of a few a step, a bit or two of precision: a thousand steps can be done."""

_LONG = 200
"""Steps from which on an orbit is ``shadowed`` first: for fewer to enclose it costs less than to bound its slopes."""

_INSIDE = 0.5
"""Of a ball's radius: a float orbit this near has surely entered it."""


@dataclass(frozen=True, eq=False)
class Reached:
    """A start's row of ``Capture``, or -1; after how many steps; and the ``Passage`` that says why."""

    row: int
    steps: int
    passage: Passage


def reached(
    ground: Ground, captures: Sequence[Capture | None], starts: Tensor, steps: int, progress: bool | None
) -> list[Reached]:
    """Of each of ``starts`` [s, n]."""
    if not any(captures):
        return [Reached(-1, 0, Passage.NO_BALL) for _ in starts]
    entries = _entries(ground.run, captures, starts, steps)
    rows = each(list(zip(starts, entries, strict=True)), "starts enclosed", progress, unit="start")
    return [_proved(ground, captures, start, *entry) for start, entry in rows]


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


def _proved(ground: Ground, captures: Sequence[Capture | None], start: Tensor, row: int, steps: int) -> Reached:
    capture = captures[row] if row >= 0 else None
    if capture is None:
        return Reached(-1, steps, Passage.NOT_CAPTURED)
    map, evaluation = ground.map, ground.evaluation if steps >= _LONG else None
    assert map is not None  # what has captures was traced
    if evaluation is not None:
        frame = capture.balls[0].frame
        end = shadowed(map, ground.run, evaluation, frame, start, steps, _MOST_BITS)
        if end is not None and capture.holds(end):
            return Reached(row, steps, Passage.REACHED)
    if steps > _MOST_BITS:
        return Reached(-1, steps, Passage.TOO_WIDE)
    bits = _FIRST_BITS
    while True:
        with precision(bits):
            end, done = _iterated(map, exact(start), steps, bits)
            if end is not None and capture.holds(end):
                return Reached(row, steps, Passage.REACHED)
        if bits == _MOST_BITS:
            return Reached(-1, steps, Passage.TOO_WIDE)
        # As wide as its states after ``done`` steps: so many bits a step were lost.
        bits = min(_MOST_BITS, max(2 * bits, _MORE + bits * steps // max(1, done)))


_MORE = 53
"""Bits that are to be left at the end of an orbit."""


def _iterated(map: Enclosure, box: arb_mat, steps: int, bits: int) -> tuple[arb_mat | None, int]:
    """F^steps of a box, and how many steps were done; None once it is as wide as its states are large."""
    for step in range(steps):
        box = map.value(box, bits)
        if step % 16 == 0 and (not is_finite(box) or _wide(box)):
            return None, step
    return box, steps


def _wide(box: arb_mat) -> bool:
    balls = box.entries()
    return max(float(ball.rad()) for ball in balls) >= max(float(abs(ball.mid())) for ball in balls)
