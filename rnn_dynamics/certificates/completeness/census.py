"""All fixed points of a map, proved to be all: none elsewhere."""

import torch

from ...checks import ArrayLike, Count, checked
from ...progress import shown
from ...systems import AutonomousMap
from .results import FixedPointCensus
from .rows import Within


@checked
@torch.no_grad()
@shown("boxes", unit="box")
def all_fixed_points(
    system: AutonomousMap,
    found: ArrayLike | None = None,
    *,
    within: Within | None = None,
    budget: Count | None = None,
    progress: bool | None = None,  # noqa: ARG001
) -> FixedPointCensus:
    """Every fixed point of a small map, proved to be every one.

    A box that holds all fixed points of R^n is had by F itself: they lie in F(R^n), in F(F(R^n)) and so on, and tanh
    and logistic gates make one of these bounded. It is cut into boxes; each is contracted by X := X and F(X) and the
    interval Newton test until it is empty or holds exactly one fixed point, which Krawczyk's operator proves
    (``search``). Gates are removed first, and a low-rank network is searched in the space of its rank: both have the
    very same fixed points. Arithmetic is rounded outward throughout, and the weights are the binary numbers that they
    are: a census that is ``complete`` is a theorem on the map h -> F(h) of real numbers.

    Degenerate fixed points, where DF has an eigenvalue 1, cannot be told by such a test: the boxes round them are left
    as ``undecided`` regions, as is what the budget did not reach.

    Args:
        system: the map, for example ``network.hold(input)``; of up to about six dimensions, or ranks.
        found: [k, n], the states of a search, to be told which fixed points it missed (``missed``).
        within: (lower, upper), each [n] or a number: only fixed points in this box are asked for. By default all are.
            Of a low-rank network the states that are searched are those of its rank space.
        budget: boxes to look at, at most; 100,000 by default, 2,000 beyond six dimensions.
        progress: whether to show a bar.

    Returns:
        A row for each fixed point, with a box in which it is the only one.

    Raises:
        ValueError: for bounds that are no box.
    """
    from .counting import counted  # which brings python-flint

    return counted(FixedPointCensus, system, found, within, budget)
