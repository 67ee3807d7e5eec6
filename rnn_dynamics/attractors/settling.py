"""The settling of many starts: plain steps, and at each pause every kind of evidence that a start is done."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..roots import Status
from ..systems import AutonomousMap
from . import moving, periodic
from .drift import Drift, DriftEnd, follow_drift, step_bound_at
from .moving import MovingOrbit
from .outcomes import Fate
from .periodic import MARGINAL, Periodic

_ACTIVE = -1

_ESCAPE = 1e6
"""A state a million times larger than its start, and than 1, has escaped."""

_PAUSES = (32, 32, 64, 128, 256)
"""Steps before each of the first pauses; 512 before each further one."""

_LATER = 512

_DRIFT_AFTER, _MOVING_AFTER = 128, 256
"""Steps before slow rows are followed implicitly, and before orbits are suspected to move for ever."""

_SLOW, _STRAIGHT = 0.02, 0.3
"""A row is slow if one step moves it by less than 2 % of its size and a stretch by 30 % of the steps' sum or more."""

_CALMER = 0.5
"""Fixed points are looked for from rows that are slow, or half as fast as a stretch before."""

_PROPOSED = 8
"""Orbits at a time from which Newton's method looks for fixed points, the farthest from one another."""

_TOGETHER, _BATCHES = 16, 4
"""Moving orbits followed at a time, and how many times at the end."""

_TURNS, _LONGEST = 8, 20
"""A slow circle is followed for eight turns, if these take no more than twenty times ``max_steps``."""

_CAME_BACK = 0.1
"""A drift ends where the one before did, up to a tenth of the way: the state turns on a circle with a slow part."""

_STEADY = 0.9
"""A coordinate runs away if from one stretch to the next it keeps its direction and 90 % of its velocity."""


@dataclass(eq=False)
class Stretch:
    """What a stretch of plain steps showed."""

    origin: Tensor  # [r, n], where each row was before
    distances: Tensor  # |h_t - origin|, [steps, r]
    speeds: Tensor  # of the last step, [r]


