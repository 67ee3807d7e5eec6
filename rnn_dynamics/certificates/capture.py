"""The balls in which a map is proved to contract onto a stable cycle."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from flint import arb_mat
from torch import Tensor

from ..enclosures import Enclosure, precision
from .existence import Located
from .frames import Frame
from .growing import largest_radius

_FIRST = 1e-3
"""In units, the half-width of the first ball that is tried."""

_THINNEST = 1e-12
"""A ball is no thinner than this share of its length."""

_POWERS = 100


@dataclass(frozen=True, eq=False)
class Ball:
    """All h with |h - x_0|_W <= radius come ever nearer to the cycle's first state x_0 under f, some turns F^k of it.

    f(h) - x_0 = M (h - x_0) by the mean value theorem, for some M of a Lipschitz matrix of f over the ball, all of
    which have a norm below 1.
    """

    frame: Frame
    radius: float

    def holds(self, away: arb_mat) -> bool:
        """Whether it holds x_0 + d for every d of a box [n, 1]."""
        return self.frame.length(away) < self.radius


@dataclass(frozen=True, eq=False)
class Capture:
    """The balls of one cycle, each the largest of its shape."""

    first: arb_mat
    """The box that holds x_0, [n, 1]."""

    balls: tuple[Ball, ...]

    width: float
    """All h with |h_i - states_0i| <= width u_i are in one of them."""

    def holds(self, box: arb_mat) -> bool:
        """Whether all states of a box [n, 1] go to the cycle."""
        away = box - self.first
        return any(ball.holds(away) for ball in self.balls)


def captured(map: Enclosure, located: Located, turns: int, radius: float, units: Tensor, bits: int) -> Capture | None:
    """The balls in which so many turns of a cycle contract, as large as a few tries make them.

    The spectral radius of these turns is about ``radius`` < 1, and their derivative has eigenvectors.
    The first is as wide in all eigendirections. Where it stops to contract, one that is scaled by the Perron vector of
    the norms of the blocks of W M V would contract in all of them alike: the second is grown in that shape, which is
    thin, but reaches far along the slow directions.
    """
    with precision(bits):
        turn = located.turn
        for _ in range(turns.bit_length() - 1):  # a power of two
            turn = turn * turn
        frame = Frame.of(turn)
        first = located.boxes[0]
        balls: list[Ball] = []
        width = 0.0
        while frame is not None and len(balls) < 2:
            unit = frame.inscribed(units)
            start = _FIRST * unit if not balls else balls[0].radius / float(frame.sizes.max())
            grown = _grown(map, located.boxes * turns, frame, start, radius, bits)
            if grown is None:
                break
            ball, bounds = grown
            balls.append(ball)
            off = float((located.radii[0] / units).max())
            width = max(width, ball.radius / unit * (1 - 2.0**-40) - off * (1 + 2.0**-40))
            frame = frame.scaled(_perron(bounds))
    return Capture(first, tuple(balls), width) if balls else None


def _grown(
    map: Enclosure, boxes: Sequence[arb_mat], frame: Frame, start: float, at_zero: float, bits: int
) -> tuple[Ball, Tensor] | None:
    """The largest ball of the frame's shape, and the norms of blocks over it."""
    bounds: dict[float, Tensor] = {}

    def contraction(radius: float) -> float:
        spread, moved = frame.spread(radius), frame.back
        for box in boxes:
            moved = map.slopes_along(box, moved, spread, bits)[0]
        norm, bounds[radius] = frame.norm(moved)
        return norm

    radius = largest_radius(contraction, start, at_zero=at_zero)
    return None if radius is None else (Ball(frame, radius), bounds[radius])


def _perron(bounds: Tensor) -> Tensor:
    """The positive vector that a matrix of positive numbers [b, b] stretches in all coordinates alike, up to 1."""
    vector = torch.ones(len(bounds), dtype=bounds.dtype)
    for _ in range(_POWERS):
        vector = bounds @ vector
        vector = (vector / vector.max()).clamp(min=_THINNEST)
    return vector
