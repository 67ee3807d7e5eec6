"""What becomes of each point: the march of all, then a walk for each that the march set aside."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..families import Span
from ..progress import doing, sign_of_life
from .arclength import far, first_point, walk
from .crossings import Knot, Path, known_special
from .marching import March
from .special import Special

_SAME = 1e-8
"""Relative to max(1, |h|): rows this near to one another at the start are one point, followed once."""


@dataclass(eq=False)
class Course:
    """How one row ended."""

    outcome: str
    end: Tensor | None = None
    s: float = 1.0
    fold: tuple[Tensor, float] | None = None
    reason: str = ""
    knots: list[Knot] = field(default_factory=list)
    known: list[Special] = field(default_factory=list)
    crossings: tuple[Special, ...] = ()


def distinct(states: Tensor) -> tuple[list[int], list[int]]:
    """The rows that are points of their own, and for every row the number of its point among those."""
    first: list[int] = []
    of_row: list[int] = []
    for row, state in enumerate(states):
        scale = max(1.0, float(state.norm()))
        distances = (states[first] - state).norm(dim=-1)
        if len(first) and float(distances.min()) <= _SAME * scale:
            of_row.append(int(distances.argmin()))
        else:
            of_row.append(len(first))
            first.append(row)
    return first, of_row


class Follower:
    """Both stages, for distinct points."""

    def __init__(self, span: Span, tolerance: float, max_steps: int, looks: int, memory_budget: int) -> None:
        self._span = span
        self._tolerance = tolerance
        self._max_steps = max_steps
        self._looks = looks
        self._budget = memory_budget

    def courses(self, states: Tensor) -> list[Course]:
        marched = March(self._span, states, self._tolerance, self._budget, self._looks).knots
        courses = [
            Course("arrived", knots[-1][0], knots=knots) if knots[-1][1] == 1.0 else self._walked(knots)
            for knots in marched
        ]
        for row in self._colliding(courses):
            courses[row] = self._walked(marched[row][:1])
        for row in self._colliding(courses):
            reason = "arrived at the same point as another row: one of them has jumped"
            courses[row] = Course("unresolved", s=0.0, reason=reason)
        self._find_crossings(courses)
        return courses

    @doing("crossings")
    def _find_crossings(self, courses: list[Course]) -> None:
        paths = [
            Path(self._span, course.knots, course.known, self._tolerance, everywhere=self._looks > 1)
            for course in courses
        ]
        for index, s in ((0, 0.0), (-1, 1.0)):
            rows = [row for row, course in enumerate(courses) if course.knots and course.knots[index][1] == s]
            if not rows:
                continue
            system = self._span.system(s)
            states = torch.stack([courses[row].knots[index][0] for row in rows])
            for part in system.chunks(len(rows), self._budget):
                eigenvalues = system.linearize(states[part])[1].eigenvalues()
                for row, values in zip(rows[part], eigenvalues, strict=True):
                    paths[row].given(index % len(courses[row].knots), values)
        for course, path in zip(courses, paths, strict=True):
            if course.knots:
                course.crossings = path.crossings()

    def _colliding(self, courses: list[Course]) -> list[int]:
        """Rows that arrived where another did."""
        ends = [
            (row, course.end)
            for row, course in enumerate(courses)
            if course.outcome == "arrived" and course.end is not None
        ]
        if len(ends) < 2:
            return []
        states = torch.stack([end for _, end in ends])
        first, of_row = distinct(states)
        if len(first) == len(states):
            return []
        return [row for (row, _), point in zip(ends, of_row, strict=True) if of_row.count(point) > 1]

    @doing("by pseudo-arclength")
    def _walked(self, knots: list[Knot]) -> Course:
        """The course of a row that the march set aside, by pseudo-arclength from a good knot."""
        # Not from the last, which may lie on the very point that stopped the march.
        knots = knots[: max(1, len(knots) - 1)]
        state, s = knots[-1]
        point = first_point(self._span, state, s, self._tolerance)
        if point is None:
            return Course("unresolved", s=s, reason="Newton's method fails at the start: it is no regular fixed point")
        path, known, folds = list(knots), [], []
        for step in walk(self._span, point, tolerance=self._tolerance, max_steps=self._max_steps):
            sign_of_life()
            for special in step.passed:
                distance = float((special.state - path[-1][0]).norm()) + abs(special.s - path[-1][1])
                known.append(known_special(self._span, special, (len(path) - 1, distance)))
                if special.kind == "fold":
                    folds.append((special.state, special.s))
            point = step.point
            path.append((point.state, point.s))
        fold = folds[0] if folds else None
        if point.s == 1.0 and len(path) > 1:
            return Course("arrived", point.state, fold=fold, knots=path, known=known)
        if point.s == 0.0 and folds:
            return Course("fold", point.state, folds[0][1], fold, knots=path, known=known)
        lost = far(self._span, point)
        why = "the branch runs off to infinity" if lost else self._stuck(point.s)
        if len(folds) % 2:
            reason = f"beyond the fold {why}"
            return Course("fold", None, folds[0][1], fold, reason, path, known)
        return Course("left" if lost else "unresolved", None, point.s, fold, "" if lost else why, path, known)

    def _stuck(self, s: float) -> str:
        return (
            f"the walk along the branch ended at t = {self._span.parameter(s):.6g}, within {self._max_steps} steps"
            " or where no short step is safe: raise max_steps, or look for a kink of F there"
        )
