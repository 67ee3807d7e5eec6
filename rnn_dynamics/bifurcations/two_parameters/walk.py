"""The walk along a bifurcation curve, row by row, points of codimension two included."""

import math
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...continuation import Point, Step, corrected, covector, length, passes, walk
from ...families import Span
from ..branch import Walk
from .codimension_two import POLES, TURNS, Found, Spot, found_between
from .defining import Borders, DefiningFamily, Plane, borders_at
from .results import BifurcationCurve, CodimensionTwoPoint

_FACING = 0.7
"""Borders are renewed when null spaces have turned by 45 degrees from them."""

_MOST_BEND, _LEAST_COSINE = 0.25, 0.85
"""As in ``continuation.walk``, for the step that lands on an end of q's span."""

_SAME = 1e-9
"""In arclength: rows this near are one."""

_KEPT = 16
"""Leading eigenvalues that points of codimension two keep."""


@dataclass(frozen=True, eq=False)
class CurveRow:
    """One row of a curve."""

    spot: Spot
    special: str = ""


class CurveWalk(Iterator[CurveRow]):
    """Rows along a bifurcation curve from a point, in the direction of its tangent; ``end`` says why it stopped."""

    def __init__(self, plane: Plane, borders: Borders, first: Point, method: Walk) -> None:
        self.end: str | None = None
        self.refused = 0
        self._plane, self._method, self._home = plane, method, first
        self._attempts = method.max_steps
        self._last_step = min(0.02, method.longest_step)
        self._pending: deque[CurveRow] = deque()
        self._begin(borders, first)
        self._first = CurveRow(self._here)

    @property
    def first(self) -> CurveRow:
        """The row it set out from."""
        return self._first

    def __next__(self) -> CurveRow:
        """The next row, ordinary or special; StopIteration at the end."""
        while not self._pending:
            if self.end is not None:
                raise StopIteration
            self._advance()
        return self._pending.popleft()

    def _begin(self, borders: Borders, point: Point) -> None:
        """Walk on with these borders."""
        self._family = DefiningFamily(self._plane, borders)
        self._span = Span(self._family, *self._plane.spans[0])
        self._here = Spot(self._family, self._span, point)
        self._renewed = point
        self._steps: Generator[Step, None, str] = walk(
            self._span,
            point,
            tolerance=self._method.tolerance,
            max_steps=max(1, self._attempts),
            longest_step=self._method.longest_step,
            max_norm=self._method.max_norm,
        )

    def _advance(self) -> None:
        landed = self._landed(2 * self._last_step)
        if landed is not None:
            if landed is not self._here.point:
                self._take(landed)
            self.end = self.end or "span"
            return
        try:
            step = next(self._steps)
        except StopIteration as stop:
            self._stopped(str(stop.value))
            return
        self.refused += step.refused
        self._attempts -= 1 + step.refused
        self._last_step = length(step.point.coordinates - self._here.point.coordinates, self._here.point.scale)
        self._take(step.point)
        if self.end is None and self._attempts <= 0:
            self.end = "steps"
        if self.end is None:
            self._renew()

    def _stopped(self, reason: str) -> None:
        """The walk ended; one that stalled may go on with borders of its own."""
        if reason == "stalled" and self._renewed is not self._here.point:
            self._renew(always=True)
            if self._renewed is self._here.point:
                return
        self.end = reason

    def _renew(self, always: bool = False) -> None:
        spot, old = self._here, self._family.borders
        borders = borders_at(self._plane.kind, spot.jacobian, spot.cosine, old)
        if not always and borders.facing(old) > _FACING:
            return
        span = Span(DefiningFamily(self._plane, borders), *self._plane.spans[0])
        point = spot.point
        again = corrected(span, point.coordinates, covector(point.tangent, point.scale), self._method.tolerance)
        if again is not None:
            self._begin(borders, again)

    def _take(self, point: Point) -> None:
        """Add what lies between here and a point, and the point."""
        before = self._here
        back = passes(self._span, self._home, before.point, point, self._method.tolerance)
        after = Spot(self._family, self._span, self._home if back else point)
        for found in found_between(self._family, self._span, before, after, self._method.tolerance):
            spot = Spot(self._family, self._span, found.point)
            if self._ends(found):
                self._pending.append(CurveRow(spot, found.kind))
                self.end = found.kind
                return
            self._pending.append(CurveRow(spot, found.kind))
        self._pending.append(CurveRow(after))
        self._here = after
        if back:
            self.end = "closed"

    def _ends(self, found: Found) -> bool:
        return self._plane.kind == "Neimark-Sacker" and found.kind in TURNS

    def _landed(self, reach: float) -> Point | None:
        """The curve's point on the end of q's span, if that is no farther ahead; this point itself if it is on it."""
        here, index = self._here.point, self._plane.size
        pace = float(here.tangent[index])
        if pace == 0:
            return None
        limit = 1.0 if pace > 0 else 0.0
        taken = (limit - float(here.state[index])) / pace
        if taken <= 0:
            return here
        guess = here.coordinates + taken * here.tangent
        if taken > reach or not 0 <= float(guess[-1]) <= 1:
            return None
        guess[index] = limit
        row = torch.zeros_like(guess)
        row[index] = math.copysign(1.0, pace)
        point = corrected(self._span, guess, row, self._method.tolerance)
        if point is None:
            return None
        bend = length(point.coordinates - guess, here.scale)
        cosine = float(covector(here.tangent, here.scale) @ point.tangent)
        return point if bend <= _MOST_BEND * taken and cosine >= _LEAST_COSINE else None


def assembled_curve(plane: Plane, rows: list[CurveRow], ends: tuple[str, str], refused: int) -> BifurcationCurve:
    """The table of a whole curve."""
    rows = _distinct(rows)
    spots = [row.spot for row in rows]

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    return BifurcationCurve(
        kind=plane.kind,
        parameters=column([value for spot in spots for value in (spot.p, spot.q)]).reshape(-1, 2),
        states=torch.stack([spot.state for spot in spots]).cpu(),
        residuals=column([spot.residual for spot in spots]),
        tests=column([spot.nearness for spot in spots]),
        angles=column([spot.angle for spot in spots]),
        coefficients=column([_coefficient(row) for row in rows]),
        n_unstable=torch.tensor([spot.n_outside for spot in spots]),
        codimension_two=tuple(_described(row.spot, row.special, k) for k, row in enumerate(rows) if row.special),
        ends=ends,
        spans=plane.spans,
        period=plane.period,
        refused=refused,
    )


def _coefficient(row: CurveRow) -> float:
    return math.nan if row.special in POLES[row.spot.kind] else row.spot.coefficient


def _distinct(rows: list[CurveRow]) -> list[CurveRow]:
    """Rows without those that are next to a special row at the same place, which a walk may set out from."""

    def same(one: CurveRow, other: CurveRow) -> bool:
        first, second = one.spot.point, other.spot.point
        return length(first.coordinates - second.coordinates, first.scale) < _SAME

    special = [row for row in rows if row.special]
    return [row for row in rows if row.special or not any(same(row, other) for other in special)]


def _described(spot: Spot, kind: str, row: int) -> CodimensionTwoPoint:
    return CodimensionTwoPoint(
        kind=kind,
        parameters=torch.tensor([spot.p, spot.q], dtype=torch.float64),
        state=spot.state.cpu(),
        row=row,
        residual=spot.residual,
        eigenvalues=spot.eigenvalues[:_KEPT].cpu().to(torch.complex128),
    )
