"""The one place for the look of figures: sizes, fonts, colours, legends, and how a figure is made."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.projections import get_projection_names
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D

from ..checks import ArgumentError, Told, checked, worded

COLUMN_WIDTHS = {1: 3.35, 2: 6.93}
"""Inches: 85 mm and 176 mm, what most journals give a figure of one column and of two."""

BLACK, GREY, LIGHT_GREY, PALE_GREY = "#000000", "#666666", "#c8c8c8", "#e4e4e4"
"""Ink: what bears no meaning of its own, such as a loss, a closed form or a limit."""

BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
ORANGE, VERMILLION, PURPLE = "#E69F00", "#D55E00", "#CC79A7"
"""Okabe and Ito's palette, which colour-blind readers can tell apart; each has one meaning, of those below."""

COLORS_OF: dict[str, str] = {
    # What is there; tints of these fill the markers.
    "fixed point": BLUE,
    "saddle, 1 unstable": "#A86F00",
    "saddle, 2 unstable": "#00704F",
    "saddle, 3 unstable": "#9C3F74",
    "unstable fixed point": "#7A1F1F",
    "marginal fixed point": "#F0E442",
    "continuum": SKY,
    "cycle": "#6B7A00",
    "circle": "#D81B7A",
    "torus": "#5E3C99",
    "chaotic": "#7A4A1E",
    # How many there are.
    "claimed": VERMILLION,
    "reached": GREEN,
    # What orbits nearby do: unstable manifolds and exponents above zero, stable ones and exponents below it.
    "expanding": "#E8112D",
    "contracting": "#2A4FE0",
    # What happens as a parameter moves.
    "fold": "#B5124F",
    "pitchfork": "#C2A000",
    "transcritical": "#8FBF3B",
    "flip": "#8A6BBE",
    "Neimark-Sacker": "#1B8A8F",
    # How a training begins.
    "plain": BLACK,
    "warmed up": ORANGE,
    "planted": "#0A5C8C",
    "planted and refined": "#A59BD6",
    "two cells": PURPLE,
}
"""One colour, one meaning, in all figures. Shape, filling or dashes tell the same."""

_QUALITATIVE = ("#332288", "#CC6677", "#44AA99", "#999933", "#AA4499", "#88CCEE", "#882255", "#DDCC77")
COLORS = len(_QUALITATIVE)
"""So many things can be told apart by ``qualitative`` colours: Tol's muted palette, whose colours mean nothing else."""

_DASHES = ("-", "--", ":", "-.")
"""Lines of things without an order, which tell neighbours apart without colour."""

THIN, THICK = 0.5, 1.0
"""Line widths in points; journals refuse lines thinner than 0.25."""

_LABEL, SMALL = 8, 7.2
"""Font sizes in points: superscripts are 0.7 times as high, and journals refuse letters below 5."""

_FONTS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")
"""What journals ask for; the third has the widths of the first two, the last comes with matplotlib."""

_NOTHING = ("no fixed points", "no attractors")
"""Entries that say that there is nothing, until there is something."""

_COUNT = re.compile(r"(.*) \((\d+)\)")
"""A label that ends in how many there are."""

worded(Axes, "one matplotlib Axes")

_THERE = set(fontManager.get_font_names())

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    # Those that are there, as matplotlib warns of others; what a font lacks, such as an arrow, is taken from the next.
    "font.sans-serif": [name for name in _FONTS if name in _THERE],
    # Letters of formulas in the font of the text. A notebook draws when this style is over, and matplotlib then asks
    # for a cursive font too, and warns where there is none: there formulas are in the font that comes with it.
    "mathtext.fontset": "custom" if _THERE & set(mpl.rcParamsDefault["font.cursive"]) else "dejavusans",
    "mathtext.rm": "sans",
    "mathtext.it": "sans:italic",
    "mathtext.bf": "sans:bold",
    "mathtext.cal": "sans",
    "font.size": _LABEL,
    "axes.labelsize": _LABEL,
    "axes.titlesize": _LABEL,
    "axes.linewidth": THIN,
    "axes.labelpad": 2.0,
    "axes3d.grid": True,
    "grid.color": PALE_GREY,
    "grid.linewidth": THIN,
    "hatch.linewidth": THIN,
    "legend.fontsize": SMALL,
    "figure.dpi": 150,  # a column is then a comfortable 500 pixels in a notebook
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "savefig.bbox": None,  # "tight" would change the width that the journal asked for
    "pdf.fonttype": 42,  # TrueType: text stays text, which journals demand
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "rnn_dynamics",  # identifiers drawn by chance would differ from file to file
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the house style; the caller's settings are back afterwards."""
    # Chosen inside, a notebook's backend would lose its interactive mode with the other settings, and show one figure.
    plt.draw_if_interactive()
    with mpl.rc_context(_STYLE):
        yield


