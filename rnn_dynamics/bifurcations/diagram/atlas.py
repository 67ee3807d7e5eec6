"""All branches known so far, and the question whether a point is on one of them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...checks import NotRegular
from ...continuation import Point, newton
from ...families import Span
from ...progress import doing
from ...stopping import go_on
from ...systems import Box, NoBox, apart
from ..branch import Branch, Join, SpecialPoint, Walk, across, doubled, joined, point_on, reversed_branch, traced

_SAME = 1e-5
"""Relative to max(1, |h|), in units: states this near to one another are one fixed point."""

_ON_CURVE = 1e-4
"""In arclength: the error of the cubic between two rows of a branch that bends gently."""

_MEETING = 1e-4
"""States of the same special point as two branches locate it; the arms of a pitchfork know theirs to sqrt(eps)."""


_REGULAR = 1e-9
"""The least singular value of [DF - I, dF/ds] on a branch; on a line, ring or sheet of fixed points it is 0."""


class Atlas:
    """Branches traced one after the other, each to its ends, so that a point on none of them begins a new one.

    States that it takes and gives are the family's; it walks, and measures distances, in ``units`` [n].
    """

    def __init__(
        self,
        span: Span,
        units: Tensor,
        method: Walk,
        max_period: int,
        memory_budget: int,
        max_branches: int = 1000,
    ) -> None:
        self.span = span
        self.units = units
        self._inner = span.in_units(units)
        self.branches: list[Branch] = []
        self.missed: list[tuple[float, Tensor]] = []
        self.on_branch: Callable[[int], Any] | None = None
        """Told how many branches there are whenever one is added."""
        self.limited = False
        """Whether ``max_branches`` ended the search."""
        self._most = max_branches
        self._method, self._max_period, self._budget = method, max_period, memory_budget
        self._states: dict[tuple[float, int, bool], Tensor] = {}  # what ``known`` said since the last branch was added

    def box_at(self, t: float) -> Box | NoBox:
        """The box of the map at parameter t."""
        return self.span.system(self.span.inner(t)).box

    def known(self, t: float, period: int = 1, stable_only: bool = False) -> Tensor:
        """All phases of cycles of a period (fixed points: 1) that branches have at parameter t, [q, n]."""
        key = (t, period, stable_only)
        if key not in self._states:
            self._states[key] = self._known(*key)
        return self._states[key]

    def _known(self, t: float, period: int, stable_only: bool) -> Tensor:
        inner = self._inner.iterated(period)
        system = inner.system(inner.inner(t))
        guesses = [branch.near(t, stable_only) for branch in self.branches if branch.period == period]
        states = torch.cat([torch.empty(0, system.state_size, dtype=torch.float64), *guesses])
        states = states.to(system.device, system.dtype)
        if not len(states):
            return states
        states = inner.into_units(states)
        better, converged = newton(system, states, self._method.tolerance, self._budget)
        near = (better - states).norm(dim=-1) <= 1e-2 * states.norm(dim=-1).clamp(min=1.0)
        states = inner.out_of_units(torch.where((converged & near).unsqueeze(-1), better, states))
        phases = [states]
        single = self.span.system(self.span.inner(t))
        for _ in range(period - 1):
            phases.append(single(phases[-1]))
        return torch.cat(phases)

    def holds(self, state: Tensor, t: float, period: int = 1) -> bool:
        """Whether a state [n] is on a branch at parameter t."""
        known = self.known(t, period)
        if bool((apart(state, known, self.units) <= _SAME).any()):
            return True
        # Near a fold or branch point Newton's method may not find what is known at this very parameter.
        phases = [state]
        for _ in range(period - 1):
            phases.append(self.span.system(self.span.inner(t))(phases[-1].unsqueeze(0))[0])
        own = [branch for branch in self.branches if branch.period == period]
        return any(branch.distance(phase.cpu(), t) < _ON_CURVE for branch in own for phase in phases)

    def add(self, state: Tensor, t: float, period: int = 1) -> None:
        """Trace the branch through a fixed point (or cycle) unless it is known, and all that branches off it."""
        if self.holds(state, t, period):
            return
        if len(self.branches) >= self._most:
            self.limited = True
            return
        inner = self._inner.iterated(period)
        own = inner.into_units(state)
        try:
            _require_regular(inner, own, inner.inner(t))
            point = point_on(inner, own, inner.inner(t), self._method.tolerance)
        except NotRegular:
            self.missed.append((t, state.cpu()))
            return
        self._trace(inner, point, period)

    @doing("branches")
    def _trace(self, span: Span, point: Point, period: int) -> None:
        """Trace the branch through a point, then those that leave it, and so on, depth first."""
        waiting: list[tuple[Span, Branch, SpecialPoint]] = []
        self._trace_one(span, point, period, waiting)
        while waiting:
            inner, branch, special = waiting.pop()
            switched = self._switched(inner, branch, special)
            if switched is None:
                continue
            if len(self.branches) >= self._most:
                self.limited = True
                return
            self._trace_one(*switched, waiting)

    def _trace_one(
        self, span: Span, point: Point, period: int, waiting: list[tuple[Span, Branch, SpecialPoint]]
    ) -> None:
        branch = traced(span, point, period, self._method)
        self.branches = [other for other in self.branches if not self._within(other, branch)]
        self.branches.append(branch)
        self._states.clear()
        if self.on_branch is not None:
            self.on_branch(len(self.branches))
        go_on()  # not after Ctrl-C: the unfinished branch is kept by now
        waiting += [(span, branch, special) for special in reversed(branch.special_points)]

    def _within(self, part: Branch, whole: Branch) -> bool:
        """Whether a branch that ended early is a part of one traced later."""
        if part.complete or part.period != whole.period:
            return False
        row = len(part) // 2
        near = whole.near(float(part.parameters[row]))
        return bool((apart(part.states[row], near, self.units) <= 1e-3).any())

    def _switched(self, span: Span, branch: Branch, special: SpecialPoint) -> tuple[Span, Point, int] | None:
        """A point of the branch that leaves another at a special point, with its span and period; None for none."""
        system = span.system(0.0)
        state = span.into_units(special.state.to(system.device, system.dtype))
        s = span.inner(special.parameter)
        if special.kind == "branch point" and special.multiplicity == 1:
            tangent = branch.tangents[special.row].to(state).clone()
            tangent[:-1] = span.into_units(tangent[:-1])
            tangent[-1] *= 1.0 if span.end > span.start else -1.0
            point = across(span, state, s, tangent, self._method.tolerance, self._knower(span, branch.period))
            return None if point is None else (span, point, branch.period)
        if special.kind == "flip" and 2 * branch.period <= self._max_period and special.multiplicity == 1:
            if "doubling" in branch.ends and special.row in (0, len(branch) - 1):
                return None  # the flip at which this very branch begins
            twice = span.iterated(2 * branch.period)
            known = self._knower(twice, 2 * branch.period)
            point = doubled(span, state, s, branch.period, self._method.tolerance, known)
            return None if point is None else (twice, point, 2 * branch.period)
        return None

    def _knower(self, span: Span, period: int) -> Callable[[Point], bool]:
        return lambda point: self.holds(span.out_of_units(point.state), span.parameter(point.s), period)

    def stitched(self) -> None:
        """Make one of two branches that ended early at the same point."""
        index = 0
        while index < len(self.branches):
            for other in range(index + 1, len(self.branches)):
                whole = self._stitch(self.branches[index], self.branches[other])
                if whole is not None:
                    self.branches[index] = whole
                    del self.branches[other]
                    break
            else:
                index += 1

    def _stitch(self, one: Branch, other: Branch) -> Branch | None:
        """Two branches as one where an open end of either is the open end of the other."""
        if one.period != other.period:
            return None
        for first in (one, reversed_branch(one)):
            for second in (other, reversed_branch(other)):
                if first.complete or second.complete or first.ends[1] not in _OPEN or second.ends[0] not in _OPEN:
                    continue
                gap = float(apart(first.states[-1], second.states[0], self.units))
                width = abs(first.span[1] - first.span[0])
                if gap <= 1e-3 and abs(float(first.parameters[-1] - second.parameters[0])) <= 1e-3 * width:
                    return joined(first, second)
        return None

    def joins(self) -> list[Join]:
        """Where branches meet: special points of two branches that are the same point."""
        width = abs(self.span.end - self.span.start)
        points = [(number, point) for number, branch in enumerate(self.branches) for point in branch.special_points]
        points = [(number, point) for number, point in points if point.kind in ("branch point", "flip")]
        found: dict[tuple[int, int, int], Join] = {}
        for index, (one, point) in enumerate(points):
            for other, twin in points[index + 1 :]:
                if one == other or abs(point.parameter - twin.parameter) > 1e-6 * width:
                    continue
                if float(apart(point.state, twin.state, self.units)) <= _MEETING:
                    found.setdefault((one, other, index), Join((one, other), point.parameter, point.state))
        return sorted(found.values(), key=lambda join: (join.parameter, join.branches))


def _require_regular(span: Span, state: Tensor, s: float) -> None:
    """NotRegular where more than one curve of fixed points passes a state [n], or a whole continuum of them."""
    rows = state.unsqueeze(0)
    jacobian = span.system(s).linearize(rows)[1].dense()[0]
    jacobian.diagonal().sub_(1.0)
    sizes = torch.linalg.svdvals(torch.cat([jacobian, span.derivative(rows, s).T], dim=-1))
    if not bool(sizes[-1] > _REGULAR * max(1.0, float(sizes[0]))):
        raise NotRegular("the state is no regular point of a branch")


_OPEN = ("stalled", "steps")