@dataclass(eq=False)
class Settling:
    """All starts, and what is known of each so far."""

    system: AutonomousMap
    states: Tensor  # [k, n]
    max_steps: int
    horizon: float
    tolerance: float
    merge_tolerance: float
    exponent_tolerance: float
    memory_budget: int
    seed: int
    cycles: list[Periodic] = field(default_factory=list)
    orbits: list[MovingOrbit] = field(default_factory=list)
    plain_work: int = 0
    implicit_work: int = 0
    done: int = 0
    interrupted: bool = False
    followed: bool = False

    def __post_init__(self) -> None:
        k, device = len(self.states), self.states.device
        self.starts_size = self.states.abs().amax(dim=-1).clamp(min=1.0)
        self.fates = torch.full((k,), _ACTIVE, device=device)
        # ("cycle", row) and ("orbit", row) as one number: cycles count up from 0, moving orbits down from -2.
        self.owners = torch.full((k,), -1, device=device)
        self.times = self.states.new_zeros(k)
        self.rested = torch.zeros(k, dtype=torch.bool, device=device)
        self.running = torch.zeros(self.states.shape, dtype=torch.bool, device=device)
        self.velocity = torch.zeros_like(self.states)
        self.speeds = self.states.new_full((k,), torch.inf)
        self.drift_after = self.states.new_full((k,), _DRIFT_AFTER)
        self.slow = torch.zeros(k, dtype=torch.bool, device=device)
        self.turns = self.states.new_zeros(k)  # steps of one turn of a slow circle
        self.landmarks = torch.full_like(self.states, torch.nan)  # where a drift was last too fast to follow
        self.landmark_times = self.states.new_zeros(k)

    @property
    def active(self) -> Tensor:
        return ((self.fates == _ACTIVE) & ~self.rested).nonzero().squeeze(-1)

    def run(self, progress: bool) -> None:
        """Settle every row, or say why not; Ctrl-C keeps what has settled."""
        bar = tqdm(total=len(self.states), desc="settling", unit="start", disable=not progress)
        try:
            self._run(bar)
        except KeyboardInterrupt:
            self.interrupted = True
            self.fates[self.fates == _ACTIVE] = Fate.INTERRUPTED
        bar.close()

    def _run(self, bar: tqdm) -> None:
        self._capture()
        look = _MOVING_AFTER
        pauses = list(_PAUSES)
        while len(self.active) and self.done < self.max_steps:
            steps = min(pauses.pop(0) if pauses else _LATER, self.max_steps - self.done)
            rows = self.active
            stretch = self._advance(rows, steps)
            self.done += steps
            last = self.done >= self.max_steps
            self._escapes(rows)
            self._capture()
            self._points(rows, stretch)
            self._cycles(rows, stretch)
            self._drift(rows, stretch, last)
            if self.done >= look or last:
                self._moving(last)
                look = 2 * self.done
            bar.update(int((self.fates != _ACTIVE).sum()) - bar.n)
        rows = self.active
        runs = self.running[rows].any(dim=-1)
        left = torch.where(self.slow[rows], int(Fate.DRIFTING), int(Fate.UNDECIDED))
        self.fates[rows] = torch.where(runs, int(Fate.RUNAWAY), left)
        self.running[rows[~runs]] = False

    def _advance(self, rows: Tensor, steps: int) -> Stretch:
        origin = states = self.states[rows]
        distances = states.new_empty(steps, len(rows))
        previous = states
        for step in range(steps):
            previous, states = states, self.system(states)
            torch.linalg.vector_norm(states - origin, dim=-1, out=distances[step])
        self.states[rows] = states
        self.times[rows] += steps
        self.plain_work += steps * len(rows)
        velocity = (states - origin) / steps
        before = self.velocity[rows]
        steady = (velocity * before > 0) & (velocity.abs() >= _STEADY * before.abs())
        # One that only turns in place has no velocity to speak of.
        extent = distances.amax(dim=0, keepdim=True).T
        self.running[rows] = (
            steady & (velocity.abs() * steps >= 0.1 * extent) & (states.abs() > 10 * self.starts_size[rows, None])
        )
        self.velocity[rows] = velocity
        return Stretch(origin, distances, (states - previous).norm(dim=-1))

    def _escapes(self, rows: Tensor) -> None:
        size = self.states[rows].abs().amax(dim=-1)
        escaped = ~(size <= _ESCAPE * self.starts_size[rows])
        self.fates[rows[escaped]] = Fate.ESCAPED
        grown = self.states[rows[escaped]].abs()
        self.running[rows[escaped]] = ~(grown <= 0.1 * _ESCAPE * self.starts_size[rows[escaped], None])

    # Fixed points and cycles.

    def _points(self, rows: Tensor, stretch: Stretch) -> None:
        """Propose fixed points from a few rows that slow down, for as long as this captures rows."""
        size = self.states[rows].norm(dim=-1).clamp(min=1.0)
        calming = (stretch.speeds <= _CALMER * self.speeds[rows]) | (stretch.speeds <= _SLOW * size)
        self.speeds[rows] = stretch.speeds
        rows = rows[calming]
        while len(rows := rows[self.fates[rows] == _ACTIVE]):
            few = rows[spread(self.states[rows], _PROPOSED)]
            result = periodic.propose_points(self.system, self.states[few], self.memory_budget)
            fresh = False
            for row in periodic.distinct_roots(result, self.merge_tolerance).tolist():
                fresh |= self._add(result.states[row])
            captured = self._capture()
            if not (captured and fresh):
                return

    def _add(self, state: Tensor) -> bool:
        if self.owner_of(state) is not None:
            return False
        point = periodic.as_periodic(self.system, state, 1, self.tolerance)
        if point is not None:
            self.cycles.append(point)
        return point is not None

    def owner_of(self, state: Tensor) -> int | None:
        """The cycle that ``state`` [n] lies on."""
        for index, cycle in enumerate(self.cycles):
            if periodic.is_on(cycle.orbit, state, self.merge_tolerance):
                return index
        return None

    def _cycles(self, rows: Tensor, stretch: Stretch) -> None:
        periods, misses = periodic.candidate_periods(stretch.distances)
        periods = torch.where(self.fates[rows] == _ACTIVE, periods, 0)
        self._add_cycles(
            periodic.propose_cycles(
                self.system,
                self.states[rows],
                periods,
                misses,
                self.tolerance,
                self.merge_tolerance,
                self.memory_budget,
            )
        )

    def _add_cycles(self, found: list[Periodic]) -> None:
        fresh = False
        for cycle in found:
            if self.owner_of(cycle.orbit[0]) is None:
                self.cycles.append(cycle)
                fresh = True
        if fresh:
            self._capture()

    def _capture(self) -> int:
        """Assign active rows to the nearest cycle if they follow its linearisation; returns how many did."""
        rows = self.active
        if not self.cycles or not len(rows):
            return 0
        phases = torch.cat([cycle.orbit for cycle in self.cycles])
        lengths = torch.tensor([cycle.period for cycle in self.cycles], device=phases.device)
        owner = torch.arange(len(self.cycles), device=phases.device).repeat_interleave(lengths)
        nearest = owner[torch.cdist(self.states[rows], phases).argmin(dim=1)]
        count = 0
        for index in nearest.unique().tolist():
            mine = rows[nearest == index]
            cycle = self.cycles[index]
            captured, states = cycle.trap.captures(self.system, self.states[mine])
            watched = cycle.trap.watched
            self.plain_work += watched * len(mine)
            self.times[mine] += watched
            self.states[mine] = states
            self.fates[mine[captured]] = Fate.SETTLED
            self.owners[mine[captured]] = index
            count += int(captured.sum())
        return count

    # Slow drift.

    def _drift(self, rows: Tensor, stretch: Stretch, last: bool) -> None:
        steps = len(stretch.distances)
        size = self.states[rows].norm(dim=-1).clamp(min=1.0)
        straight = stretch.distances[-1] >= _STRAIGHT * stretch.speeds * steps
        slow = (stretch.speeds <= _SLOW * size) & straight & (self.turns[rows] == 0)
        at_rest = stretch.speeds <= self.tolerance * size
        self.slow[rows] = slow | at_rest
        due = at_rest | (slow & ((self.drift_after[rows] <= self.done) | last))
        due &= (self.fates[rows] == _ACTIVE) & ~self.rested[rows]
        if due.any():
            self._follow(rows[due], None)

    def _follow(self, rows: Tensor, bound: Tensor | None) -> None:
        before, elapsed = self.states[rows].clone(), self.times[rows].clone()
        drift = follow_drift(
            self.system,
            before,
            horizon=self.horizon,
            tolerance=self.tolerance,
            memory_budget=self.memory_budget,
            longest_step=bound,
        )
        self.implicit_work += drift.work
        self.states[rows], self.times[rows] = drift.states, elapsed + drift.times
        self.drift_after[rows] = 2 * self.done
        self.turns[rows] = torch.maximum(drift.turns, self._round_trips(rows, before, drift))
        self.slow[rows] &= self.turns[rows] == 0
        self._escapes(rows)

        resting = rows[(drift.ends == DriftEnd.RESTED) & (self.fates[rows] == _ACTIVE)]
        self._rest(resting, rows, before, elapsed, retry=bound is None)
        over = (drift.ends == DriftEnd.HORIZON) & (self.fates[rows] == _ACTIVE) & ~self.rested[rows]
        travelled = (drift.states - before).abs()
        far = travelled > 100 * self.starts_size[rows, None]
        runs = over & far.any(dim=-1)
        self.fates[rows[over]] = Fate.DRIFTING
        self.fates[rows[runs]] = Fate.RUNAWAY
        self.running[rows[over]] = (far & runs.unsqueeze(-1))[over]

    def _round_trips(self, rows: Tensor, before: Tensor, drift: Drift) -> Tensor:
        """Steps since the last drift, of rows whose drift became too fast where it did the last time; else 0."""
        travelled = (drift.states - before).norm(dim=-1)
        missed = (drift.states - self.landmarks[rows]).norm(dim=-1)
        fast = drift.ends == DriftEnd.NOT_SLOW
        trips = torch.where(
            fast & (missed <= _CAME_BACK * travelled), self.times[rows] - self.landmark_times[rows], 0.0
        )
        self.landmarks[rows[fast]], self.landmark_times[rows[fast]] = drift.states[fast], self.times[rows[fast]]
        return trips

    def _rest(self, resting: Tensor, rows: Tensor, before: Tensor, elapsed: Tensor, retry: bool) -> None:
        """Give rows that came to rest to stable points; those at an unstable one start over with shorter steps."""
        if not len(resting):
            return
        result = periodic.propose_points(self.system, self.states[resting], self.memory_budget)
        for row in periodic.distinct_roots(result, self.merge_tolerance).tolist():
            self._add(result.states[row])
        self.rested[resting] = False
        self._capture()
        left = self.fates[resting] == _ACTIVE
        if not left.any():
            return
        found = left & (result.statuses == Status.FOUND)
        values = [
            self.system.linearize(result.states[found][part])[1].eigenvalues()
            for part in self.system.chunks(int(found.sum()), self.memory_budget)
        ]
        radius = self.states.new_zeros(len(resting))
        bound = self.states.new_full((len(resting),), torch.inf)
        if values:
            radius[found] = torch.cat(values).abs().amax(dim=-1)
            bound[found] = step_bound_at(torch.cat(values))
        unstable = found & (radius > 1 + MARGINAL)
        again = resting[unstable]
        self.rested[resting[left & ~unstable]] = True
        if not len(again):
            return
        position = torch.searchsorted(rows, again)
        moved = (before[position] - self.states[again]).norm(dim=-1)
        if retry:
            self.states[again], self.times[again] = before[position], elapsed[position]
            self._follow(again, bound[unstable])
        else:
            # It has come here with steps too short to damp what is unstable: plain steps may leave yet, rest may not.
            stuck = again[moved <= self.merge_tolerance]
            self.fates[stuck] = Fate.BALANCED

    # Circles, tori, chaos.

    def _moving(self, last: bool) -> None:
        """Follow a few orbits until their kind is clear, and give rows to the attractors found."""
        self._match()
        for _ in range(_BATCHES if last else 1):
            rows = self.active
            rows = rows[~self.slow[rows]]
            if not len(rows):
                return
            picked = rows[spread(self.states[rows], _TOGETHER if self.followed else 1)]
            self.followed = True
            orbits = moving.start_orbits(self.states[picked], self.seed)
            turning = min(_TURNS * float(self.turns[picked].max()), _LONGEST * self.max_steps)
            limit = max(self.max_steps, moving.FIRST_LOOK, turning)
            undecided, steps = orbits, moving.FIRST_LOOK
            while undecided:
                moving.follow(self.system, undecided, steps, self.memory_budget)
                self.plain_work += steps * len(undecided)
                steps *= 2
                for orbit in undecided:
                    moving.judge(orbit, self.exponent_tolerance, last=orbit.total + steps > limit)
                undecided = [o for o in undecided if o.kind is None and o.total + steps <= limit]
            for row, orbit in zip(picked.tolist(), orbits, strict=True):
                self._place(row, orbit)
            self._match()  # what is not near an attractor yet may come there by plain steps

    def _place(self, row: int, orbit: MovingOrbit) -> None:
        """Enter a followed orbit among the attractors, unless it belongs to one already."""
        self.states[row] = orbit.state
        self.times[row] += orbit.total
        if orbit.kind in ("circle", "torus", "chaotic"):
            for index, other in enumerate(self.orbits):
                if other.owns(orbit.samples[:: max(1, len(orbit.samples) // 64)].unsqueeze(1)):
                    self._settle_on(row, index)
                    return
            self.orbits.append(orbit)
            self._settle_on(row, len(self.orbits) - 1)
        elif orbit.kind == "neutral":
            self.fates[row] = Fate.NEUTRAL
        elif orbit.kind is None:
            self.fates[row] = Fate.UNDECIDED
        elif orbit.kind == "contracting":
            self._long_cycle(row, orbit)

    def _settle_on(self, row: int, index: int) -> None:
        self.fates[row] = Fate.SETTLED
        self.owners[row] = -2 - index

    def _long_cycle(self, row: int, orbit: MovingOrbit) -> None:
        """Look for a cycle of any period that the samples show."""
        back = (orbit.samples.flip(0)[1:] - orbit.samples[-1]).norm(dim=-1).unsqueeze(1)
        period = int(periodic.candidate_periods(back)[0][0])
        if period < 2:
            return
        self._add_cycles(
            periodic.polish_cycle(
                self.system, orbit.state[None], period, self.tolerance, self.merge_tolerance, self.memory_budget
            )
        )

    def _match(self) -> int:
        """Assign active rows to circles, tori and chaotic sets among whose samples they move."""
        rows = self.active
        if not self.orbits or not len(rows):
            return 0
        path, states = moving.watch(self.system, self.states[rows])
        self.states[rows] = states
        self.times[rows] += len(path)
        self.plain_work += len(path) * len(rows)
        count = 0
        for index, orbit in enumerate(self.orbits):
            mine = orbit.owns(path) & (self.fates[rows] == _ACTIVE)
            self.fates[rows[mine]] = Fate.SETTLED
            self.owners[rows[mine]] = -2 - index
            count += int(mine.sum())
        return count


def spread(states: Tensor, count: int) -> Tensor:
    """Rows of states [r, n] that are far from one another, at most ``count``: farthest-point sampling."""
    if len(states) <= count:
        return torch.arange(len(states), device=states.device)
    chosen = [0]
    distance = (states - states[0]).norm(dim=-1)
    for _ in range(count - 1):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (states - states[chosen[-1]]).norm(dim=-1))
    return torch.tensor(sorted(set(chosen)), device=states.device)
