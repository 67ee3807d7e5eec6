"""The walk along one branch, row by row, special points included."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol, TypeVar

from ...continuation import Point, Special, Step, eigenvalues_at, first_point, passes, point_between, walk
from ...families import Span
from ...progress import each
from ...stopping import go_on, stoppable
from .brackets import bracketed, nearest
from .events import BorderCollision, passed_between, sharpened
from .kinks import rate, suspected
from .method import Walk
from .special import described
from .table import Row, row_at


class BranchWalk(Iterator[Row]):
    """Rows along a branch from a point, in the direction of its tangent: an iterator that can be left and taken up.

    Between two steps it looks for what eigenvalues did, so that special points come out in their order, with an
    ordinary row between any two. ``here`` is where it stands, ``end`` why it stopped (a key of ``results.ENDS``).
    """

    def __init__(
        self, span: Span, first: Point, period: int = 1, method: Walk | None = None, home: Point | None = None
    ) -> None:
        """Set out from ``first``, which is on the branch; ``first.reversed()`` walks the other way.

        Args:
            span: the family, of F^period for cycles.
            first: see ``continuation.first_point``.
            period: of the cycles; a branch of cycles ends where it meets one of half the period.
            method: tolerances and lengths of steps.
            home: a walk that comes back to this point has closed; ``first`` by default.
        """
        method = method or Walk()
        self.end: str | None = None
        self.refused = 0
        self._usual: float | None = None  # how fast DF changes along the branch where it is smooth
        self._span, self._period, self._method = span, period, method
        self._first = row_at(span, first)
        self._last = self._first
        self._home = self._first if home is None else row_at(span, home)
        self._pending: deque[Row] = deque()
        self._steps = walk(
            span,
            first,
            tolerance=method.tolerance,
            max_steps=method.max_steps,
            longest_step=method.longest_step,
            max_norm=method.max_norm,
        )

    @property
    def first(self) -> Row:
        """The row it set out from."""
        return self._first

    @property
    def here(self) -> Row:
        """The last ordinary row that it reached."""
        return self._last

    def __next__(self) -> Row:
        """The next row, ordinary or special; StopIteration at the end."""
        while not self._pending:
            if self.end is not None:
                raise StopIteration
            try:
                step = next(self._steps)
            except StopIteration as stop:
                self.end = str(stop.value)
                raise StopIteration from None
            self._take(step)
        return self._pending.popleft()

    def _take(self, step: Step) -> None:
        self.refused += step.refused
        before, after = self._last, row_at(self._span, step.point)
        back = passes(self._span, self._home.point, before.point, after.point, self._method.tolerance)
        if back:
            after = replace(self._home, special=None)
        place = before.point
        found = passed_between(
            self._span,
            before,
            after,
            step.passed,
            self._method.tolerance,
            suspected(before, after, self._usual, step.refused),
        )
        if not any(isinstance(special, BorderCollision) for special in found):
            self._usual = rate(before, after)
        for special in found:
            kink = special.kink if isinstance(special, BorderCollision) else None
            if self._pending:  # never two special rows side by side
                middle = self._middle(place, special.located if kink is None else kink.before.point)
                # Between two at the very same place there is that place only.
                self._pending.append(row_at(self._span, place) if middle is None else middle)
            if special.kind == "branch point" and self._halved(special):
                self._pending.append(self._doubling(special))
                self.end = "doubling"
                return
            rising = before.point.pace * (self._span.end - self._span.start) > 0
            row = row_at(self._span, special.located)
            eigenvalues = row.eigenvalues if special.eigenvalues is None else special.eigenvalues
            self._pending.append(replace(row, eigenvalues=eigenvalues, special=described(self._span, special, rising)))
            place = special.located if kink is None else kink.after.point
        self._pending.append(after)
        self._last = after
        if back:
            self.end = "closed"

    def _doubling(self, special: Special) -> Row:
        """The flip of the cycle of half the period, as which it is described."""
        half = self._span.iterated(self._period // 2)
        near = first_point(half, special.state, special.s, self._method.tolerance)
        point = special.located if near is None else sharpened(half, near, -1.0 + 0.0j, self._method.tolerance)
        eigenvalues = eigenvalues_at(half, point.state, point.s)
        value = nearest(eigenvalues, -1.0 + 0.0j)
        flip = replace(Special.at("flip", point), eigenvalue=value, multiplicity=special.multiplicity)
        flip = bracketed(half, flip, special.interval, self._method.tolerance)
        # The tangent is that of the arms: across the flip, along the flipping direction.
        row = replace(special.located, state=point.state, s=point.s, residual=point.residual)
        return replace(row_at(self._span, row), special=described(half, flip, rising=True))

    def _middle(self, before: Point, after: Point) -> Row | None:
        point = point_between(self._span, before, after, 0.5, self._method.tolerance)
        return None if point is None else row_at(self._span, point)

    def _halved(self, special: Special) -> bool:
        """Whether a cycle has become one of half its period."""
        if self._period % 2:
            return False
        state = special.state
        half = self._span.iterated(self._period // 2).system(special.s)(state.unsqueeze(0))[0]
        # Where they meet, the two phases part as the square root of the parameter.
        return float((half - state).norm()) < 1e-3 * special.located.scale


R = TypeVar("R", covariant=True)


class RowWalk(Protocol[R]):
    """Rows one after the other, and why they ended."""

    end: str | None

    def __iter__(self) -> Iterator[R]: ...


def walked_out(walk: RowWalk[R], what: str, progress: bool | None = None) -> list[R]:
    """All rows that are left of a walk; Ctrl-C leaves those that there are."""
    rows: list[R] = []
    with stoppable() as stop:
        for row in each(walk, what, progress, unit="row"):
            rows.append(row)
            go_on()
    if stop:
        walk.end = "interrupted"
    return rows