@checked
def figure(
    columns: int = 1,
    height: Annotated[float, Told("a positive number of inches")] | None = None,
    projection: str | None = None,
) -> tuple[Figure, Axes]:
    """A figure of a journal's column width in the house style, and its one axis.

    Args:
        columns: 1 (85 mm) or 2 (176 mm).
        height: in inches; 0.9 of one column's width by default, room for a square plot and its legend.
        projection: None, or "3d" and the other names that matplotlib knows.

    Raises:
        ValueError: for another number of columns, or a height that is not positive.
    """
    if projection is not None and projection not in get_projection_names():
        raise ArgumentError(
            "projection", f"must be one of {', '.join(get_projection_names())}, got {projection[:60]!r}"
        )
    if columns not in COLUMN_WIDTHS:
        raise ArgumentError("columns", f"must be 1 or 2, got {columns}")
    height = 0.9 * COLUMN_WIDTHS[1] if height is None else height
    if not (height > 0 and math.isfinite(height)):
        raise ArgumentError("height", f"must be a positive number of inches, got {height}")
    with styled():
        result = plt.figure(figsize=(COLUMN_WIDTHS[columns], height), layout="constrained")
        ax = result.add_subplot(projection=projection)
        dress(ax)
    return result, ax


def axis_for(ax: Axes | None, dimensions: int) -> Axes:
    """The caller's axis if it fits, or a new one, in the house style."""
    if ax is None:
        return figure(projection="3d" if dimensions == 3 else None)[1]
    if not isinstance(ax, Axes):
        raise ArgumentError("ax", f"must be one matplotlib Axes, got {type(ax).__name__}")
    wanted = "3d" if dimensions == 3 else "rectilinear"
    if ax.name != wanted:
        raise ArgumentError(
            "ax", f"must fit: a {dimensions}-D plot needs an axis with projection {wanted!r}, got one with {ax.name!r}"
        )
    dress(ax)
    return ax


def dress(ax: Axes) -> None:
    """Give an axis, the caller's own too, the fonts and lines of the house."""
    # Ticks are made when they are first drawn, after the style has been put away, so theirs is set by hand.
    ax.tick_params(labelsize=SMALL, width=THIN, length=2.5, pad=2)
    for axis in _axes_of(ax):
        axis.label.set_fontsize(_LABEL)
        axis.set_major_locator(MaxNLocator(nbins=4 if isinstance(ax, Axes3D) else 7, steps=[1, 2, 5, 10]))
    for spine in ax.spines.values():
        spine.set_linewidth(THIN)
    if isinstance(ax, Axes3D):
        ax.tick_params(pad=-1)
        ax.computed_zorder = False  # whole classes would be sorted by depth, and segments end up above their points
        # A cube, as the ticks of a flat box overlap; at full zoom the names of the axes are cut off.
        ax.set_box_aspect((1, 1, 1), zoom=0.87)  # pyright: ignore[reportArgumentType]
        for axis in _axes_of(ax):
            axis.labelpad = -4
            axis.line.set_linewidth(THIN)
            axis.pane.set(facecolor="white", edgecolor=LIGHT_GREY)


def color_bar(ax: Axes, shown: ScalarMappable, label: str, ticks: Sequence[float] | None = None) -> None:
    """A bar as high as the axis that says what its colours mean."""
    flat = not isinstance(ax, Axes3D)
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    place = {"cax": ax.inset_axes((1.03, 0.0, 0.04, 1.0))} if flat else {"ax": ax, "shrink": 0.6, "pad": 0.12}
    bar = figure.colorbar(shown, ticks=ticks, **place)  # pyright: ignore[reportArgumentType]
    if ticks is not None:
        bar.set_ticks(list(ticks), labels=[f"{tick:.2g}" for tick in ticks])
        bar.minorticks_off()
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL, width=THIN, length=2)
    bar.outline.set_linewidth(THIN)  # pyright: ignore[reportCallIssue]


def is_equal(ax: Axes | None, aspect: str | None, isometric: bool) -> bool:
    """Whether one unit shall be equally long on all axes: as ``aspect`` or the caller's axis says, else if it can.

    Raises:
        ValueError: for an aspect that is not "equal", "auto" or None.
    """
    if aspect not in ("equal", "auto", None):
        raise ArgumentError("aspect", f"must be 'equal', 'auto' or None, got {aspect!r}")
    if aspect is not None:
        return aspect == "equal"
    return isometric or (isinstance(ax, Axes) and ax.get_aspect() != "auto")


