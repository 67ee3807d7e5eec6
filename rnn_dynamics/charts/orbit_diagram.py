"""``orbit_diagram``: settled orbits and their exponents, densely over one parameter."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import torch
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, AtLeast, Count, checked, require_positive
from ..families import Family, Span, input_rows
from ..progress import Progress
from ..stopping import go_on, stoppable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, InputFamily, units_of
from .orbit_results import OrbitDiagram
from .orbits import rows_within, watched
from .watch import Watch

_MOST_ROWS = 4096
"""Orbits in a batch."""


@checked
@torch.no_grad()
def orbit_diagram(
    family: Family,
    starts: ArrayLike,
    span: Sequence[float],
    *,
    resolution: Annotated[int, AtLeast(2)] = 600,
    samples: Count = 200,
    coordinate: Annotated[int, AtLeast(0)] = 0,
    watch: Watch | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> OrbitDiagram:
    """Follow the orbits of the same starts at many values of a parameter, and keep where they are once settled.

    The orbits of all values go on side by side where the parameter is an input (``network.input_family``); of any other
    family one value comes after the other. Unstable branches are not seen: ``bifurcation_diagram`` has them.

    Args:
        family: t -> map.
        starts: [k, n], the same at every value; several show attractors beside each other.
        span: two ends of the parameter, between which the values lie evenly; rising or falling.
        resolution: values over the span, its ends included.
        samples: successive states that are kept of each orbit.
        coordinate: which coordinate of them is kept.
        watch: how long orbits are watched, and by which tolerances.
        memory_budget: bytes for derivatives at a time.
        seed: of tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row for each value; Ctrl-C ends it early and keeps the values that are done.

    Raises:
        ValueError: for starts that do not fit, a span that is no span, or a coordinate that the states do not have.
    """
    ends = [float(value) for value in span]
    if len(ends) != 2 or ends[0] == ends[1] or not all(map(torch.isfinite, torch.tensor(ends))):
        raise ArgumentError("span", f"must be two different finite numbers, got {list(span)[:12]}")
    require_positive(memory_budget=memory_budget)
    watch = watch or Watch()
    system = Span(family, ends[0], ends[1]).system(0.0)
    states = system.as_states(starts, "starts")
    watch.lengths(system.state_size)
    if coordinate >= system.state_size:
        raise ArgumentError("coordinate", f"must be below {system.state_size}, got {coordinate}")
    values = torch.linspace(ends[0], ends[1], resolution, dtype=torch.float64)
    units, k = units_of(system, states), len(states)
    result = _blank(values, k, samples, coordinate, system.notes)
    batched = isinstance(family, InputFamily)
    size = max(1, min(_MOST_ROWS, rows_within(system, memory_budget)) // k) if batched else 1
    with stoppable() as stop, Progress("orbits", progress, total=resolution, unit="value") as bar:
        for rows in torch.arange(resolution).split(size):
            own = _maps(family, values[rows], k)
            orbits = watched(own, states.repeat(len(rows), 1), watch, units, memory_budget=memory_budget, seed=seed)
            kept = _kept(own, orbits.tails.to(states), samples, coordinate)
            go_on()
            for name in ("conducts", "periods", "exponents", "errors"):
                getattr(result, name)[rows] = getattr(orbits, name).view(-1, k)
            result.samples[rows] = kept.view(-1, k, samples)
            bar.update(len(rows))
    return replace(result, interrupted=bool(stop))


def _maps(family: Family, values: Tensor, k: int) -> AutonomousMap:
    if isinstance(family, InputFamily):
        return input_rows(family, values.repeat_interleave(k))
    return Span(family, float(values[0]), float(values[0])).system(0.0)


def _kept(system: AutonomousMap, tails: Tensor, samples: int, coordinate: int) -> Tensor:
    """A coordinate of so many states, [r, samples]: of the last that were seen, and on from there."""
    kept = list(tails.unbind(dim=1))[:samples]
    while len(kept) < samples:
        kept.append(system(kept[-1]))
    return torch.stack([state[:, coordinate] for state in kept], dim=1).cpu().double()


def _blank(values: Tensor, k: int, samples: int, coordinate: int, notes: tuple[str, ...]) -> OrbitDiagram:
    p = len(values)
    return OrbitDiagram(
        parameters=values,
        samples=torch.full((p, k, samples), torch.nan, dtype=torch.float64),
        conducts=torch.full((p, k), -1),
        periods=torch.zeros((p, k), dtype=torch.int64),
        exponents=torch.full((p, k), torch.nan, dtype=torch.float64),
        errors=torch.full((p, k), torch.nan, dtype=torch.float64),
        coordinate=coordinate,
        notes=notes,
    )
