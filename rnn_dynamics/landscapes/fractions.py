"""``basin_fractions``: how the basins share the starts while a parameter moves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..attractors import Settle, find_attractors
from ..checks import ArgumentError, ArrayLike, Size, checked, require_positive
from ..families import Family, Span
from ..progress import Progress
from ..stopping import go_on, stoppable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap
from ..tracking import (
    Event,
    InvariantSets,
    Passage,
    Waypoint,
    followed_along,
    match,
    passage_between,
    sets_of,
    table,
)
from .fraction_results import BasinFractions, LifeEvent


@checked
@torch.no_grad()
def basin_fractions(
    family: Family,
    starts: ArrayLike,
    span: Sequence[float],
    *,
    resolution: Size = 33,
    max_distance: float = 0.25,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> BasinFractions:
    """Settle the same starts at every value of a parameter, and tell each attractor by its identity throughout.

    Fixed points and cycles are followed from value to value, newcomers back to where they came from, so that who is who
    is known and folds, pitchforks and flips on the way are located. Circles and chaos cannot be followed: they are
    matched by the least distance (``tracking.match``). A state of each attractor goes along to the next value, so that
    one whose basin no start hits is not lost; it counts for no share.

    Args:
        family: t -> map: an input (``network.input_family(0)``), a gain (``scaled``), a training (``through``), the
            amplitude of a driving sequence (``driving``), or any function.
        starts: [k, n], the same at every value, for example ``sample_states``; shares are shares of these.
        span: two ends, between which ``resolution`` values lie evenly; or three or more values, rising or falling.
        resolution: values over the span, its ends included.
        max_distance: how far what is matched may move from one value to the next, as a share of the spread of all
            states seen.
        settle: how starts settle, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row for each value; Ctrl-C ends it early and keeps the values that are done.

    Raises:
        ValueError: for starts that do not fit, values that neither rise nor fall, or a family that gives no maps.

    Source: Datseris, Luiz Rossi and Wagemakers 2023, doi:10.1063/5.0159675, who match where we follow.
    """
    require_positive(max_distance=max_distance, memory_budget=memory_budget)
    values = _values(span, resolution)
    system = Span(family, values[0], values[-1]).system(0.0)
    states = system.as_states(starts, "starts")
    sweep = _Sweep(family, states, settle, memory_budget, seed)
    with stoppable() as stop, Progress("basins", progress, total=len(values), unit="value") as bar:
        for value in bar.counting(values):
            sweep.look(value)
            bar.note(attractors=int(sweep.looks[-1].sets.stable.sum()))
    return _assembled(sweep.looks, len(states), max_distance, bool(stop))


def _values(span: Sequence[float], resolution: int) -> list[float]:
    values = [float(value) for value in span]
    if len(values) < 2 or not all(map(math.isfinite, values)):
        raise ArgumentError("span", f"must be two or more finite numbers, got {list(span)[:12]}")
    if len(values) == 2:
        if resolution < 2:
            raise ArgumentError("resolution", f"must be 2 or more, got {resolution}")
        values = torch.linspace(values[0], values[1], resolution, dtype=torch.float64).tolist()
    steps = [later - earlier for earlier, later in pairwise(values)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        raise ArgumentError("span", f"must rise or fall from value to value, got {list(span)[:12]}")
    return values


@dataclass(frozen=True, eq=False)
class _Seen:
    """What there is at one value, and how what was there at the value before led to it."""

    step: int
    value: float
    sets: InvariantSets
    passage: Passage | None
    diverged: int
    undecided: int
    way: tuple[Waypoint, ...] = ()


class _Leg:
    """A family from one value to the next, t from 0 to 1."""

    def __init__(self, family: Family, start: float, end: float) -> None:
        self._span = Span(family, start, end)

    def __call__(self, t: float, /) -> AutonomousMap:
        return self._span.system(t)

    def derivative(self, states: Tensor, t: float, /) -> Tensor:
        return self._span.derivative(states, t)


class _Sweep:
    """The values that are done so far."""

    def __init__(self, family: Family, starts: Tensor, settle: Settle | None, memory_budget: int, seed: int) -> None:
        self._family, self._starts = family, starts
        self._options = {"settle": settle, "memory_budget": memory_budget, "seed": seed}
        self.looks: list[_Seen] = []

    def look(self, value: float) -> None:
        before = self.looks[-1] if self.looks else None
        leg = None if before is None else _Leg(self._family, before.value, value)
        system = Span(self._family, value, value).system(0.0)
        ahead = None if before is None or leg is None else followed_along(leg, before.sets)
        go_on()  # what was followed in part would look as if the rest had vanished
        seeds = [] if before is None else [orbit[:1] for orbit in before.sets[before.sets.stable].orbits]
        if ahead is not None:
            seeds += [
                run.end[None].cpu()
                for run in ahead.runs.values()
                if run.outcome == "arrived" and run.end.isfinite().all()
            ]
        known = torch.cat([self._starts, *(state.to(self._starts) for state in seeds)])
        found = find_attractors(system, known, **self._options)
        go_on()  # what was cut off is no share
        k = len(self._starts)
        outcomes = found.outcomes[:k]
        rows = sets_of(None, found, k)
        passage = None
        if ahead is not None:
            rows, passage = passage_between(ahead, system, rows)
            go_on()
        diverged = outcomes.count("diverged")
        undecided = k - outcomes.count("settled") - diverged
        self.looks.append(_Seen(len(self.looks), value, table(rows), passage, diverged, undecided))


def _assembled(looks: list[_Seen], n_starts: int, max_distance: float, interrupted: bool) -> BasinFractions:
    identities = match(looks, max_distance=max_distance)
    values = [look.value for look in looks]
    return BasinFractions(
        parameters=torch.tensor(values, dtype=torch.float64),
        sets=tuple(look.sets for look in looks),
        labels=identities.labels,
        diverged=torch.tensor([look.diverged for look in looks], dtype=torch.int64),
        undecided=torch.tensor([look.undecided for look in looks], dtype=torch.int64),
        n_starts=n_starts,
        count=len(identities),
        events=tuple(_event(event, values) for event in identities.events),
        interrupted=interrupted,
    )


def _event(event: Event, values: list[float]) -> LifeEvent:
    """An event between two looks as one between two values."""
    before, after = values[event.before], values[event.step]
    at = before + (event.at - event.before) * (after - before)
    return LifeEvent(event.kind, event.how, event.identity, event.partner, before, after, at)
