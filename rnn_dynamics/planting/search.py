"""Settings for the user's own sequences: few that are tried, and those that reach most attractors."""

from collections.abc import Callable
from dataclasses import replace

from ..multistability import Reachability
from ..progress import Progress
from .design import Settings

_SCALES = (0.2, 0.05, 0.1, 0.4, 0.8)
"""Input scales that are tried, the first where there is no doubt."""

_SHARES = (1, 2, 4, 8)
"""Units of a block, of the numbers of blocks that are tried."""

Tried = tuple[tuple[int, float, float], ...]


def search(
    reached: Callable[[Settings], Reachability],
    first: Settings,
    units: int | None,
    over_scales: bool,
    progress: bool | None,
) -> tuple[Settings, Tried]:
    """The settings under which most attractors are reached, and what was tried: blocks, input scale, attractors.

    First over input scales with the number of blocks of ``first``, then over other numbers for so many units, None if
    there is no choice, at the best scale. Of equals the first. On Ctrl-C the best so far.
    """
    scaled = [replace(first, input_scale=scale) for scale in _SCALES] if over_scales else [first]
    numbers = [] if units is None else [units // share for share in _SHARES if units // share not in (0, first.blocks)]
    if len(scaled) + len(numbers) == 1:
        return first, ()
    counts: dict[Settings, float] = {}

    def best() -> Settings:
        return max(counts, key=lambda candidate: counts[candidate])

    with Progress("searching settings", progress, total=len(scaled) + len(numbers), unit="setting") as bar:
        for candidate in scaled:
            reach = reached(candidate)
            counts[candidate] = reach.count
            bar.update()
            if reach.interrupted:
                return best(), _told(counts)
        for blocks in dict.fromkeys(numbers):
            candidate = replace(best(), blocks=blocks)
            reach = reached(candidate)
            counts[candidate] = reach.count
            bar.update()
            if reach.interrupted:
                break
    return best(), _told(counts)


def _told(counts: dict[Settings, float]) -> Tried:
    return tuple((one.blocks or 0, one.input_scale, count) for one, count in counts.items())
