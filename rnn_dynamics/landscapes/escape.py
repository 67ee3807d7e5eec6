"""``escape_times``: noise drives states out of their basins."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from ..attractors import Attractors, Settle
from ..checks import ArgumentError, Count, checked
from ..progress import Progress
from ..stopping import stoppable
from ..systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, HeldMap, require_system
from .escape_results import EscapeTimes
from .places import require_attractors
from .sides import AWAY, UNDECIDED, Sides, left, references

Noisy = Callable[[Tensor, Tensor], Tensor]
"""From states [k, n] and standard normal numbers [k, d] to the next states."""

_LOOKS = 4096
"""States that are settled at a time: trials run on while so many are gathered, since few settle as slowly as many."""


@checked
@torch.no_grad()
def escape_times(
    system: AutonomousMap,
    found: Attractors,
    noise: float | Sequence[float],
    *,
    noise_in: Literal["state", "input"] = "state",
    trials: Count = 128,
    max_steps: Count = 10_000,
    every: Count = 1,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> EscapeTimes:
    """Measure mean first-passage times out of each basin, and transition rates, under noise.

    Trials h' = F(h) + noise xi (or F(h, x + noise xi)), xi standard normal in every coordinate, begin on each attractor
    and run side by side. Every ``every`` steps the state is let go without noise: once it would lead to another
    attractor, or beyond every bound, the trial has left.

    Args:
        system: the map; for noise in the input one that holds an input.
        found: its attractors.
        noise: one standard deviation, or several, from which the barrier of the quasipotential is told.
        noise_in: "state" or "input": what the noise is added to.
        trials: of each attractor at each level.
        max_steps: of each trial; those that have not left by then count with their time.
        every: steps between two looks; with more, the work falls as ``every`` rises, and a passage that comes back
            between two looks is not seen. Times are those of the looks, late by ``every`` / 2 on average.
        settle: how states settle at a look, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of the noise.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        A row an attractor. Ctrl-C ends it early and keeps the steps that were taken.

    Raises:
        ValueError: for noise that is not positive, attractors of another map or none, and noise in the input of a map
            that holds none.

    Source: Freidlin and Wentzell 2012, doi:10.1007/978-3-642-25847-3.
    """
    require_system(system)
    levels = [float(level) for level in (noise if isinstance(noise, Sequence) else [noise])]
    if not levels or not all(0 < level < float("inf") for level in levels):
        raise ArgumentError("noise", f"must be positive and finite, got {noise}")
    require_attractors(system, found, "leave")
    step, width = _step(system, noise_in)
    sides = Sides(system, found, settle, memory_budget, seed)
    generator = torch.Generator().manual_seed(seed)
    a, s = len(found), len(levels)
    escapes: list[tuple[int, int, int]] = []
    exposures, undecided = (torch.zeros(a, s, dtype=torch.int64) for _ in range(2))
    with stoppable() as stop, Progress("escapes", progress, total=a * s * trials, unit="trial") as bar:
        rows = torch.arange(a).repeat_interleave(s * trials)
        level = torch.arange(s).repeat_interleave(trials).repeat(a)
        sizes = torch.tensor(levels, dtype=torch.float64)[level]
        begins = [references(found, row, trials) for row in range(a)]
        states = torch.cat([begin[torch.arange(s * trials) % len(begin)] for begin in begins])
        states = states.to(dtype=system.dtype, device=system.device)
        time = begun = 0
        while time < max_steps and len(states):
            ways, times = [], []
            while time < max_steps and (len(ways) + 1) * len(states) <= max(_LOOKS, len(states)):
                for _ in range(min(every, max_steps - time)):
                    drawn = sizes[:, None] * torch.randn(len(states), width, generator=generator, dtype=torch.float64)
                    states = step(states, drawn.to(states))
                    time += 1
                ways.append(states)
                times.append(time)
            seen = sides(torch.cat(ways)).view(len(ways), -1)
            gone = left(seen, rows)
            # The look at which each left: the last of the block for those that did not, which then go on from there.
            look = torch.where(gone.any(dim=0), gone.long().argmax(dim=0), len(ways) - 1)
            spent = torch.tensor(times)[look] - begun
            before = torch.arange(len(ways))[:, None] <= look
            cells = rows * s + level
            exposures.view(-1).index_add_(0, cells, spent)
            undecided.view(-1).index_add_(0, cells, ((seen == UNDECIDED) & before).sum(dim=0))
            out = gone.any(dim=0)
            ends = seen[look, torch.arange(len(rows))]
            escapes += zip(rows[out].tolist(), level[out].tolist(), ends[out].tolist(), strict=True)
            bar.update(int(out.sum()))
            begun, stay = time, ~out
            rows, level, sizes, states = rows[stay], level[stay], sizes[stay], states[stay.to(states.device)]
    return EscapeTimes(
        kinds=tuple(str(kind) for kind in found.kinds),
        states=found.states.cpu(),
        escapes=_counted(escapes, a, s, len(sides.attractors)),
        exposures=exposures,
        undecided=undecided,
        noise=torch.tensor(levels, dtype=torch.float64),
        noise_in=noise_in,
        trials=trials,
        max_steps=max_steps,
        every=every,
        attractors=sides.attractors,
        notes=system.notes,
        interrupted=bool(stop),
    )


def _step(system: AutonomousMap, noise_in: str) -> tuple[Noisy, int]:
    """One noisy step, and how many normal numbers it takes."""
    if noise_in == "state":
        return lambda states, drawn: system(states) + drawn, system.state_size
    if not isinstance(system, HeldMap) or not len(system.input):
        raise ArgumentError("noise_in", "must be 'state': the system holds no input to which noise could be added")
    network, input = system.network, system.input
    return lambda states, drawn: network.step(states, input + drawn), len(input)


def _counted(escapes: list[tuple[int, int, int]], a: int, s: int, targets: int) -> Tensor:
    result = torch.zeros(a, s, targets + 1, dtype=torch.int64)
    for row, level, target in escapes:
        result[row, level, targets if target == AWAY else target] += 1
    return result
