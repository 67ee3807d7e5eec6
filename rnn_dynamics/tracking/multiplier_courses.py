"""Multipliers at all known weights of a leg: Rayleigh quotients on the way, instead of following once more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..linear_algebra import inverted
from ..stopping import go_on
from ..systems import AutonomousMap, IteratedMap, relative
from .legs import Leg
from .weight_path import WeightPath

_NEWTON = 2
"""Steps of Newton's method at each weight."""

_GAPS = 4
"""Into which a leg is divided at first; those that are too long are halved."""

_RELATIVE_STEP = 6e-6
"""Of the states, for J v by central differences: the cube root of float64's precision."""

_ROUNDING = 1e-8
"""Of those differences: nearer than this nothing is said."""

_ARRIVED = 1e-4
"""Times max(1, |h|): how near chord steps must come to a set to have led to it."""

_SURE = 2.0
"""How many times its error a multiplier must be away from the unit circle."""


def in_doubt(path: WeightPath, leg: Leg, pace: float) -> int | None:
    """The corner within a quiet leg where a multiplier may touch the unit circle; None if there is none.

    Where a multiplier goes no faster than ``pace`` per length of the path, it cannot touch the circle between two
    corners if its way there and on is longer than the path. Those for which this does not hold for the whole leg are
    looked at on the way, and taken to go at most twice as fast as they are seen to go. With v and w, right and left eigenvectors at the first end, and the points h moved on by
    Newton's method,

        q = w* DF(h, W) v / w* v

    is the multiplier at the weights W, to second order in how far the eigenvectors have turned, which is what
    r = |DF v - q v| measures. So its error is C r^2, with C from the other end, where multipliers are known. Where r
    has come back there to less than half of what it was, C is not known: of weights that return to where they began
    nothing is said but where they were farthest.
    """
    first, last = leg.first.at, leg.last.at
    groups = list(_suspects(path.system(first), leg, pace * path.length(first, last)))
    if not groups:
        return None
    courses = _Courses(path, groups, first)
    courses.visit(sorted({first + part * (last - first) // _GAPS for part in range(1, _GAPS + 1)}))
    while True:
        corners, margins = courses.margins()
        near = (margins <= 0).any(dim=1) | margins.isnan().any(dim=1)
        doubtful = [corner for corner, close in zip(corners, near.tolist(), strict=True) if close and corner > first]
        if doubtful:
            middle = doubtful[len(doubtful) // 2]
            return middle if middle < last else (first + last) // 2
        lengths = margins.new_tensor([path.length(*ends) for ends in pairwise(corners)])
        fastest = (_SURE * courses.pace()).clamp(max=pace)
        long = (margins[:-1] + margins[1:] <= fastest * lengths[:, None]).any(dim=1).tolist()
        halves = [(one + other) // 2 for (one, other), far in zip(pairwise(corners), long, strict=True) if far]
        if not courses.visit(halves):
            return None


class _Courses:
    """What is known of the suspects at the corners that were visited."""

    def __init__(self, path: WeightPath, groups: list["_Suspects"], first: int) -> None:
        self._path, self._groups = path, groups
        self._there = {first: [group.begin for group in groups]}

    def visit(self, corners: Sequence[int]) -> bool:
        """Go to those that have not been visited, each from the nearest before; whether there was one."""
        fresh = [corner for corner in corners if corner not in self._there]
        for corner in fresh:
            go_on()
            system, near = self._path.system(corner), max(known for known in self._there if known < corner)
            before = zip(self._groups, self._there[near], strict=True)
            self._there[corner] = [group.moved(system, there.states) for group, there in before]
        return bool(fresh)

    def pace(self) -> Tensor:
        """The fastest that each went from one corner to the next, per length of their straight line, [q]."""
        corners = sorted(self._there)
        q = torch.stack([torch.cat([at.q for at in self._there[corner]]) for corner in corners])
        straight = q.real.new_tensor([self._path.straight(*ends) for ends in pairwise(corners)])
        return ((q[1:] - q[:-1]).abs() / straight[:, None]).nan_to_num(nan=0.0).amax(dim=0)

    def margins(self) -> tuple[list[int], Tensor]:
        """The corners [c], and how far each multiplier is from the circle at each, less its error, [c, q]."""
        corners = sorted(self._there)
        room = torch.stack([torch.cat([(at.q.abs() - 1).abs() for at in self._there[corner]]) for corner in corners])
        r = torch.stack([torch.cat([at.r for at in self._there[corner]]) for corner in corners])
        ends = zip(self._groups, self._there[corners[-1]], strict=True)
        missed = torch.cat([group.missed(there) for group, there in ends])
        curvature = (missed / r[-1].square().clamp(min=_ROUNDING)).max()
        returned = r[-1] < 0.5 * r.amax(dim=0) - _ROUNDING
        error = _SURE * (torch.where(returned, torch.inf, curvature) * r.square() + _ROUNDING)
        error[0] = 0.0
        return corners, room - error


@dataclass(frozen=True, eq=False)
class _There:
    """The sets at one corner, and their suspects."""

    states: Tensor  # [k, n]
    q: Tensor  # [q], complex
    r: Tensor  # [q]


class _Suspects:
    """Multipliers of the sets of one period that may come to the circle."""

    def __init__(
        self,
        period: int,
        states: Tensor,
        jacobian: Tensor,
        orbits: Sequence[Tensor],
        ends: Sequence[Tensor],
        reach: float,
    ) -> None:
        """Choose them by the Jacobians [k, n, n] at the first end, and the orbits and multipliers at the last."""
        self._period = period
        values, right = torch.linalg.eig(jacobian)
        nearest = [(own[:, None] - end.to(own)).abs().argmin(dim=1) for own, end in zip(values, ends, strict=True)]
        there = torch.stack([end.to(values)[index] for end, index in zip(ends, nearest, strict=True)])
        room = (values.abs() - 1).abs() + (there.abs() - 1).abs()
        row, mode = ((room <= reach) & (values.imag >= 0)).nonzero(as_tuple=True)
        self._right, self._left = right[row, :, mode], inverted(right)[row, mode]
        rows, self._row = row.unique(return_inverse=True)
        self._orbits, self._ends = [orbits[one] for one in rows.tolist()], [ends[one] for one in rows.tolist()]
        q = values[row, mode]
        self.begin = _There(states[rows], q, torch.zeros_like(q.real))

    def __len__(self) -> int:
        return len(self._row)

    def moved(self, system: AutonomousMap, states: Tensor) -> _There:
        """The sets and suspects of other weights, from ``states`` [k, n] nearby."""
        turn = IteratedMap(system, self._period) if self._period > 1 else system
        for _ in range(_NEWTON):
            images, linearization = turn.linearize(states)
            states = states + linearization.solve(states - images)
        at = states[self._row]
        step = _RELATIVE_STEP * at.abs().amax(dim=-1, keepdim=True).clamp(min=1.0)
        along = torch.stack([self._right.real, self._right.imag])
        images = turn(torch.stack([at + step * along, at - step * along]).flatten(0, 2)).view(2, *along.shape)
        real, imaginary = (images[0] - images[1]) / (2 * step)
        image = torch.complex(real, imaginary)
        q = (self._left * image).sum(dim=-1)
        return _There(states, q, (image - q.unsqueeze(-1) * self._right).norm(dim=-1))

    def missed(self, there: _There) -> Tensor:
        """How far each is, at the last end, from a multiplier that is there, [q]; NaN if its set went elsewhere."""
        missed = torch.empty_like(there.r)
        for row, (state, orbit, end) in enumerate(zip(there.states, self._orbits, self._ends, strict=True)):
            mine = self._row == row
            off = relative(orbit.to(state) - state, state, torch.ones_like(state)).min()
            apart = (there.q[mine, None] - end.to(there.q)).abs().amin(dim=1)
            missed[mine] = torch.where(off <= _ARRIVED, apart, torch.nan)
        return missed


def _suspects(system: AutonomousMap, leg: Leg, reach: float) -> Iterator[_Suspects]:
    """Of each period."""
    assert leg.passage is not None
    sets, successors = leg.first.sets, leg.passage.successors.tolist()
    for period in sorted({period for period in sets.periods.tolist() if period}):
        rows = [row for row, own in enumerate(sets.periods.tolist()) if own == period and successors[row] >= 0]
        rows = [row for row in rows if bool(((leg.first.multipliers(row).abs() - 1).abs() <= reach).any())]
        if not rows:
            continue
        turn = IteratedMap(system, period) if period > 1 else system
        states = torch.stack([sets.orbits[row][0] for row in rows]).to(system.device, system.dtype)
        jacobian = turn.linearize(states)[1].dense()
        orbits = [leg.last.rows[successors[row]].orbit for row in rows]
        ends = [leg.last.multipliers(successors[row]) for row in rows]
        group = _Suspects(period, states, jacobian, orbits, ends, reach)
        if len(group):
            yield group
