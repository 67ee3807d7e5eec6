"""Many orbits watched side by side, each of a map of its own: exponents, periods, turns, and what is sure of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from ..attractors import birkhoff_weights, carry_tangents, random_tangents, spectrum_of
from ..families import HeldRows
from ..linear_algebra import without_tf32
from ..systems import AutonomousMap
from .watch import Watch, distances

_BLOCK = 64
"""Steps whose derivatives are made at once."""

_TURNING = 100
"""Steps in which a tangent vector turns to the leading direction."""

_SURE = 10.0
"""Chaos is so many tolerances above zero, as long as there are steps to look further."""

_UNLIKE = 10.0
"""No shorter return may be as near as this, in bounds of the distance from the cycle."""

_STEADY = 0.02
"""The mean step of a steady orbit is the same in both halves, up to this share: what comes to rest slows down."""

_RETURNED = 1e-3
"""No return of a circle, or of weak chaos, is nearer than this share of the farthest: at a flip orbits come to rest so
slowly that nothing else tells their two states from either."""

_FAR = 1e12
"""In units: an orbit so far off has run away."""

Turning = Callable[[Tensor], Tensor]
"""The turns made from each state of a path [t + 1, r, n] to the next, [t, r]."""


class Conduct(IntEnum):
    """What an orbit does."""

    UNDECIDED = 0
    PERIODIC = 1
    QUASI_PERIODIC = 2
    CHAOTIC = 3
    DIVERGED = 4

    @property
    def word(self) -> str:
        """In words."""
        return self.name.lower().replace("quasi_periodic", "quasi-periodic")


@dataclass(frozen=True, eq=False)
class Orbits:
    """What was seen of r orbits, all on the host."""

    conducts: Tensor
    """``Conduct`` of each, [r]."""

    periods: Tensor
    """[r]; 0 where it is not periodic."""

    exponents: Tensor
    """The largest Lyapunov exponent of each, per step, [r]; NaN of those that ran away."""

    errors: Tensor
    """Standard errors from block means, [r]."""

    turns: Tensor
    """Turns per step, [r]; NaN where none were asked for."""

    tails: Tensor
    """The last states, [r, max_period + 1, n]: of a cycle all."""


def some_of(system: AutonomousMap, rows: Tensor) -> AutonomousMap:
    """The map of some rows, where each has its own."""
    return system.of(rows) if isinstance(system, HeldRows) else system


def rows_within(system: AutonomousMap, memory_budget: int) -> int:
    """How many orbits are watched at once, their derivatives for a block of steps within the budget."""
    return max(1, memory_budget // (_BLOCK * system.bytes_per_linearization))


@torch.no_grad()
def watched(
    system: AutonomousMap,
    states: Tensor,
    watch: Watch,
    units: Tensor,
    *,
    memory_budget: int,
    seed: int,
    turning: Callable[[Tensor], Turning] | None = None,
) -> Orbits:
    """Watch the orbits of states [r, n] until it is told what each does.

    Args:
        system: of these rows.
        states: where they begin.
        watch: budgets and tolerances.
        units: of the coordinates, [n].
        memory_budget: bytes for derivatives.
        seed: of the tangent vector.
        turning: makes of a path [t, r, n] what counts turns; None if nobody asks for them.
    """
    r, n = states.shape
    lengths = watch.lengths(n).to(states)
    with without_tf32(system.device, system.dtype):
        for _ in range(max(0, watch.transient - _TURNING)):
            states = system(states)
        tangents = random_tangents(states, 1, seed)
        path, tangents, _ = carry_tangents(system, states, tangents, _TURNING, 1, memory_budget)
        states = path[-1]
        tails = states.new_full((r, watch.max_period + 1, n), torch.nan)
        conducts = torch.zeros(r, dtype=torch.int64)
        periods = torch.zeros(r, dtype=torch.int64)
        exponents, errors, turns = (torch.full((r,), torch.nan, dtype=torch.float64) for _ in range(3))
        rows, steps, used = torch.arange(r), watch.steps, 0
        while len(rows):
            there = rows.to(states.device)
            own = some_of(system, there)
            count = None if turning is None else turning(path[:, there] if len(path) else states[None, there])
            stretch = _stretch(own, states[there], tangents[there], steps, units, lengths, memory_budget, count)
            states[there], tangents[there] = stretch.states, stretch.tangents
            used += steps
            steps = min(2 * steps, watch.max_steps - used)
            tail = [stretch.states]
            for _ in range(watch.max_period):
                tail.append(own(tail[-1]))
            tails[there] = torch.stack(tail, dim=1)
            conduct, period, exponent, error = _judged(
                stretch, torch.stack(tail), watch, units, lengths, last=steps <= 0
            )
            conducts[rows], periods[rows] = conduct, period
            exponents[rows], errors[rows] = exponent, error
            if stretch.turns is not None:
                weights = birkhoff_weights(len(stretch.turns)).to(stretch.turns)
                turns[rows] = (weights @ stretch.turns).cpu().double()
            if steps <= 0:
                break
            rows = rows[conduct == Conduct.UNDECIDED]
    return Orbits(conducts, periods, exponents, errors, turns, tails.cpu())


@dataclass(frozen=True, eq=False)
class _Stretch:
    """A measured piece of orbits: growth of tangents, turns, and the mean step in both halves."""

    states: Tensor
    tangents: Tensor
    growth: Tensor
    turns: Tensor | None
    speeds: Tensor


def _stretch(
    system: AutonomousMap,
    states: Tensor,
    tangents: Tensor,
    steps: int,
    units: Tensor,
    lengths: Tensor,
    memory_budget: int,
    count: Turning | None,
) -> _Stretch:
    growth, turns, speeds = [], [], []
    for begin in range(0, steps, _BLOCK):
        block = min(_BLOCK, steps - begin)
        path, tangents, logs = carry_tangents(system, states, tangents, block, 1, memory_budget)
        path = torch.cat([states[None], path])
        states = path[-1]
        growth.append(logs[..., 0])
        speeds.append(distances(path[1:] - path[:-1], path[1:], units, lengths))
        if count is not None:
            turns.append(count(path))
    return _Stretch(states, tangents, torch.cat(growth), torch.cat(turns) if turns else None, torch.cat(speeds))


def _judged(
    stretch: _Stretch, tail: Tensor, watch: Watch, units: Tensor, lengths: Tensor, last: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Conducts, periods, exponents and errors [r] each, on the host."""
    spectrum = spectrum_of(stretch.growth.unsqueeze(-1), tail.shape[-1], len(stretch.growth))
    mean, error, weighted = (column[:, 0] for column in (spectrum.exponents, spectrum.errors, spectrum.weighted))
    parts = stretch.growth.unsqueeze(-1).chunk(2)
    halves = torch.stack([spectrum_of(part, 1, len(part)).weighted[:, 0] for part in parts])
    apart = distances(tail[1:] - tail[:1], tail[:1], units, lengths).cpu()
    gone = ~tail[-1].isfinite().all(dim=-1).cpu() | ~weighted.isfinite()
    gone |= ((tail[-1].abs() / units > _FAR) & ~lengths.isfinite()).any(dim=-1).cpu()
    periods = _periods(apart, weighted, watch)
    zero = watch.exponent_tolerance
    speeds = torch.stack([half.mean(dim=0) for half in stretch.speeds.chunk(2)]).cpu()
    steady = ((speeds[1] - speeds[0]).abs() <= _STEADY * speeds[0]) & (speeds[1] > watch.tolerance)
    turning = apart.amin(dim=0) > _RETURNED * apart.amax(dim=0)
    calm = (weighted.abs() <= zero) & (halves.abs() <= zero).all(dim=0) & steady & turning
    above = torch.where(turning, zero, _SURE * zero) if last else _SURE * zero
    wild = (weighted > above) & (mean > 3 * error)
    conducts = torch.zeros_like(periods)
    conducts[wild] = Conduct.CHAOTIC
    conducts[calm] = Conduct.QUASI_PERIODIC
    conducts[periods > 0] = Conduct.PERIODIC
    conducts[gone] = Conduct.DIVERGED
    periods[gone] = 0
    exponents = torch.where(conducts == Conduct.CHAOTIC, mean, weighted)
    exponents[gone] = math.nan
    return conducts, periods, exponents, torch.where(gone, torch.nan, error)


def _periods(apart: Tensor, exponents: Tensor, watch: Watch) -> Tensor:
    """The least k [r] whose return ``apart`` [k, r] shows a cycle that is reached within the tolerance; 0 for none."""
    k = torch.arange(1, len(apart) + 1, dtype=torch.float64)[:, None]
    contraction = (k * exponents).exp()
    bounds = torch.where(contraction < 1, apart / (1 - contraction).clamp(min=1e-300), torch.inf)
    good = bounds <= watch.tolerance
    first = good.long().argmax(dim=0)
    shorter = torch.where(torch.arange(len(apart))[:, None] < first, apart, torch.inf).amin(dim=0)
    bound = bounds.gather(0, first[None])[0]
    sure = good.any(dim=0) & (shorter > _UNLIKE * bound)
    return torch.where(sure, first + 1, 0)
