"""``plot_branches``: where branches are stable, and where that changes."""

from collections.abc import Sequence
from typing import Annotated, Literal

from matplotlib.axes import Axes

from ..bifurcations import Branch, Observable
from ..checks import ArgumentError, CheckedInside, checked
from .bifurcation_page import Contents, draw_page


@checked
def plot_branches(
    branches: Annotated[Branch | Sequence[Branch], CheckedInside()],
    ax: Annotated[Axes | Sequence[Axes] | None, CheckedInside()] = None,
    *,
    observable: Annotated[Observable | Literal["norm"] | None, CheckedInside()] = None,
    eigenvalues: bool = False,
    labels: bool = True,
    legend: bool = True,
    parameter: str = "parameter",
    observable_label: str | None = None,
) -> list[Axes]:
    """Draw branches over their parameter, solid where stable and dashed where not, with all their special points.

    Between rows the states [n] follow Hermite's cubics through the branch's tangents, so that folds are round. Special
    points are triangles (folds), squares (branch points), diamonds (flips), circles (Neimark-Sacker) and crosses
    (border collisions), filled if supercritical, white if subcritical or not judged; folds and border collisions, which
    are neither, are filled. Fixed points are blue, cycles ochre and thinner, all phases of each.

    Args:
        branches: one of ``continue_fixed_point``, or several.
        ax: where to draw: as many axes as there are panels; by default a new figure, one column wide (85 mm).
        observable: what is drawn of a state: a unit's number; a function of states [k, n] -> [k]; "norm", |h|; by
            default the unit if there is only one, else the first principal component of all that is drawn.
        eigenvalues: whether a panel below shows the three leading moduli |lambda| of each row of each branch.
        labels: whether LP, BP, PD, NS and BC stand beside the markers; left out where they would be more than 14.
        legend: whether to add the legend, which stands above the axis.
        parameter: the name of the parameter, below the lowest panel.
        observable_label: what the upper axis shows; follows from ``observable`` by default.

    Returns:
        The panels' axes from top to bottom; their ``figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for other results, nothing to draw, branches of different sizes, an unknown observable, or axes
            that are not as many as the panels.
    """
    parts = [branches] if isinstance(branches, Branch) else branches
    if not isinstance(parts, Sequence) or isinstance(parts, str) or not all(isinstance(part, Branch) for part in parts):
        what = type(branches).__name__
        if isinstance(branches, Sequence) and not isinstance(branches, str):
            what += f" of {', '.join(sorted({type(part).__name__ for part in branches}))}"
        raise ArgumentError("branches", f"must be a Branch or a sequence of them, got {what}")
    drawn = [branch for branch in parts if len(branch)]
    if not drawn:
        raise ArgumentError("branches", "has nothing to draw: no branch with a row")
    ends = [float(end) for branch in drawn for end in (branch.parameters.min(), branch.parameters.max())]
    return draw_page(
        Contents(drawn, (min(ends), max(ends))),
        ax,
        observable=observable,
        eigenvalues=eigenvalues,
        labels=labels,
        legend=legend,
        parameter=parameter,
        observable_label=observable_label,
    )
