"""The starts being settled: where each is, how it moves, and what became of it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...systems import AutonomousMap, Box, NoBox, relative, sizes, warped
from ..method import Settle
from ..outcomes import Fate

ACTIVE = -1
"""The fate of a row that is still being settled."""

_ESCAPE, _OUTWARD = 1e6, 3
"""A coordinate has escaped that is a million times larger than at the start and in three stretches on end grew ever
faster. One that fills up to a far bound slows down."""

_STEADY, _RUN = 0.9, 10
"""A coordinate runs away if it has grown tenfold and from one stretch to the next keeps 90 % of its velocity,"""

_UNCHANGED, _LONG = 0.98, 0.5
"""or if for half of all its steps, be it ever so slow, its velocity from stretch to stretch keeps its sign and 98 %."""

_STRETCHES = 4
"""Fewer stretches than this show no steady run."""

_SLOW, _STRAIGHT = 0.02, 0.3
"""A row is slow if one step moves no coordinate by 2 % of its size, and a stretch by 30 % of the steps' sum or more."""

_CALMER = 0.5
"""A row calms down if it is slow, or half as fast as a stretch before."""


@dataclass(frozen=True)
class Limits:
    """What bounds one settling."""

    settle: Settle
    memory_budget: int
    seed: int
    units: Tensor
    """The unit of each coordinate, [n]: what is small in it."""

    box: Box | NoBox
    """What F takes into itself: no coordinate runs out of it."""

    def lets_run(self, states: Tensor, velocity: Tensor) -> Tensor:
        """Which coordinates [r, n] can keep their velocity for the horizon: those that would leave the box cannot."""
        if isinstance(self.box, NoBox):
            return torch.ones_like(states, dtype=torch.bool)
        ahead = states + velocity * self.settle.horizon
        return (ahead >= self.box.lower) & (ahead <= self.box.upper)


@dataclass(eq=False)
class Stretch:
    """What a stretch of plain steps showed of rows [r]."""

    rows: Tensor  # [r]
    distances: Tensor  # |h_t - where the stretch began|, each coordinate by its size there, [steps, r]
    calming: Tensor  # [r]


