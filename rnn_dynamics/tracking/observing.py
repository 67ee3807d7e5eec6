"""One look at a network: the published measure, its attractors, its fixed points, and where each came from."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from ..attractors import Attractors, find_attractors
from ..checks import InputSequences
from ..fixed_points import FixedPoints, find_fixed_points
from ..multistability import vaa_curve
from ..progress import shown
from ..systems import DrivenMap, sample_states
from .invariant_sets import InvariantSets, rows_of, table
from .observation import Observation, Passage
from .passages import Ahead, followed_forward, passage_between
from .time_limit import Clock, TimedMap

_NOISE = 0.5
"""Of the states that fixed points are searched from: it spreads them over the box, where saddles are found too."""


@dataclass(frozen=True)
class Effort:
    """How hard each observation looks; ``AttractorTracker`` explains the settings."""

    n: int
    horizon: int
    epsilon: float
    fixed_points: bool
    searched: int
    most_points: int
    max_steps: int
    drift_horizon: float
    memory_budget: int
    time_limit: float | None
    seed: int


@dataclass(frozen=True, eq=False)
class Seen:
    """What the next observation goes on from."""

    network: DrivenMap  # frozen, float64
    sets: InvariantSets
    crowded: bool
    """Whether there were, at some observation, more fixed points than are kept."""


@torch.no_grad()
@shown("observation", unit="part")
def observe_network(
    network: DrivenMap,
    sequences: InputSequences,
    input: Tensor,
    effort: Effort,
    before: Seen | None,
    step: int,
    scalars: dict[str, float],
) -> tuple[Observation, Seen]:
    """Look at ``network`` under the held ``input`` [m], with what was seen ``before`` as a start."""
    begin = time.perf_counter()
    clock = Clock(effort.time_limit)
    sampled = sample_states(network, sequences, effort.n, seed=effort.seed, distinct=True)
    vaas, _, _ = vaa_curve(network, sampled, input.to(sampled), [effort.horizon], effort.epsilon)
    held = network.hold(input)
    system = TimedMap(held, clock)
    starts = sampled.to(held.dtype)

    ahead = None if before is None else followed_forward(before.network, held.network, held.input, before.sets, clock)
    found = find_attractors(
        system, torch.cat([starts, _attractor_states(before, starts)]), max_steps=effort.max_steps,
        horizon=effort.drift_horizon, memory_budget=effort.memory_budget, seed=effort.seed,
    )  # fmt: skip
    points = _fixed_points(system, network, sequences, starts, found, ahead, before, effort) if not clock.rang else None
    crowded = (before is not None and before.crowded) or (points is not None and len(points) > effort.most_points)
    rows = rows_of(None if crowded else points, found, effort.n)
    passage: Passage | None = None
    if before is not None and ahead is not None:
        rows, passage = passage_between(ahead, held, rows)
    sets = table(rows)
    stopped = found.interrupted or (points is not None and points.completeness.interrupted)
    outcomes = found.outcomes[: effort.n]
    observation = Observation(
        step=step,
        scalars=tuple(scalars.items()),
        vaa=float(vaas[0]),
        n=effort.n,
        horizon=effort.horizon,
        held_input=held.input.cpu(),
        sets=sets,
        outcomes=tuple(outcomes.count(name) for name in ("settled", "slow", "diverged", "unfinished")),  # pyright: ignore[reportArgumentType]
        n_fixed_points=None if points is None else len(points),
        index_sum=None if points is None or crowded else points.index_sum,
        passage=passage,
        seconds=time.perf_counter() - begin,
        cut_off=clock.rang or stopped,
        interrupted=stopped and not clock.rang,
    )
    return observation, Seen(held.network, sets, crowded)


def _fixed_points(
    system: TimedMap,
    network: DrivenMap,
    sequences: InputSequences,
    starts: Tensor,
    found: Attractors,
    ahead: Ahead | None,
    before: Seen | None,
    effort: Effort,
) -> FixedPoints | None:
    """The search for all fixed points, warm from what is known; none any more once there were too many."""
    if not effort.fixed_points or (before is not None and before.crowded):
        return None
    known = [state for kind, state in zip(found.kinds, found.states, strict=True) if kind == "fixed point"]
    known += [] if ahead is None else ahead.arrived_points
    count = effort.searched if before is None else effort.searched // 8
    spread = sample_states(network, sequences, count, noise=_NOISE, seed=effort.seed).to(starts)
    return find_fixed_points(
        system,
        torch.cat([*(state[None] for state in known), starts, spread]),
        extra_starts=4 * effort.searched,
        memory_budget=effort.memory_budget,
        seed=effort.seed,
    )


def _attractor_states(before: Seen | None, like: Tensor) -> Tensor:
    """A state of each attractor seen before, so that none is lost because no sampled state settles on it any more."""
    if before is None:
        return like[:0]
    states = [orbit[0] for orbit, stable in zip(before.sets.orbits, before.sets.stable.tolist(), strict=True) if stable]
    return torch.stack(states).to(like) if states else like[:0]
