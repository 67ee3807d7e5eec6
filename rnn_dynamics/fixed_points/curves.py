"""One curve of fixed points of one map, walked to both its ends or round to its start."""

from dataclasses import dataclass

import numpy as np

from .neutral import Chart, NeutralEquation

_FIRST_STEP = 0.02
SHORTEST_STEP = 1e-9
_FINE = 1e-3
"""Refused steps shorter than this are on their way to a corner or an end: they are cut to an eighth, longer ones to
a half."""

_MOST_STEPS = 500
"""Attempts each way; a ring takes about 30, each corner of a piecewise linear curve about 20 more."""

_WANTED_BEND, _MOST_BEND = 0.1, 0.25
_LEAST_COSINE = 0.85
_KINK = 1e-5
"""The rules of ``continuation.walk``: at a kink, where the curve turns sharply, no step is short enough to look
straight; below this one counts if it converged."""

_BEYOND = 1e-3
"""How far past an end, in units of its coordinates, F(h) - h is looked at: see ``fades``."""

SHARP = 1e3
"""At an end, where the curve stops because F has an edge, F(h) - h has grown to so many times rounding by then. Where
the map only fades out, exponentially or as a power, it has hardly changed."""

_ON = 0.15
"""Of the piece of a curve: a neutral point this near to it is on it; a curve is nearer than a tenth to its pieces."""

_HOME = 1e-6


@dataclass(frozen=True, eq=False)
class Curve:
    """Samples [m, n] of a curve in order, and what is at its first and last: a key of ``continua.ENDS``."""

    points: np.ndarray
    ends: tuple[str, str]

    @property
    def closed(self) -> bool:
        return self.ends[0] == "closed"

    @property
    def fades(self) -> bool:
        """Whether F(h) - h falls under rounding so gradually that this is no curve of fixed points."""
        return "fades" in self.ends

    @property
    def chords(self) -> tuple[np.ndarray, np.ndarray]:
        """Where its straight pieces begin and end, [p, n] each."""
        following = np.roll(self.points, -1, axis=0) if self.closed else self.points[1:]
        return (self.points, following) if self.closed else (self.points[:-1], following)

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Which of neutral points [k, n] are on it, [k]."""
        return self.distances(points) <= _ON

    def distances(self, points: np.ndarray) -> np.ndarray:
        """How far points [k, n] are from it, as a share of the piece next to each, [k]."""
        begin, end = self.chords
        best = np.full(len(points), np.inf)
        for first, last in zip(begin, end, strict=True):
            chord = last - first
            size = max(float(np.linalg.norm(chord)), 1e-300)
            place = np.clip((points - first) @ chord / size**2, 0.0, 1.0)
            best = np.minimum(best, np.linalg.norm(points - first - place[:, None] * chord, axis=1) / size)
        return best


def traced(
    equation: NeutralEquation, seed: Chart, reach: np.ndarray, middle: np.ndarray, longest: float
) -> Curve | None:
    """The curve through a point of it; None where the point stands alone.

    Args:
        equation: F(h) = h.
        seed: one row, with d = 1.
        reach: half the sides [n] of the box round ``middle`` [n] beyond which it is not followed.
        middle: of that box.
        longest: of its pieces.
    """
    ahead, end = _walk(equation, seed, reach, middle, longest, home=seed)
    if end == "closed":
        return Curve(np.concatenate([seed.points, *ahead]), ("closed", "closed"))
    turned = Chart(seed.points, -seed.right, seed.left, seed.drift, seed.usable)
    behind, begin = _walk(equation, turned, reach, middle, longest, home=None)
    points = np.concatenate([*behind[::-1], seed.points, *ahead])
    if len(points) < 3 or float(np.abs(points - seed.points).max()) <= _BEYOND:
        return None
    return Curve(points, (begin, end))


def _walk(
    equation: NeutralEquation, seed: Chart, reach: np.ndarray, middle: np.ndarray, longest: float, home: Chart | None
) -> tuple[list[np.ndarray], str]:
    here, size, points = seed, min(_FIRST_STEP, longest), list[np.ndarray]()
    for _ in range(_MOST_STEPS):
        if size < SHORTEST_STEP:
            return points, "fades" if fades(equation, here, here.right[0, :, 0]) else "edge"
        guess = here.points + size * here.right[..., 0]
        there = equation.projected(guess, here.right, here.left)
        bend = float(np.linalg.norm(there.points - guess))
        if not _accepted(here, there, size, bend):
            size /= 2 if size > _FINE else 8
            continue
        if home is not None and len(points) > 1 and _passes(equation, home, here, there):
            return points, "closed"
        points.append(there.points)
        here = there
        if (np.abs(here.points[0] - middle) > reach).any():
            return points, "beyond"
        size = min(size * min(2.0, max(0.5, _WANTED_BEND * size / max(bend, 1e-12))), longest)
    return points, "steps"


def _accepted(here: Chart, there: Chart, size: float, bend: float) -> bool:
    if not there.usable[0] or there.drift[0] > 1.0 or bend > size:
        return False
    if size <= _KINK:
        return True
    before, after = here.right[0, :, 0], there.right[0, :, 0]
    chord = there.points[0] - here.points[0]
    straight = bend <= _MOST_BEND * size and float(before @ after) >= _LEAST_COSINE
    return straight and float(np.linalg.norm(chord - 0.5 * size * (before + after))) <= _WANTED_BEND * size


def _passes(equation: NeutralEquation, home: Chart, here: Chart, there: Chart) -> bool:
    """Whether the curve from one point to the next passes ``home`` itself."""
    chord = there.points[0] - here.points[0]
    size = float(np.linalg.norm(chord))
    away = home.points[0] - here.points[0]
    place = float(away @ chord) / size**2
    if not 0 < place <= 1 or float(np.linalg.norm(away - place * chord)) > _MOST_BEND * size:
        return False
    along = np.repeat((chord / size)[None, :, None], 1, axis=0)
    # The point of this very curve in the plane across the chord through ``home``: a later turn of a spiral is another.
    near = equation.projected(here.points + place * chord, along, here.left)
    return bool(near.usable[0]) and float(np.linalg.norm(near.points[0] - home.points[0])) <= _HOME * (1.0 + size)


def fades(equation: NeutralEquation, at: Chart, along: np.ndarray) -> bool:
    """Whether F(h) - h hardly grows beyond the end of a claimed continuum, ``at`` (one row), ``along`` a direction [n].

    A continuum of fixed points ends where F has an edge, and there F(h) - h leaves zero at once. Where a map merely
    fades out, as h + exp(-h), F(h) - h rises out of rounding as gradually as it went down.
    """
    step = _BEYOND * (1.0 + float(np.abs(at.points).max()))
    beyond = equation.projected(at.points + step * along, at.right, at.left)
    if beyond.usable[0] and float(np.linalg.norm(beyond.points - at.points)) <= 2 * step:
        return bool(beyond.drift[0] < SHARP)
    value, jacobian = equation.at(at.points + step * along)
    return bool(equation.drift(at.points, value, jacobian)[0] < SHARP)
