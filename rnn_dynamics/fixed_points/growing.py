"""From a few fixed points of a continuum to all of it: curves walked to their ends, sheets covered with samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
import torch
from torch import Tensor

from ..roots import residual_norms
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap
from .continua import Continuum, transverse_radii
from .curves import Curve, traced
from .neutral import Chart, NeutralEquation
from .sheets import Sheet, sheet_fades, spread

_MOST_SEEDS = 64
"""Points that may turn out to stand alone before the search for continua ends."""

_TOGETHER = 32
"""Points that are looked at together for sheets through them."""

_AT_END = 1e-5
"""In units: a point this near to the end of a curve is that end, whatever its derivatives: F has an edge there."""

_PIECES = 8
"""Pieces of a curve along half the longest side of the region that the fixed points span, at least."""

_FAR = 8.0
"""Half sides of that region that a curve is followed beyond it, to see whether it closes or ends."""

_ROOM = 0.1
"""Of the sides: what of a curve or sheet without end is kept lies in that region or so little beyond."""

_RADII = (0.1, 0.01)
"""In units: where round a point of several neutral directions curves through it are looked for, along so many
directions: """
_AROUND = 24

_NEAR = 0.75
"""Of a piece of another curve: one whose middle is this near to it may cross it."""

_ONE = 1e-2
"""In units: crossings this near to one another are one. Where two eigenvalues reach 1 as squares the place is known to
the root of ``_CROSSING`` only."""

DEGENERATE = 0.1
"""In units: where F(h) - h is no more than rounding over a stretch as short as this, it is a root of high order, which
is one fixed point: about 0.02 for h - h^7."""

_LOOKS, _FALLEN = 9, 0.1
"""Places on a piece where that value is looked at first: it may vanish within if it is least there, or at an end if it
has fallen to this share."""

_CROSSING = 1e-5
"""The second singular value of DF - I at a crossing, found by minimising it along a curve."""


@dataclass(frozen=True, eq=False)
class Grown:
    """The continua through some fixed points."""

    continua: tuple[Continuum, ...]
    """With ``hits`` of 0."""

    owner: Tensor
    """For each state the number of the continuum that it is on, or -1, [p]."""

    fading: Tensor
    """Whether a state is no fixed point: F(h) - h fades out there, below what rounding lets one see, [p]."""


@torch.no_grad()
def grow_continua(
    system: AutonomousMap,
    states: Tensor,
    neutral: Tensor,
    units: Tensor,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    region: Tensor | None = None,
    known: Sequence[Continuum] = (),
) -> Grown:
    """The lines, rings and sheets of fixed points through states, as they are: whatever number of starts hit them.

    Where DF - I has one neutral direction the curve along it is walked to its ends, or round to its start, every sample
    brought to rounding by Newton's method across it; where it has more, samples spread over the sheet. A curve that
    goes on without end is kept within the region of the states.

    Args:
        system: the map.
        states: its fixed points [p, n].
        neutral: which of them have an eigenvalue 1, [p]: those that may lie on a continuum.
        units: of the coordinates, [n]: ``units_of``.
        memory_budget: bytes for Jacobians at a time.
        region: states [k, n], the starts of the search: what has no end is kept within the box round these and
            ``states``.
        known: continua found before, which are not walked again.
    """
    if not neutral.any():
        return Grown(tuple(known), torch.full((len(states),), -1), torch.zeros(len(states), dtype=torch.bool))
    # What went on beyond the region of the states may hold states that are new.
    known = [continuum for continuum in known if "beyond" not in continuum.ends]
    equation = NeutralEquation(system, units, memory_budget)
    around = states if region is None else torch.cat([states, region])
    growth = _Growth(equation, states, neutral.cpu().numpy(), around, known, memory_budget)
    growth.grow()
    return growth.result(known)


class _Growth:
    def __init__(
        self,
        equation: NeutralEquation,
        states: Tensor,
        neutral: np.ndarray,
        around: Tensor,
        known: Sequence[Continuum],
        budget: int,
    ) -> None:
        self._equation, self._budget = equation, budget
        self._points = equation.points_of(states)
        self._neutral = neutral
        region = equation.points_of(around)
        lower, upper = region.min(axis=0), region.max(axis=0)
        self._middle, self._half = 0.5 * (lower + upper), np.maximum(0.5 * (upper - lower), 0.5)
        self._fading = np.zeros(len(states), dtype=bool)
        self._alone = ~neutral
        self._owner = np.full(len(states), -1)
        self._crossings: list[np.ndarray] = []
        self.found: list[Curve | Sheet] = []
        for continuum in known:
            points = equation.points_of(continuum.states)
            self._add(
                Curve(points, continuum.ends) if continuum.dimension == 1 else Sheet.of(points, continuum.dimension)
            )

    def _add(self, found: Curve | Sheet, kept: Curve | Sheet | None = None) -> None:
        """Give all states that are on it a continuum, of which only ``kept`` is listed."""
        on = self._neutral & found.holds(self._points)
        if isinstance(found, Curve) and not found.closed:
            for end in (found.points[0], found.points[-1]):
                on |= np.linalg.norm(self._points - end, axis=1) <= _AT_END
        self.found.append(kept or found)
        self._owner[on & (self._owner < 0)] = len(self.found) - 1

    @property
    def curves(self) -> list[Curve]:
        return [found for found in self.found if isinstance(found, Curve)]

    def _left(self) -> np.ndarray:
        return np.nonzero((self._owner < 0) & ~self._fading & ~self._alone)[0]

    def grow(self) -> None:
        tried = 0
        while len(left := self._left()) and tried < _MOST_SEEDS:
            some = left[np.linspace(0, len(left) - 1, min(len(left), _TOGETHER)).astype(int)]
            charts, dimensions = self._equation.opened(self._points[some])
            # The dimension that most of them agree upon: a point where curves cross has more neutral directions.
            d = int(np.bincount(dimensions).argmax())
            here = [row for row in range(len(some)) if dimensions[row] == d]
            if d == 0:
                self._alone[some[here]] = True
            elif d == 1:
                tried += not self._walked(some[here[0]], charts[here[0]])
            else:
                tried += not self._covered(some[here], [charts[row] for row in here])

    def _walked(self, row: int, seed: Chart) -> bool:
        """Walk the curve through a state; whether there is one."""
        seed = self._equation.projected(seed.points, seed.right, seed.left)
        curve = self._curve(seed)
        self._alone[row] = True
        if curve is not None:
            self._keep(curve)
        return curve is not None

    def _curve(self, seed: Chart) -> Curve | None:
        if not seed.usable[0] or seed.drift[0] > 1.0:
            return None
        longest = float(self._half.max()) / _PIECES
        return traced(self._equation, seed, _FAR * self._half, self._middle, longest)

    def _keep(self, curve: Curve) -> None:
        if curve.fades:
            on = np.nonzero(self._neutral & ~self._fading & curve.holds(self._points))[0]
            if float(np.ptp(curve.points, axis=0).max()) <= DEGENERATE and "beyond" not in curve.ends:
                on = on[np.abs(self._points[on] - curve.points.mean(axis=0)).max(axis=1).argsort(kind="stable")]
                self._alone[on[:1]] = True  # it stands for the root of high order
                on = on[1:]
            self._fading[on] = True
            return
        kept = curve
        if "beyond" in curve.ends:
            inside = np.nonzero(self._inside(curve.points))[0]
            first = inside[0] if curve.ends[0] == "beyond" else 0
            last = inside[-1] if curve.ends[1] == "beyond" else len(curve.points) - 1
            kept = Curve(curve.points[first : last + 1], curve.ends)
        twin = next((number for number, other in enumerate(self.found) if other.holds(kept.points).mean() > 0.5), None)
        if twin is not None:
            self._owner[self._neutral & curve.holds(self._points) & (self._owner < 0)] = twin
            return
        self._add(curve, kept)
        for place in self._crossed(kept):
            if all(float(np.linalg.norm(place - other)) > _ONE for other in self._crossings):
                self._crossings.append(place)
                self._branch_off(place)

    def _inside(self, points: np.ndarray) -> np.ndarray:
        """Which points are in the region of the states, where what has no end is kept."""
        return (np.abs(points - self._middle) <= (1.0 + 2 * _ROOM) * self._half).all(axis=1)

    def _crossed(self, curve: Curve) -> list[np.ndarray]:
        """Where another curve crosses this one: there a second singular value of DF - I vanishes."""
        begin, end = curve.chords
        if not len(begin):
            return []
        _, jacobian = self._equation.at(curve.points)
        # Det (DF - I) without its zero eigenvalue changes its sign where one more eigenvalue passes 1.
        values = np.linalg.eigvals(jacobian)
        order = np.argsort(np.abs(values), axis=1, kind="stable")
        others = np.take_along_axis(values, order[:, 1:], axis=1)
        above = ((np.abs(others.imag) == 0) & (others.real > 0)).sum(axis=1) % 2
        changed = above[: len(begin)] != np.roll(above, -1)[: len(begin)]
        for other in self.curves:
            if other is not curve:  # it may touch two zeros at once, and keep its sign
                changed |= other.distances(0.5 * (begin + end)) <= _NEAR
        places: list[tuple[float, np.ndarray]] = []
        for row in np.nonzero(changed)[0]:
            piece = Curve(np.stack([begin[row], end[row]]), ("", ""))
            if not any(piece.holds(place[None])[0] for place in self._crossings):
                places.extend(self._singular(begin[row], end[row]))
        return [
            place for _, place in sorted(places, key=lambda pair: pair[0])
        ]  # the sharpest stand for those near them

    def _singular(self, begin: np.ndarray, end: np.ndarray) -> list[tuple[float, np.ndarray]]:
        """The least second singular value on a piece, and where it is taken, if it vanishes there; else nothing."""
        chord = end - begin
        along = (chord / np.linalg.norm(chord))[None, :, None]
        shares = np.linspace(0.0, 1.0, _LOOKS)
        seconds = np.linalg.svd(self._equation.at(begin + shares[:, None] * chord)[1], compute_uv=False)[:, -2]
        if seconds.argmin() in (0, _LOOKS - 1) and seconds.min() > _FALLEN * seconds.max():
            return []

        def at(share: float) -> tuple[float, np.ndarray]:
            _, jacobian = self._equation.at((begin + share * chord)[None])
            left = np.linalg.svd(jacobian[0])[0][:, -1:]
            found = self._equation.projected((begin + share * chord)[None], along, left[None])
            point = found.points if found.usable[0] else (begin + share * chord)[None]
            values = np.linalg.svd(self._equation.at(point)[1][0], compute_uv=False)
            return float(values[-2]), point[0]

        least = scipy.optimize.minimize_scalar(
            lambda u: at(u)[0], bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-7}
        )
        value, point = at(float(least.x))
        return [(value, point)] if value <= _CROSSING else []

    def _branch_off(self, place: np.ndarray) -> None:
        """Walk the curves through a point with several neutral directions that are not known."""
        (chart,), (d,) = self._equation.opened(place[None])
        if d < 2:
            left, _, right = np.linalg.svd(self._equation.at(place[None])[1][0])
            chart = Chart(
                place[None], right[None, -2:].transpose(0, 2, 1), left[None, :, -2:], chart.drift, chart.usable
            )
            d = 2
        generator = np.random.default_rng(0)
        for radius in _RADII:
            if d == 2:
                angles = np.arange(_AROUND) * (2 * np.pi / _AROUND) + 0.1
                directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
            else:
                directions = generator.standard_normal((_AROUND, d))
                directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            guesses = place + radius * directions @ chart.right[0].T
            for point in self._settled(guesses):
                away = float(np.linalg.norm(point - place))
                fresh = not any(curve.holds(point[None])[0] for curve in self.curves)
                if not 0.3 * radius < away < 3 * radius or not fresh:
                    continue
                (seed,), (own,) = self._equation.opened(point[None])
                curve = self._curve(self._equation.projected(seed.points, seed.right, seed.left)) if own == 1 else None
                if curve is not None:
                    self._keep(curve)

    def _settled(self, guesses: np.ndarray) -> np.ndarray:
        """Where Newton steps lead from guesses [k, n] that leave out the most neutral direction, as that of a curve."""
        points = guesses.copy()
        for _ in range(12):
            value, jacobian = self._equation.at(points)
            if not np.isfinite(jacobian).all() or not np.isfinite(value).all():
                return points[:0]
            left, sizes, right = np.linalg.svd(jacobian)
            kept = sizes > 1e-4 * np.maximum(sizes[:, :1], 1e-300)
            kept[:, -1] = False
            inverse = np.where(kept, 1.0 / np.maximum(sizes, 1e-300), 0.0)
            move = np.einsum("kji,kj->ki", right, inverse * np.einsum("kji,kj->ki", left, value))
            points -= move
        value, jacobian = self._equation.at(points)
        return points[self._equation.drift(points, value, jacobian) <= 1.0]

    def _covered(self, rows: np.ndarray, charts: list[Chart]) -> bool:
        """Spread samples over the sheets through states; whether there are any."""
        seeds = charts[0]
        for chart in charts[1:]:
            seeds = seeds.followed_by(chart)
        self._alone[rows] = True
        seeds = seeds.rows(np.nonzero(seeds.drift <= 1.0)[0])
        room = 1.5 * self._half
        sheets = spread(self._equation, seeds, self._middle - room, self._middle + room) if len(seeds.points) else []
        if not sheets:
            before = len(self.found)
            self._branch_off(self._points[rows[0]])
            return len(self.found) > before
        fades = sheet_fades(self._equation, seeds.rows(np.array([0])), self._middle, _FAR * self._half)
        for sheet in sheets:
            if fades:
                self._fading |= self._neutral & sheet.holds(self._points)
                continue
            open_ended = (np.abs(sheet.points - self._middle) > room - sheet.spacing).any()
            self._add(sheet, sheet.within(self._inside(sheet.points)) if open_ended else sheet)
        return True

    def result(self, known: Sequence[Continuum]) -> Grown:
        continua = [*known, *(self._described(found) for found in self.found[len(known) :])]
        owner, fading = torch.from_numpy(self._owner), torch.from_numpy(self._fading)
        return Grown(tuple(continua), owner, fading)

    def _described(self, found: Curve | Sheet) -> Continuum:
        d = 1 if isinstance(found, Curve) else found.dimension
        states = self._equation.states_of(found.points)
        crossings = [place for place in self._crossings if found.holds(place[None])[0]]
        return Continuum(
            states=states,
            speeds=residual_norms(self._equation.system, states),
            dimension=d,
            closed=isinstance(found, Curve) and found.closed,
            hits=0,
            transverse=transverse_radii(self._equation.system, states, d, self._budget),
            ends=found.ends,
            crossings=self._equation.states_of(np.array(crossings).reshape(-1, found.points.shape[1])).cpu(),
        )
