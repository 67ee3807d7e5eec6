"""Settings for the user's own sequences: few that are tried, and those that reach most attractors."""

from collections.abc import Callable
from dataclasses import replace

from ..multistability import Reachability
from ..progress import Progress
from .design import Settings

_SHARES = (1, 2, 4)
"""Units of a block, of the numbers of blocks that are tried."""

_SCALES = (0.1, 0.4, 0.05, 0.8)
"""Input scales that are tried beside the first."""

_ENOUGH = 7 / 8
"""Of the states, with attractors of their own: more is left to chance, and the search ends."""

Tried = tuple[tuple[int, float, float], ...]


def search(
    reached: Callable[[Settings], Reachability],
    first: Settings,
    units: int | None,
    over_scales: bool,
    progress: bool | None,
) -> tuple[Settings, Tried]:
    """Settings that reach most attractors, and what was tried: blocks, input scale, attractors.

    Over numbers of blocks for so many units, then over input scales with the best of them, until the attractors are
    7/8 of the states. Of what comes within one attractor of the most the earliest, since scales and blocks are tried in
    the order in which margins are wanted. On Ctrl-C the best so far.
    """
    counts: dict[Settings, float] = {}

    def best() -> Settings:
        return next(one for one, count in counts.items() if count >= max(counts.values()) - 1)

    numbers = [] if units is None else [units // share for share in _SHARES if units // share]
    scales = _SCALES if over_scales else ()
    with Progress("searching settings", progress, total=1 + len(numbers) + len(scales), unit="setting") as bar:
        for change in ({}, *({"blocks": number} for number in numbers), *({"input_scale": scale} for scale in scales)):
            candidate = replace(best() if "input_scale" in change else first, **change)
            if candidate in counts:
                continue
            if not numbers and not scales:
                return candidate, ()
            reach = reached(candidate)
            counts[candidate] = reach.count
            bar.update()
            if reach.interrupted or reach.count >= _ENOUGH * reach.n:
                break
    return best(), tuple((one.blocks or 0, one.input_scale, count) for one, count in counts.items())