def label_axes(ax: Axes, labels: Sequence[str], equal: bool = True) -> None:
    """Name the axes, hide the ticks of a nameless one, and draw one unit equally long on all if they are ``equal``."""
    for axis, label in zip(_axes_of(ax), labels, strict=True):
        axis.set_label_text(label)
        if not label:
            axis.set_ticks([])
    if not equal:
        ax.set_aspect("auto")
        return
    if ax.get_aspect() != "auto":
        return  # the caller's own, or from what was drawn before
    shared = any(len(group.get_siblings(ax)) > 1 for group in (ax.get_shared_x_axes(), ax.get_shared_y_axes()))
    ax.set_aspect("equal", adjustable="box" if shared else "datalim")  # shared limits may not be moved


def _axes_of(ax: Axes) -> list[Any]:
    return [ax.xaxis, ax.yaxis, ax.zaxis] if isinstance(ax, Axes3D) else [ax.xaxis, ax.yaxis]


def nothing(text: str) -> Line2D:
    """The entry of a legend that has no other: one of ``_NOTHING``."""
    assert text in _NOTHING
    return Line2D([], [], linestyle="none", label=text)


def side_by_side(first: Sequence[Artist], second: Sequence[Artist]) -> list[Artist]:
    """The entries of a legend of two columns, which are filled one after the other: the shorter is filled up."""
    rows = max(len(first), len(second))
    fill = [[Line2D([], [], linestyle="none", label="") for _ in range(rows - len(each))] for each in (first, second)]
    return [*first, *fill[0], *second, *fill[1]]


def add_legend(ax: Axes, handles: Sequence[Artist], columns: int = 2, length: float = 1.4) -> None:
    """A legend in columns above the axis, where it hides nothing and collides with no label.

    Entries of a legend that the axis has already come first. Those that look and read the same are one, which counts
    both: "stable (4)" and "stable (3)" become "stable (7)". Samples of lines are ``length`` letters long: dashes are
    told apart in longer ones.
    """
    ax.legend(
        handles=_merged(_entries(ax), list(handles)),
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=columns,
        frameon=False,
        borderpad=0.2,
        fontsize=SMALL,
        handlelength=length,
        handletextpad=0.5,
        labelspacing=0.3,
        columnspacing=1.2,
    )


def _entries(ax: Axes) -> list[Artist]:
    """What the legend of an axis holds, if it has one."""
    legend = ax.get_legend()
    if legend is None:
        return []
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        if handle is not None:
            handle.set_label(text.get_text())
    return [handle for handle in legend.legend_handles if handle is not None]


def _merged(before: list[Artist], handles: list[Artist]) -> list[Artist]:
    if not before:
        return handles
    merged: dict[object, Artist] = {}
    for handle in [*before, *handles]:
        words, count = _counted(handle)
        key = (words, count is None, _look_of(handle))
        if key in merged and count is not None:
            merged[key].set_label(f"{words} ({count + (_counted(merged[key])[1] or 0)})")
        merged.setdefault(key, handle)
    something = [handle for handle in merged.values() if str(handle.get_label()) not in ("", *_NOTHING)]
    return something or handles


def _counted(handle: Artist) -> tuple[str, int | None]:
    """The label of an entry without the count that it ends in, and that count."""
    label = str(handle.get_label())
    match = _COUNT.fullmatch(label)
    return (label, None) if match is None else (match[1], int(match[2]))


def _look_of(handle: Artist) -> tuple[object, ...]:
    """What can be seen of an entry."""
    names = ("color", "marker", "markerfacecolor", "markeredgecolor", "linestyle", "facecolor", "edgecolor", "hatch")
    # The boxes in a legend are of a class of their own.
    kind = next((kind for kind in (Line2D, Patch) if isinstance(handle, kind)), type(handle))
    return (kind, *(repr(getattr(handle, f"get_{name}")()) for name in names if hasattr(handle, f"get_{name}")))


def qualitative(number: int) -> str:
    """The colour of a thing among others that have no order; the ninth looks like the first."""
    return _QUALITATIVE[number % COLORS]


def dashes(number: int) -> str:
    """The dashes of a thing among others that have no order; the fifth looks like the first."""
    return _DASHES[number % len(_DASHES)]


def tint(color: str, strength: float) -> str:
    """A colour thinned with white: 1 leaves it as it is, 0 is white."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(color))
    return to_hex((red, green, blue))
