"""The starts being settled: where each is, how it moves, and what became of it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..systems import AutonomousMap
from .outcomes import Fate

ACTIVE = -1
"""The fate of a row that is still being settled."""

_ESCAPE = 1e6
"""A state a million times larger than its start, and than 1, has escaped."""

_STEADY, _RUN = 0.9, 10
"""A coordinate runs away if it has grown tenfold and from one stretch to the next keeps 90 % of its velocity."""

_SLOW, _STRAIGHT = 0.02, 0.3
"""A row is slow if one step moves it by less than 2 % of its size, and a stretch by 30 % of the steps' sum or more."""

_CALMER = 0.5
"""A row calms down if it is slow, or half as fast as a stretch before."""


@dataclass(frozen=True)
class Limits:
    """Budgets and tolerances of ``find_attractors``, which explains them."""

    max_steps: int
    horizon: float
    tolerance: float
    merge_tolerance: float
    exponent_tolerance: float
    memory_budget: int
    seed: int


@dataclass(eq=False)
class Stretch:
    """What a stretch of plain steps showed of rows [r]."""

    rows: Tensor  # [r]
    distances: Tensor  # |h_t - where the stretch began|, [steps, r]
    calming: Tensor  # [r]


class Rows:
    """All starts, one row each."""

    def __init__(self, states: Tensor) -> None:
        k, device = len(states), states.device
        self.states = states
        self.size = states.abs().amax(dim=-1).clamp(min=1.0)  # of the starts
        self.fates = torch.full((k,), ACTIVE, device=device)
        self.cycle = torch.full((k,), -1, device=device)  # the fixed point or cycle that a row settled on
        self.orbit = torch.full((k,), -1, device=device)  # the circle, torus or chaotic set
        self.times = states.new_zeros(k)
        self.rested = torch.zeros(k, dtype=torch.bool, device=device)  # at a state that neither attracts nor repels
        self.slow = torch.zeros(k, dtype=torch.bool, device=device)
        self.at_rest = torch.zeros(k, dtype=torch.bool, device=device)
        self.turns = states.new_zeros(k)  # steps of one turn of a slow circle
        self.speeds = states.new_full((k,), torch.inf)
        self.velocity = torch.zeros_like(states)
        self.running = torch.zeros_like(states, dtype=torch.bool)
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

    def advance(self, system: AutonomousMap, steps: int, tolerance: float) -> Stretch:
        """Move every active row on, and look how it moved."""
        rows = self.active
        origin = states = previous = self.states[rows]
        distances = states.new_empty(steps, len(rows))
        for step in range(steps):
            previous, states = states, system(states)
            torch.linalg.vector_norm(states - origin, dim=-1, out=distances[step])
        self.move(rows, states, steps)
        self.done += steps
        speeds = (states - previous).norm(dim=-1)
        scale = states.norm(dim=-1).clamp(min=1.0)
        calming = (speeds <= _CALMER * self.speeds[rows]) | (speeds <= _SLOW * scale)
        self.speeds[rows] = speeds
        self.at_rest[rows] = speeds <= tolerance * scale
        straight = distances[-1] >= _STRAIGHT * speeds * steps
        self.slow[rows] = ((speeds <= _SLOW * scale) & straight & (self.turns[rows] == 0)) | self.at_rest[rows]
        self._look_for_runs(rows, states - origin, distances.amax(dim=0), steps)
        self.escape(rows)
        return Stretch(rows, distances, calming)

    def _look_for_runs(self, rows: Tensor, moved: Tensor, extent: Tensor, steps: int) -> None:
        velocity, before = moved / steps, self.velocity[rows]
        steady = (velocity * before > 0) & (velocity.abs() >= _STEADY * before.abs())
        # What turns in place has no velocity to speak of.
        steady &= moved.abs() >= 0.1 * extent.unsqueeze(-1)
        self.running[rows] = steady & (self.states[rows].abs() > _RUN * self.size[rows, None])
        self.velocity[rows] = velocity

    def escape(self, rows: Tensor) -> None:
        """Give up those of ``rows`` that have left every bound."""
        away = rows[~(self.states[rows].abs().amax(dim=-1) <= _ESCAPE * self.size[rows])]
        self.fates[away] = Fate.ESCAPED
        self.running[away] = ~(self.states[away].abs() <= 0.1 * _ESCAPE * self.size[away, None])

    def conclude(self) -> None:
        """Say of rows whose steps are used up what they were doing."""
        rows = self.active
        runs = self.running[rows].any(dim=-1)
        left = torch.where(self.slow[rows], int(Fate.DRIFTING), int(Fate.UNDECIDED))
        self.fates[rows] = torch.where(runs, int(Fate.RUNAWAY), left)
        self.running[rows[~runs]] = False

    def spread(self, rows: Tensor, count: int) -> Tensor:
        """Those of ``rows``, at most ``count``, that are farthest from one another."""
        if len(rows) <= count:
            return rows
        states = self.states[rows]
        chosen = [0]
        distance = (states - states[0]).norm(dim=-1)
        for _ in range(count - 1):
            chosen.append(int(distance.argmax()))
            distance = torch.minimum(distance, (states - states[chosen[-1]]).norm(dim=-1))
        return rows[torch.tensor(sorted(set(chosen)), device=rows.device)]
