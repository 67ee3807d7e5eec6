"""Branches and bifurcation diagrams: what is stable, what is not, and where that changes."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from ..bifurcations import BifurcationCurve, BifurcationDiagram, Branch, MultistabilityMap, Observable, Section
from ..checks import CheckedInside, checked
from ..timeline import TrainingBifurcations
from . import style
from .branch_curves import height_of
from .diagrams import (
    bounded,
    branch_handles,
    draw_branches,
    draw_continua,
    draw_exponents,
    draw_gaps,
    draw_moduli,
    draw_sections,
)
from .special_points import draw_marks, label_marks, marks_of
from .timeline import draw_timeline
from .two_parameter import draw_two_parameters

Result: TypeAlias = Branch | BifurcationDiagram | TrainingBifurcations | BifurcationCurve | MultistabilityMap

_MAIN, _PANEL = 3.0, 1.15
"""Inches: the height of a diagram alone, and what each panel below adds."""

_LINE = 54
"""Letters, with room for its symbol 6 for each entry, of a legend in one line."""


@checked
def plot_bifurcations(
    result: Annotated[Result | Sequence[Result], CheckedInside()],
    ax: Annotated[Axes | Sequence[Axes] | None, CheckedInside()] = None,
    *,
    observable: Annotated[Observable | Literal["norm"] | None, CheckedInside()] = None,
    eigenvalues: bool = False,
    labels: bool = True,
    legend: bool = True,
    cycles: bool = True,
    sections: bool = True,
    parameter: str | tuple[str, str] = "parameter",
    observable_label: str | None = None,
) -> Axes | list[Axes]:
    """Draw branches over their parameter, solid where stable and dashed where not, with all their special points.

    Between rows the states [n] follow Hermite's cubics through the branch's tangents, so that folds are round. Special
    points are triangles (folds), squares (branch points), diamonds (flips), circles (Neimark-Sacker) and crosses
    (border collisions), filled if supercritical, white if subcritical or not judged; folds and border collisions, which
    are neither, are filled. Fixed points are blue, cycles ochre, all phases of each.

    Of a diagram the sampled attractors are dots, with their largest Lyapunov exponents in a panel below, where that of
    a stable branch of period k, ln(max |lambda|) / k, is a line. Fixed points that no branch passes are crosses, and
    where the index sum shows that a branch is missing the ground is grey.

    Lines, rings and sheets of fixed points are bands, from their least to their greatest height, darker and with solid
    edges where they attract all along.

    Curves over two parameters, a map of multistability, or a sequence of both, are drawn in the plane of the two: see
    ``draw_two_parameters``. A training's bifurcations are drawn as a timeline: see ``draw_timeline``.

    Args:
        result: of ``continue_fixed_point``, several of them, of ``bifurcation_diagram`` or ``training_bifurcations``;
            of ``continue_bifurcation`` and ``multistability_map``, one or several.
        ax: where to draw: one axis for the diagram alone, or one for each panel; by default a new figure, one column
            wide (85 mm).
        observable: what is drawn of a state: a unit's number; a function of states [k, n] -> [k]; "norm", |h|; by
            default the unit if there is only one, else the first principal component of all that is drawn.
        eigenvalues: whether a panel below shows the three leading moduli |lambda| of each row of each branch.
        labels: whether LP, BP, PD, NS and BC stand beside the markers; left out where they would be more than 14.
        legend: whether to add the legend, which stands above the axis.
        cycles: whether branches of cycles are drawn.
        sections: whether sampled attractors and their exponents are drawn.
        parameter: the name of the parameter, below the lowest panel; of two, both names.
        observable_label: what the upper axis shows; follows from ``observable`` by default.

    Returns:
        The axis, or the list of axes from top to bottom if there are several; their ``figure`` is what
        ``save_figure`` takes.

    Raises:
        ValueError: for another result, one with nothing to draw, branches of different sizes, an unknown observable,
            or axes that are not as many as the panels.
    """
    if isinstance(result, TrainingBifurcations):
        place = torch.linalg.vector_norm if observable == "norm" else observable
        return draw_timeline(result, None if isinstance(ax, Axes) else ax, observable=place, legend=legend)
    plane = _in_the_plane(result)
    if plane is not None:
        names = ("p", "q") if isinstance(parameter, str) else parameter
        own = ax if ax is None or isinstance(ax, Axes) else ax[0]
        return draw_two_parameters(own, *plane, labels=labels, legend=legend, names=names)
    branches, sampled = _parts(result, cycles, sections)
    continua = list(result.continua) if isinstance(result, BifurcationDiagram) else []
    height, label = height_of(
        branches, [*sampled, *(each for branch in continua for each in branch.continua)], observable
    )
    alone = isinstance(ax, Axes) and not eigenvalues  # one axis given: the diagram without its exponents
    axes = _axes(ax, 1 + eigenvalues + (bool(sampled) and not alone))
    low, high = _range(result, branches, sampled)
    main = axes[0]
    with style.styled():
        handles: list[Artist] = branch_handles(branches)
        bands = draw_continua(main, continua, height)
        curves = draw_branches(main, branches, height)
        entries, dots = draw_sections(main, sampled, height)
        lacks = draw_gaps(main, result, height) if isinstance(result, BifurcationDiagram) else []
        main.autoscale_view()
        bottom, top = main.get_ylim()
        marks = marks_of(branches, height, (high - low, top - bottom))
        bounded(main, branches, curves, [mark.y for mark in marks])
        handles += [*draw_marks(main, marks), *bands, *entries, *lacks]
        main.set_ylabel(label if observable_label is None else observable_label)
        if eigenvalues:
            draw_moduli(axes[1], branches)
        if sampled and not alone:
            draw_exponents(axes[-1], branches, sampled)
        margin = 0.03 * (high - low) or 0.5
        for panel in axes:
            panel.set_xlim(low - margin, high + margin)
        for panel in axes[:-1]:
            panel.tick_params(labelbottom=False)
        axes[-1].set_xlabel(parameter if isinstance(parameter, str) else parameter[0])
        if legend:
            _add_legend(main, handles)
        if labels:
            label_marks(main, marks, curves, dots)
    return axes if len(axes) > 1 else main


def _in_the_plane(result: object) -> tuple[list[BifurcationCurve], MultistabilityMap | None] | None:
    """The curves and the map of a picture of two parameters; None where it is none."""
    parts = [result] if isinstance(result, BifurcationCurve | MultistabilityMap) else result
    if not isinstance(parts, Sequence) or not len(parts):
        return None
    if not all(isinstance(part, BifurcationCurve | MultistabilityMap) for part in parts):
        return None
    maps = [part for part in parts if isinstance(part, MultistabilityMap)]
    if len(maps) > 1:
        raise ValueError(f"result must hold one MultistabilityMap at most, got {len(maps)}")
    return [part for part in parts if isinstance(part, BifurcationCurve)], maps[0] if maps else None


def _parts(result: object, cycles: bool, sections: bool) -> tuple[list[Branch], list[Section]]:
    """The branches and sections to draw, or ValueError."""
    if isinstance(result, BifurcationDiagram):
        branches, sampled = list(result.branches), list(result.sections) if sections else []
    elif isinstance(result, Branch):
        branches, sampled = [result], []
    elif isinstance(result, Sequence) and all(isinstance(branch, Branch) for branch in result):
        branches, sampled = list(result), []
    else:
        what = type(result).__name__
        if isinstance(result, Sequence) and not isinstance(result, str):
            what += f" of {', '.join(sorted({type(part).__name__ for part in result}))}"
        raise ValueError(f"result must be a Branch, a sequence of them or a BifurcationDiagram, got {what}")
    branches = [branch for branch in branches if len(branch) and (cycles or branch.period == 1)]
    continua = result.continua if isinstance(result, BifurcationDiagram) else ()
    if not branches and not sampled and not continua:
        raise ValueError("result has nothing to draw: no branch with a row" + ("" if cycles else " and period 1"))
    sizes = {part.states.shape[-1] for part in (*branches, *sampled)}
    if len(sizes) > 1:
        raise ValueError(f"all branches must be of states of one size, got {sorted(sizes)}")
    return branches, sampled


def _axes(ax: Axes | Sequence[Axes] | None, count: int) -> list[Axes]:
    """The caller's axes if they are as many as the panels, or a new page of them."""
    if ax is None:
        return [style.axis_for(None, dimensions=2)] if count == 1 else _page(count)
    given: list[Any] = list(ax) if isinstance(ax, Sequence | np.ndarray) and not isinstance(ax, str) else [ax]
    if len(given) != count:
        raise ValueError(f"ax must be as many axes as there are panels, {count}, got {len(given)}")
    return [style.axis_for(each, dimensions=2) for each in given]


