"""The settling of many starts: plain steps, and at each pause every kind of evidence that a row is done."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..progress import Progress
from ..stopping import stoppable
from ..systems import AutonomousMap
from .catching import Catcher
from .drifting import Drifter
from .moving import MovingOrbit
from .outcomes import Fate
from .periodic import Periodic
from .rows import ACTIVE, Limits, Rows
from .wandering import Wanderer

_PAUSES = (32, 32, 64, 128, 256)
"""Steps before each of the first pauses; 512 before each further one."""

_LATER = 512


_PARTS = 4
"""Parts in which as many plain steps again are taken, as long as rows come to attractors found late."""


@dataclass(frozen=True, eq=False)
class Settled:
    """What the settling leaves to be put together."""

    system: AutonomousMap
    limits: Limits
    rows: Rows
    cycles: list[Periodic]
    orbits: list[MovingOrbit]
    interrupted: bool


def settle(
    system: AutonomousMap,
    states: Tensor,
    limits: Limits,
    cycles: list[Periodic],
    orbits: list[MovingOrbit],
    bar: Progress,
) -> Settled:
    """Settle every row, or say why not; Ctrl-C keeps what has settled."""
    rows = Rows(states, limits)
    catcher = Catcher(system, rows, limits, cycles)
    drifter = Drifter(system, rows, limits, catcher)
    wanderer = Wanderer(system, rows, limits, catcher, orbits)
    pauses = list(_PAUSES)

    def advance(steps: int, end: int) -> bool:
        """Move active rows on and look for those that are done; returns whether this was the last time."""
        stretch = rows.advance(system, steps)
        last = rows.done >= end
        catcher.catch()
        catcher.catch_at_points(stretch)
        catcher.catch_on_cycles(stretch)
        drifter.follow(last)
        return last

    with stoppable() as stop:
        catcher.catch()
        while len(rows.active) and rows.done < limits.max_steps:
            steps = min(pauses.pop(0) if pauses else _LATER, limits.max_steps - rows.done)
            wanderer.look(advance(steps, limits.max_steps))
            bar.to(int((rows.fates != ACTIVE).sum()))
        _come_in(rows, wanderer, advance, limits.max_steps)
        rows.conclude()
        if wanderer.confirm():
            end = rows.done + limits.max_steps
            while len(rows.active) and rows.done < end:
                advance(_LATER, end)
            rows.conclude()
    if stop:
        rows.fates[rows.active] = Fate.INTERRUPTED
    return Settled(system, limits, rows, cycles, orbits, bool(stop))


def _come_in(rows: Rows, wanderer: Wanderer, advance: Callable[[int, int], bool], max_steps: int) -> None:
    """Let rows that are on their way to a moving attractor come to it."""
    if not (len(rows.active) and wanderer.orbits):
        return
    coming = wanderer.match()[rows.active]
    for _ in range(_PARTS):
        if not coming.any():
            return
        end = rows.done + max(1, max_steps // _PARTS)
        while len(rows.active) and rows.done < end:
            advance(min(_LATER, end - rows.done), end)
        coming = wanderer.match()[rows.active]
    if len(rows.active):
        # In a gap between samples, as nearly resonant circles leave them, a row may be near for ever and never on it.
        wanderer.look(last=True, every=True)
