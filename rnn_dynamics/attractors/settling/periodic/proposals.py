"""Stable fixed points and cycles: proposed by Newton's method from where orbits are, proved by ``capture``."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ....roots import Newton, RootResult, Status, residual_norms
from ....stability import attracts
from ....stopping import go_on
from ....systems import AutonomousMap, IteratedMap, relative
from ...phases import cycle_states, is_on, leading_phase, minimal_period
from ..starts import Limits
from .trap import Trap

_NEWTON_STEPS = 30

_CYCLE_STEPS = 10
"""Newton's steps for a cycle, which starts from orbits that close in on it."""

_RETURNS = 0.05
"""An orbit that comes back to within this share of its extent may be near a cycle."""

_CONTRACTS, _TURNS = 0.95, 4
"""A cycle is tried if in four turns each return misses by less than this share of what the one before did."""

_TRIED = 8
"""Proposals tried at a time; as long as they capture orbits, more are."""


@dataclass(frozen=True, eq=False)
class Periodic:
    """A stable fixed point (k = 1) or cycle, with its evidence."""

    trap: Trap
    residual: float
    """|F^k(h) - h| of the first state."""

    multipliers: Tensor
    """Eigenvalues of DF^k, [n], complex, by falling modulus."""

    @property
    def orbit(self) -> Tensor:
        return self.trap.orbit

    @property
    def period(self) -> int:
        return self.trap.period


def propose_points(
    system: AutonomousMap, states: Tensor, memory_budget: int, max_steps: int = _NEWTON_STEPS
) -> RootResult:
    """Roots of F(h) - h near states [r, n], stable or not."""
    result = Newton(slow_points=0).solve(system, states, max_steps=max_steps, memory_budget=memory_budget)
    if result.interrupted:
        go_on()  # the solver keeps what it has; here the settling does
        raise KeyboardInterrupt
    return result


def distinct_roots(result: RootResult, limits: Limits) -> Tensor:
    """The rows of a solver's result that are found and distinct, those of lowest residual first."""
    found = (result.statuses == Status.FOUND).nonzero().squeeze(-1)
    left = found[result.residuals[found].argsort(stable=True)]
    distinct: list[int] = []
    while len(left):
        distinct.append(int(left[0]))
        here = result.states[left]
        left = left[relative(here - here[0], here, limits.units) > limits.settle.merge_tolerance]
    return torch.tensor(sorted(distinct), dtype=torch.long, device=found.device)


def as_periodic(system: AutonomousMap, state: Tensor, period: int, limits: Limits) -> Periodic | None:
    """The cycle through a root ``state`` [n] of F^period - id, if it is stable."""
    iterated = IteratedMap(system, period) if period > 1 else system
    turn = iterated.linearize(state[None])[1].dense()[0]
    values = torch.linalg.eigvals(turn).cpu().to(torch.complex128)
    values = values[values.abs().argsort(descending=True, stable=True)]
    if not attracts(values):
        return None
    orbit = cycle_states(system, state, period)
    residual = float(residual_norms(iterated, state[None]))
    return Periodic(Trap.build(system, orbit, turn, limits.settle.tolerance, limits.units), residual, values)


def candidate_periods(distances: Tensor) -> tuple[Tensor, Tensor]:
    """From |h_t - h_0| along orbits, [steps, r], the first near return of each and by how much it misses, [r].

    The miss is a share of the orbit's extent; the step is 0 where no return is near.
    """
    if len(distances) < 3:
        return torch.zeros_like(distances[0], dtype=torch.long), torch.ones_like(distances[0])
    extent = distances.amax(dim=0)
    later = distances[1:]  # period 1 is Newton's business
    best = later.amin(dim=0)
    near = (later <= 2 * best) & (later <= _RETURNS * extent) & (4 * later <= distances[0])
    first = near.long().argmax(dim=0) + 2
    return torch.where(near.any(dim=0), first, 0), best / extent.clamp(min=torch.finfo(extent.dtype).tiny)


def propose_cycles(
    system: AutonomousMap, states: Tensor, periods: Tensor, misses: Tensor, limits: Limits
) -> list[Periodic]:
    """Stable cycles near orbits at ``states`` [r, n] that return after ``periods`` [r] steps but for ``misses`` [r].

    An orbit of each period is watched for some turns first, and Newton's method is tried where each return misses by
    less than the one before, as it must near a stable cycle and does not on a circle or in chaos.
    """
    found: list[Periodic] = []
    order = misses.argsort(stable=True)
    best: dict[int, int] = {}  # the row of each period that misses least
    for row, period in torch.stack([order, periods[order]], dim=-1).tolist():
        if period > 1:
            best.setdefault(period, row)
    tried = list(best.items())[:_TRIED]
    if not tried:
        return found
    # All of them together, each looked at after whole turns of its own.
    state = states[[row for _, row in tried]]
    turns: list[list[Tensor]] = [[start] for start in state]
    for step in range(1, _TURNS * max(period for period, _ in tried) + 1):
        state = system(state)
        for index, (period, _) in enumerate(tried):
            if step % period == 0 and step <= _TURNS * period:
                turns[index].append(state[index])
    for (period, _), ends in zip(tried, turns, strict=True):
        path = torch.stack(ends)
        gaps = relative(path.diff(dim=0), path[1:], limits.units)
        at_rest = gaps <= limits.settle.merge_tolerance
        if ((gaps[1:] <= _CONTRACTS * gaps[:-1]) | at_rest[1:]).all():
            found += polish_cycle(system, path[-1:], period, limits)
    return found


def polish_cycle(system: AutonomousMap, states: Tensor, period: int, limits: Limits) -> list[Periodic]:
    """Stable cycles of a minimal period above 1 that divides ``period``, by Newton's method on F^period."""
    result = propose_points(IteratedMap(system, period), states, limits.memory_budget, _CYCLE_STEPS)
    cycles: list[Periodic] = []
    for row in distinct_roots(result, limits).tolist():
        state = result.states[row]
        minimal = minimal_period(system, state, period, limits.settle.merge_tolerance, limits.units)
        if minimal == 1 or any(is_on(c.orbit, state, limits.settle.merge_tolerance, limits.units) for c in cycles):
            continue
        first = leading_phase(cycle_states(system, state, minimal), limits.units)[0]
        cycle = as_periodic(system, first, minimal, limits)
        if cycle is not None:
            cycles.append(cycle)
    return cycles
