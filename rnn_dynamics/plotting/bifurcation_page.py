"""The page that branches and diagrams share: the curves, and panels of moduli and exponents below."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from ..bifurcations import BifurcationDiagram, Branch, ContinuumBranch, Observable, Section
from ..checks import ArgumentError
from . import pages, style
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
from .names import write_names
from .proved import draw_proved_points
from .special_points import draw_marks, marks_of

_MAIN, _PANEL = 3.0, 1.15
"""Inches: the height of a diagram alone, and what each panel below adds."""

_LINE = 54
"""Letters, with room for its symbol 6 for each entry, of a legend in one line."""


@dataclass(frozen=True, eq=False)
class Contents:
    """What is drawn, over which parameters."""

    branches: Sequence[Branch]
    span: tuple[float, float]
    sections: Sequence[Section] = ()
    continua: Sequence[ContinuumBranch] = ()
    diagram: BifurcationDiagram | None = None
    """Whose gaps are shown."""

    proved: set[int] | None = None
    """Identities of the special points that are proved; None where nothing was to be."""

    def __post_init__(self) -> None:
        sizes = {part.states.shape[-1] for part in (*self.branches, *self.sections)}
        if len(sizes) > 1:
            raise ValueError(f"all branches must be of states of one size, got {sorted(sizes)}")


def draw_page(
    contents: Contents,
    ax: Axes | Sequence[Axes] | None,
    *,
    observable: Observable | Literal["norm"] | None,
    eigenvalues: bool,
    labels: bool,
    legend: bool,
    parameter: str,
    observable_label: str | None,
) -> list[Axes]:
    """Draw the curves, and below them the panels; returns the axes from top to bottom."""
    branches, sampled, continua = contents.branches, contents.sections, contents.continua
    every = [*sampled, *(each for branch in continua for each in branch.continua)]
    height, label = height_of(branches, every, observable)
    alone = isinstance(ax, Axes) and not eigenvalues  # one axis given: the curves without the exponents
    axes = _axes(ax, 1 + eigenvalues + (bool(sampled) and not alone))
    low, high = contents.span
    main = axes[0]
    with style.styled():
        handles: list[Artist] = branch_handles(branches)
        bands = draw_continua(main, continua, height)
        curves = draw_branches(main, branches, height)
        entries, dots = draw_sections(main, sampled, height)
        lacks = [] if contents.diagram is None else draw_gaps(main, contents.diagram, height)
        main.autoscale_view()
        bottom, top = main.get_ylim()
        marks = marks_of(branches, height, (high - low, top - bottom))
        bounded(main, branches, curves, [mark.y for mark in marks])
        handles += [*draw_marks(main, marks), *draw_proved_points(main, marks, contents.proved)]
        handles += [*bands, *entries, *lacks]
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
        axes[-1].set_xlabel(parameter)
        if legend:
            _add_legend(main, handles)
        if labels:
            write_names(main, [mark.name for mark in marks], curves, dots)
    return axes


def _axes(ax: Axes | Sequence[Axes] | None, count: int) -> list[Axes]:
    """The caller's axes if they are as many as the panels, or a new page of them."""
    if ax is None:
        return [style.axis_for(None, dimensions=2)] if count == 1 else _page(count)
    given: list[Any] = list(ax) if isinstance(ax, Sequence | np.ndarray) and not isinstance(ax, str) else [ax]
    if len(given) != count:
        raise ArgumentError("ax", f"must be as many axes as there are panels, {count}, got {len(given)}")
    return [style.axis_for(each, dimensions=2) for each in given]


def _page(count: int) -> list[Axes]:
    axes = pages.stacked(_MAIN + _PANEL * (count - 1), [2.2] + [1.0] * (count - 1), columns=1)
    axes[0].figure.align_ylabels(axes)
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
