"""How continua of fixed points go on over a parameter: their samples are carried along, their ends bracketed."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ...families import Span
from ...fixed_points import Continuum, Curve, NeutralEquation, Sheet, grow_continua, transverse_radii
from ...roots import residual_norms
from .continuum_branch import MARGINAL, ContinuumBranch, TransverseChange, extent_of, stability_of

_NARROW = 1e-7
"""Of the span: a bracket this short is a parameter."""

_FEW = 24
"""Samples that are carried over the parameter; where it is asked for, all of the continuum is grown from them."""

_ARRIVED = 0.25
"""Of the samples: with fewer that reach a continuum there is none. Those of a line whose end moves in are lost."""

_SMALL = 1e-3
"""In units: a continuum of this extent is a point."""

_SAME = 0.5
"""Of the samples: a continuum on which more of those lie that were carried is the same."""

_SHRUNK = 0.05
"""Of its largest extent: an end this small is a point that it shrinks to."""


@dataclass(eq=False)
class _Family:
    """A continuum at several parameters, in the order of the searches."""

    places: list[float]
    continua: list[Continuum]
    ends: list[str] = field(default_factory=lambda: ["span", "span"])

    def put(self, place: float, continuum: Continuum, at_front: bool = False) -> None:
        self.places.insert(0 if at_front else len(self.places), place)
        self.continua.insert(0 if at_front else len(self.continua), continuum)


class ContinuumFollower:
    """Links the continua of searches at parameters all over the span, from its start on."""

    def __init__(self, span: Span, units: Tensor, memory_budget: int) -> None:
        self._span, self._units, self._budget = span, units, memory_budget
        self._families: list[_Family] = []
        self._searched: list[float] = []

    def holds(self, t: float) -> bool:
        """Whether a continuum was found at a parameter that was searched."""
        return any(t in family.places for family in self._families)

    def found(self, t: float, continua: tuple[Continuum, ...]) -> None:
        """Take what a search found at the next parameter."""
        before = self._searched[-1] if self._searched else t
        left = [continuum for continuum in continua if self._exact(continuum, t)]
        for family in self._families:
            if family.places[-1] != before:
                continue
            place, samples = self._carried(family.continua[-1], before, t)
            twin = max(left, key=lambda other: self._shared(other, samples), default=None)
            if place == t and twin is not None and self._shared(twin, samples) > _SAME:
                left.remove(twin)
                family.put(t, twin)
                continue
            self._end(family, place, samples, arrived=place == t)
        for continuum in left:
            family = _Family([t], [continuum])
            if self._searched:
                self._back(family, before)
            self._families.append(family)
        self._searched.append(t)

    def _back(self, family: _Family, before: float) -> None:
        """From where a continuum was found first back to where it begins."""
        earlier = [before, *reversed(self._searched[:-1])]
        for target in earlier:
            place, samples = self._carried(family.continua[0], family.places[0], target)
            self._end(family, place, samples, arrived=place == target, at_front=True)
            if place != target:
                return

    def _end(self, family: _Family, place: float, samples: Tensor, arrived: bool, at_front: bool = False) -> None:
        """Where a continuum was carried to: it goes on from there, or it ends there."""
        grown = self._grown(place, samples, family.continua[0 if at_front else -1])
        if place != family.places[0 if at_front else -1]:
            family.put(place, grown, at_front)
        if not arrived:
            largest = max(extent_of(continuum) for continuum in family.continua)
            last = family.continua[0 if at_front else -1]
            family.ends[0 if at_front else 1] = "point" if extent_of(last) <= _SHRUNK * largest else "lost"

    def _equation(self, t: float) -> NeutralEquation:
        return NeutralEquation(self._span.system(self._span.inner(t)), self._units, self._budget)

    def _exact(self, continuum: Continuum, t: float) -> bool:
        """Whether it is of fixed points to rounding, of as many dimensions as neutral directions: it can be carried."""
        return continuum.transverse is not None and self._moved(continuum.states, continuum.dimension, t, t) is not None

    def _moved(self, states: Tensor, d: int, start: float, t: float) -> Tensor | None:
        """Samples at ``start`` brought onto the continuum at parameter t; None where too few arrive, or at one point.

        Each moves across the continuum, as its neutral directions at ``start`` have it.
        """
        equation = self._equation(t)
        few = np.unique(np.linspace(0, len(states) - 1, min(len(states), _FEW)).astype(int))
        points = equation.points_of(states)[few]
        _, jacobian = self._equation(start).at(points)
        if not np.isfinite(jacobian).all():
            return None
        left, _, right = np.linalg.svd(jacobian)
        found = equation.projected(points, right[:, -d:].transpose(0, 2, 1), left[:, :, -d:])
        good = found.usable & (found.drift <= 1.0)
        size = max(float(np.ptp(points, axis=0).max()), _SMALL)
        good &= np.abs(found.points - points).max(axis=1) <= size
        if good.mean() < _ARRIVED or float(np.ptp(found.points[good], axis=0).max()) <= _SMALL:
            return None
        return equation.states_of(found.points[good])

    def _carried(self, continuum: Continuum, start: float, target: float) -> tuple[float, Tensor]:
        """How far towards a parameter a continuum exists, to 1e-7 of the span, and samples of it there."""
        here, samples, step = start, continuum.states, target - start
        least = _NARROW * abs(self._span.end - self._span.start)
        while here != target:
            last = abs(target - here) <= abs(step)
            ahead = target if last else here + step
            moved = self._moved(samples, continuum.dimension, here, ahead)
            if moved is not None and len(moved) >= _ARRIVED * min(_FEW, len(continuum.states)):
                here, samples, step = ahead, moved, 2 * step
            elif abs(step) <= least:
                break
            else:
                step = 0.5 * (target - here if last else step)
        return here, samples

    def _grown(self, t: float, samples: Tensor, like: Continuum) -> Continuum:
        """All of the continuum through samples; of one without end as far as it reached at the parameter before."""
        system = self._span.system(self._span.inner(t))
        neutral = torch.ones(len(samples), dtype=torch.bool)
        grown = grow_continua(system, samples, neutral, self._units, self._budget, like.states)
        owners = grown.owner[grown.owner >= 0]
        if not len(owners):  # too small to be walked: it is about to be a point
            radii = transverse_radii(system, samples, like.dimension, self._budget)
            return replace(like, states=samples, speeds=residual_norms(system, samples), transverse=radii)
        return grown.continua[int(owners.mode().values)]

    def _shared(self, continuum: Continuum, samples: Tensor) -> float:
        """The share of carried samples that lie on a continuum that was found, or of its own on what was carried."""
        own, carried = ((states / self._units).cpu().numpy() for states in (continuum.states, samples))
        if continuum.dimension == 1:
            # Of lines without end either may be the longer one; what was carried is in order too.
            sides = [Curve(own, continuum.ends).holds(carried), Curve(carried, ("", "")).holds(own)]
        else:
            sides = [Sheet.of(own, continuum.dimension).holds(carried), Sheet.of(carried, 2).holds(own)]
        return max(float(side.mean()) for side in sides)

    def branches(self) -> tuple[ContinuumBranch, ...]:
        """All continua, by the parameter at which they begin."""
        branches = [self._branch(family) for family in self._families]
        return tuple(sorted(branches, key=lambda branch: branch.range))

    def _branch(self, family: _Family) -> ContinuumBranch:
        falling = self._span.end < self._span.start
        order = slice(None, None, -1) if falling else slice(None)
        places, continua, ends = family.places[order], family.continua[order], family.ends[order]
        sure = [row for row, each in enumerate(continua) if stability_of(each.transverse) != MARGINAL]
        found = [self._change(places, continua, *rows) for rows in pairwise(sure)]
        changes = [change for change in found if change is not None]
        return ContinuumBranch(
            torch.tensor(places, dtype=torch.float64),
            tuple(replace(continuum, states=continuum.states.cpu()) for continuum in continua),
            (ends[0], ends[1]),
            tuple(changes),
        )

    def _change(self, places: list[float], continua: list[Continuum], begin: int, end: int) -> TransverseChange | None:
        """Where between two parameters the stability across a continuum changes, by bisection."""
        first, last = (stability_of(continua[row].transverse) for row in (begin, end))
        if first == last:
            return None
        low, high, samples = places[begin], places[end], continua[begin].states
        least = _NARROW * abs(self._span.end - self._span.start)
        d = continua[begin].dimension
        while high - low > least:
            middle = 0.5 * (low + high)
            moved = self._moved(samples, d, low, middle)
            if moved is None:
                break
            system = self._span.system(self._span.inner(middle))
            if stability_of(transverse_radii(system, moved, d, self._budget), 0.0) == first:
                low, samples = middle, moved
            else:
                high = middle
        return TransverseChange(0.5 * (low + high), first, last)
