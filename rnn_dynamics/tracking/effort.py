"""How much a tracker spends on a look."""

from dataclasses import dataclass, field
from typing import Annotated

from ..attractors import Settle
from ..checks import AtLeast, Count, checked


@checked
@dataclass(frozen=True)
class Effort:
    """How much an ``AttractorTracker`` spends on each look.

    Args:
        n: states for VAA and for the true count; 32 as published.
        horizon: steps M of the published VAA; 10,000 as published.
        settle: how the same states are settled.
        fixed_points: whether fixed points that attract nothing are searched for too. Without them the cost is that of
            the attractors alone.
        searched: states that the first search for fixed points starts from; later ones start from what was there
            before and an eighth of this.
        searches_between: at how many steps between two looks, evenly spaced among those whose weights are known, fixed
            points are searched for again. A pair that is born and dies away from all that is known at both is seen if
            it lives through one of them: with 3, if it lives for a quarter of the time between. Each costs a tenth of a
            look (measured on 32 units).
        most_points: once there are more fixed points than this, only attractors are kept and followed from then on:
            cells such as nBRC have thousands of saddles.

    Raises:
        ValueError: for a number out of range.
    """

    n: Annotated[int, AtLeast(2)] = 32
    horizon: Annotated[int, AtLeast(0)] = 10_000
    settle: Settle = field(default_factory=Settle)
    fixed_points: bool = True
    searched: Annotated[int, AtLeast(8)] = 512
    searches_between: Annotated[int, AtLeast(0)] = 3
    most_points: Count = 200
