"""One look at a network: the published measure, its attractors, its fixed points, and where each came from."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..attractors import Attractors, find_attractors
from ..checks import InputSequences
from ..fixed_points import FixedPoints, find_fixed_points
from ..multistability import vaa_curve
from ..progress import shown
from ..stopping import go_on, limited
from ..systems import AutonomousMap, DrivenMap, HeldMap, sample_states
from .effort import Effort
from .invariant_sets import InvariantSet, InvariantSets, sets_of, sets_of_points, table
from .observation import Observation
from .passages import Ahead, followed_forward, passage_between
from .route import Route, routed
from .weight_path import WeightPath

_NOISE = 0.5
"""Of the states that fixed points are searched from: it spreads them over the box, where saddles are found too."""


@dataclass(frozen=True, eq=False)
class Looking:
    """What all looks of a tracker have in common; ``AttractorTracker`` explains it."""

    sequences: InputSequences
    effort: Effort
    epsilon: float
    time_limit: float | None
    memory_budget: int
    seed: int


@dataclass(frozen=True, eq=False)
class Seen:
    """What the next observation goes on from."""

    network: DrivenMap  # frozen, float64
    sets: InvariantSets
    crowded: bool
    """Whether there were, at some observation, more fixed points than are kept."""

    whole: bool = False
    """Whether all its fixed points were searched for and kept."""

    spared: float = 0.0
    """Seconds that went into locating events because they could be afforded, beyond as long as the searches took."""


@torch.no_grad()
@shown("observation", unit="part")
def observe_network(
    network: DrivenMap,
    input: Tensor,
    looking: Looking,
    before: Seen | None,
    since: int,
    known: Sequence[tuple[int, list[Tensor]]],
    step: int,
    scalars: dict[str, float],
    left: float | None,
) -> tuple[Observation, Seen]:
    """Look at ``network`` under the held ``input`` [m], with what was seen ``before`` as a start.

    ``since`` is the step of that, ``known`` are the weights of steps after it, and ``left`` seconds can be afforded.
    """
    begin, effort = time.perf_counter(), looking.effort
    stop = limited(looking.time_limit)
    sampled = sample_states(network, looking.sequences, effort.n, seed=looking.seed, distinct=True)
    held = network.hold(input)
    starts = sampled.to(held.dtype)

    with stop:
        ahead = None if before is None else followed_forward(before.network, held.network, held.input, before.sets)
        go_on()
        search_began = time.perf_counter()
        found = find_attractors(
            held,
            torch.cat([starts, _attractor_states(before, starts)]),
            settle=effort.settle,
            memory_budget=looking.memory_budget,
            seed=looking.seed,
        )
        points = _fixed_points(held, network, starts, found, ahead, before, looking) if not stop else None
        crowded = (before is not None and before.crowded) or (points is not None and len(points) > effort.most_points)
        rows = sets_of(None if crowded else points, found, effort.n)
        whole = points is not None and not crowded
        searching = time.perf_counter() - search_began
        passage, route, resolution, spared = None, None, None, 0.0
        if before is not None and ahead is not None:
            rows, passage = passage_between(ahead, held, rows)
            path = WeightPath((since, before.network), known, (step, held.network), held.input)
            resolution = max(later - earlier for earlier, later in pairwise(path.steps))
            route = Route(rows, (), passage, resolution)
            if len(path.steps) > 2 and not stop:
                points_known = [row.orbit for row in rows if row.kind == "fixed point"]
                spread = _spread(network, starts, looking, 8)
                search = _Between(torch.cat([*points_known, starts, spread]), looking)
                locating_began = time.perf_counter()
                spent = locating_began - begin
                with limited(None if left is None else max(left - spent, searching)):
                    route = routed(path, ahead, rows, passage, whole and before.whole, search, effort.searches_between)
                spared = max(time.perf_counter() - locating_began - searching, 0.0)
                resolution = max(resolution, route.coarsest)
            rows, passage = route.rows, route.passage
    sets = table(rows)
    rests = sets.states[sets.stable & (sets.periods == 1)].to(sampled)
    vaas, _, _ = vaa_curve(network, sampled, input.to(sampled), [effort.horizon], looking.epsilon, rests=rests)
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
        cut_off=bool(stop),
        interrupted=stop.interrupted,
        way=() if route is None else route.way,
        resolution=resolution,
    )
    return observation, Seen(held.network, sets, crowded, whole, spared)


def _fixed_points(
    system: HeldMap,
    network: DrivenMap,
    starts: Tensor,
    found: Attractors,
    ahead: Ahead | None,
    before: Seen | None,
    looking: Looking,
) -> FixedPoints | None:
    """The search for all fixed points, warm from what is known; none any more once there were too many."""
    if not looking.effort.fixed_points or (before is not None and before.crowded):
        return None
    known = [state for kind, state in zip(found.kinds, found.states, strict=True) if kind == "fixed point"]
    known += [] if ahead is None else ahead.arrived_points
    spread = _spread(network, starts, looking, 1 if before is None else 8)
    return find_fixed_points(
        system,
        torch.cat([*(state[None] for state in known), starts, spread]),
        extra_starts=4 * looking.effort.searched,
        memory_budget=looking.memory_budget,
        seed=looking.seed,
    )


def _spread(network: DrivenMap, like: Tensor, looking: Looking, share: int) -> Tensor:
    """States along trajectories, spread by noise: of those of the first search one in so many."""
    n = looking.effort.searched // share
    return sample_states(network, looking.sequences, n, noise=_NOISE, seed=looking.seed).to(like)


@dataclass(frozen=True, eq=False)
class _Between:
    """The search for fixed points at a step between two looks."""

    starts: Tensor
    looking: Looking

    def __call__(self, system: AutonomousMap) -> list[InvariantSet]:
        looking = self.looking
        points = find_fixed_points(
            system, self.starts, extra_starts=len(self.starts), memory_budget=looking.memory_budget, seed=looking.seed
        )
        go_on()
        # Of a line of fixed points there is no list; and there are no more than are kept of a look.
        return [] if points.continua or len(points) > looking.effort.most_points else sets_of_points(points)


def _attractor_states(before: Seen | None, like: Tensor) -> Tensor:
    """A state of each attractor seen before, so that none is lost because no sampled state settles on it any more."""
    if before is None:
        return like[:0]
    states = [orbit[0] for orbit, stable in zip(before.sets.orbits, before.sets.stable.tolist(), strict=True) if stable]
    return torch.stack(states).to(like) if states else like[:0]