def _page(count: int) -> list[Axes]:
    height = _MAIN + _PANEL * (count - 1)
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[1], height), layout="constrained")
        axes = list(figure.subplots(count, 1, sharex=True, height_ratios=[2.2] + [1.0] * (count - 1)))
        for ax in axes:
            style.dress(ax)
        figure.align_ylabels(axes)
    return axes


def _add_legend(ax: Axes, handles: list[Artist]) -> None:
    """In one line if it fits, else in two columns, the long entries in one: a journal's column has no room for two."""
    letters = [len(str(handle.get_label())) for handle in handles]
    if sum(letters) + 6 * len(handles) <= _LINE:
        style.add_legend(ax, handles, columns=len(handles))
        return
    by_length = sorted(range(len(handles)), key=letters.__getitem__)
    short = set(by_length[: (len(handles) + 1) // 2])
    ordered = [handles[i] for i in sorted(range(len(handles)), key=lambda i: i not in short)]
    style.add_legend(ax, ordered, columns=2)


def _range(result: object, branches: Sequence[Branch], sampled: Sequence[Section]) -> tuple[float, float]:
    """The parameters to show: a diagram's whole span, of branches what they pass."""
    if isinstance(result, BifurcationDiagram):
        return min(result.span), max(result.span)
    ends = [float(end) for branch in branches for end in (branch.parameters.min(), branch.parameters.max())]
    ends += [section.parameter for section in sampled]
    return min(ends), max(ends)