class Rows:
    """All starts, one row each."""

    def __init__(self, states: Tensor, limits: Limits) -> None:
        k, device = len(states), states.device
        self.states, self.limits = states, limits
        self.size = sizes(states, limits.units)  # of the starts, [k, n]
        self.fates = torch.full((k,), ACTIVE, device=device)
        self.cycle = torch.full((k,), -1, device=device)  # the fixed point or cycle that a row settled on
        self.orbit = torch.full((k,), -1, device=device)  # the circle, torus or chaotic set
        self.times = states.new_zeros(k)
        self.rested = torch.zeros(k, dtype=torch.bool, device=device)  # at a state that neither attracts nor repels
        self.slow = torch.zeros(k, dtype=torch.bool, device=device)
        self.coming = torch.zeros(k, dtype=torch.bool, device=device)  # to a circle, torus or chaotic set
        self.at_rest = torch.zeros(k, dtype=torch.bool, device=device)
        self.turns = states.new_zeros(k)  # steps of one turn of a slow circle
        self.speeds = states.new_full((k,), torch.inf)
        self.velocity = torch.zeros_like(states)
        self.running = torch.zeros_like(states, dtype=torch.bool)
        self.steady = torch.zeros_like(states)  # steps, and stretches, for which a coordinate kept its velocity
        self.stretches = torch.zeros_like(states)
        self.outward = torch.zeros_like(states)  # stretches for which it grew ever faster
        self.done = 0  # plain steps of every row that is still active
        self.plain_work = 0
        self.implicit_work = 0

    def __len__(self) -> int:
        return len(self.states)

    @property
    def active(self) -> Tensor:
        """The rows still to be settled, rising."""
        return ((self.fates == ACTIVE) & ~self.rested).nonzero().squeeze(-1)

    def still(self, rows: Tensor) -> Tensor:
        """Those of ``rows`` that are still to be settled."""
        return rows[(self.fates[rows] == ACTIVE) & ~self.rested[rows]]

    def move(self, rows: Tensor, states: Tensor, steps: int) -> None:
        """Enter where ``rows`` are ``steps`` plain steps later."""
        self.states[rows] = states
        self.times[rows] += steps
        self.plain_work += steps * len(rows)

    def advance(self, system: AutonomousMap, steps: int) -> Stretch:
        """Move every active row on, and look how it moved."""
        rows, units = self.active, self.limits.units
        origin = states = previous = self.states[rows]
        distances = states.new_empty(steps, len(rows))
        scale = 1 / sizes(origin, units)
        for step in range(steps):
            previous, states = states, system(states)
            torch.linalg.vector_norm((states - origin) * scale, dim=-1, out=distances[step])
        self.move(rows, states, steps)
        self.done += steps
        last = states - previous
        speeds = relative(last, states, units)
        calming = (speeds <= _CALMER * self.speeds[rows]) | (speeds <= _SLOW)
        self.speeds[rows] = speeds
        self.at_rest[rows] = speeds <= self.limits.settle.tolerance
        straight = distances[-1] >= _STRAIGHT * (last * scale).norm(dim=-1) * steps
        self.slow[rows] = ((speeds <= _SLOW) & straight & (self.turns[rows] == 0)) | self.at_rest[rows]
        self._look_for_runs(rows, states - origin, distances.amax(dim=0, keepdim=True).T / scale, steps)
        self.escape(rows)
        return Stretch(rows, distances, calming)

    def _look_for_runs(self, rows: Tensor, moved: Tensor, extent: Tensor, steps: int) -> None:
        velocity, before = moved / steps, self.velocity[rows]
        size, here = self.size[rows], self.states[rows]
        onward = velocity * before > 0
        # A step that makes less than a share of the size in all of the horizon is rest, or rounding.
        onward &= velocity.abs() * self.limits.settle.horizon > size
        kept = onward & (velocity.abs() >= _UNCHANGED * before.abs())
        self.steady[rows] = torch.where(kept, self.steady[rows] + steps, 0.0)
        self.stretches[rows] = torch.where(kept, self.stretches[rows] + 1, 0.0)
        outward = onward & (velocity * here > 0) & (velocity.abs() >= before.abs() * (1 - 1e-9))
        self.outward[rows] = torch.where(outward, self.outward[rows] + 1, 0.0)
        # What turns in place has no velocity to speak of.
        grown = onward & (velocity.abs() >= _STEADY * before.abs()) & (moved.abs() >= 0.1 * extent)
        running = (grown & (here.abs() > _RUN * size)) | self.keeps_on(rows)
        self.running[rows] = running & self.limits.lets_run(here, velocity)
        self.velocity[rows] = velocity

    def keeps_on(self, rows: Tensor) -> Tensor:
        """Which coordinates of ``rows`` [r] have for long moved on at an unchanged velocity, [r, n]."""
        return (self.steady[rows] >= _LONG * self.done) & (self.stretches[rows] >= _STRETCHES)

    def escape(self, rows: Tensor) -> None:
        """Give up those of ``rows`` that have left every bound."""
        beyond = self.states[rows].abs() > _ESCAPE * self.size[rows]
        lost = ~self.states[rows].isfinite()
        out = lost | (beyond & (self.outward[rows] >= _OUTWARD))
        away = out.any(dim=-1)
        self.fates[rows[away]] = Fate.ESCAPED
        self.running[rows[away]] = (out | beyond)[away]

    def conclude(self) -> None:
        """Say of rows whose steps are used up what they were doing."""
        rows = self.active
        runs = self.running[rows].any(dim=-1)
        left = torch.where(self.slow[rows] & ~self.coming[rows], int(Fate.DRIFTING), int(Fate.UNDECIDED))
        self.fates[rows] = torch.where(runs, int(Fate.RUNAWAY), left)
        self.running[rows[~runs]] = False

    def spread(self, rows: Tensor, count: int) -> Tensor:
        """Those of ``rows``, at most ``count``, that are farthest from one another."""
        if len(rows) <= count:
            return rows
        states = self.flat(self.states[rows])
        chosen = [0]
        distance = (states - states[0]).norm(dim=-1)
        for _ in range(count - 1):
            chosen.append(int(distance.argmax()))
            distance = torch.minimum(distance, (states - states[chosen[-1]]).norm(dim=-1))
        return rows[torch.tensor(sorted(set(chosen)), device=rows.device)]

    def flat(self, states: Tensor) -> Tensor:
        """States [..., n] in coordinates whose differences are the relative ones, however large a state is."""
        return warped(states, self.limits.units)
