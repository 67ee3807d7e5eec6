"""``plot_diagram``: all branches of a bifurcation diagram, its sampled attractors, and what it lacks."""

from collections.abc import Sequence
from typing import Annotated, Literal

from matplotlib.axes import Axes

from ..bifurcations import BifurcationDiagram, Observable
from ..certificates import BranchCertificates
from ..checks import ArgumentError, CheckedInside, checked
from .bifurcation_page import Contents, draw_page
from .proved import proved_points


@checked
def plot_diagram(
    diagram: Annotated[BifurcationDiagram, CheckedInside()],
    ax: Annotated[Axes | Sequence[Axes] | None, CheckedInside()] = None,
    *,
    observable: Annotated[Observable | Literal["norm"] | None, CheckedInside()] = None,
    eigenvalues: bool = False,
    cycles: bool = True,
    sections: bool = True,
    labels: bool = True,
    legend: bool = True,
    parameter: str = "parameter",
    observable_label: str | None = None,
    certificates: Annotated[Sequence[BranchCertificates] | None, CheckedInside()] = None,
) -> list[Axes]:
    """Draw the branches of a diagram as ``plot_branches`` does, and what was found besides.

    Sampled attractors are dots, with their largest Lyapunov exponents in a panel below, where that of a stable branch
    of period k, ln(max |lambda|) / k, is a line. Fixed points that no branch passes are crosses, and where the index
    sum shows that a branch is missing the ground is grey. Lines, rings and sheets of fixed points are bands, from their
    least to their greatest height, darker and with solid edges where they attract all along.

    Args:
        diagram: of ``bifurcation_diagram``.
        ax: where to draw: one axis for the diagram alone, or one for each panel; by default a new figure, one column
            wide (85 mm).
        observable, eigenvalues, labels, legend, parameter, observable_label: as in ``plot_branches``.
        cycles: whether branches of cycles are drawn.
        sections: whether sampled attractors and their exponents are drawn.
        certificates: proofs by ``certify``, one for each branch: a white dot marks each special point that is proved.

    Returns:
        The panels' axes from top to bottom.

    Raises:
        ValueError: for another result, nothing to draw, an unknown observable, or axes that are not as many as the
            panels.
    """
    if not isinstance(diagram, BifurcationDiagram):
        raise ArgumentError("diagram", f"must be that of bifurcation_diagram, got {type(diagram).__name__}")
    branches = [branch for branch in diagram.branches if len(branch) and (cycles or branch.period == 1)]
    sampled = diagram.sections if sections else ()
    if not branches and not sampled and not diagram.continua:
        raise ValueError("diagram has nothing to draw: no branch with a row" + ("" if cycles else " and period 1"))
    proved = proved_points(diagram.branches, certificates)
    return draw_page(
        Contents(branches, (min(diagram.span), max(diagram.span)), sampled, diagram.continua, diagram, proved),
        ax,
        observable=observable,
        eigenvalues=eigenvalues,
        labels=labels,
        legend=legend,
        parameter=parameter,
        observable_label=observable_label,
    )
