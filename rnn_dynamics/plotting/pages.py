"""What pages of several panels share: how they are made, letters, one legend over all, and the file of a caption."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import ScaledTranslation

from ..files import replacing
from . import style

_LETTERS = "abcdefghijklmnopqrstuvwxyz"

_WIDTH = 120
"""Letters in a line of a caption."""


def panels(count: int, height: float) -> list[Axes]:
    """The axes of a figure of two columns' width in the house style, side by side and lettered."""
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], height), layout="constrained")
        axes = [figure.add_subplot(1, count, index + 1) for index in range(count)]
        for ax in axes:
            style.dress(ax)
        letter(axes, up=2, room=True)
    return axes


def stacked(height: float, ratios: Sequence[float], columns: int = 2) -> list[Axes]:
    """The axes of a figure as wide as one or two columns in the house style, one above the other over one abscissa.

    They are lettered.
    """
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[columns], height), layout="constrained")
        axes = list(figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios))
        for ax in axes:
            style.dress(ax)
        letter(axes, up=2, room=True)
    return axes


def letter(axes: Sequence[Axes], left: float = 24, up: float = 4, *, room: bool = False) -> None:
    """Put a, b, c ... at the upper left of axes, so many points left of and above the corner.

    Where a page leaves no room for them of itself, the layout makes ``room``.
    """
    for ax, name in zip(axes, _LETTERS, strict=False):
        figure = ax.get_figure(root=True)
        assert isinstance(figure, Figure)
        place = ax.transAxes + ScaledTranslation(-left / 72, up / 72, figure.dpi_scale_trans)
        text = ax.text(0, 1, name, transform=place, fontsize=9, fontweight="bold", ha="left", va="bottom")
        text.set_in_layout(room)


def page_legend(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    """One legend for all panels, above them: for pages whose panels show the same."""
    figure.legend(
        handles=list(handles),
        loc="outside upper center",
        ncols=columns,
        frameon=False,
        fontsize=style.SMALL,
        handlelength=2.4,
        handletextpad=0.5,
        columnspacing=1.3,
        labelspacing=0.3,
        borderpad=0.1,
    )


def gathered(axes: Sequence[Axes]) -> list[Artist]:
    """The entries of the legends of all axes, each once, which are taken away: for one legend over the page."""
    found: dict[str, Artist] = {}
    for ax in axes:
        legend = ax.get_legend()
        if legend is None:
            continue
        for handle in legend.legend_handles:
            if handle is not None:
                found.setdefault(str(handle.get_label()), handle)
        legend.remove()
    return list(found.values())


def zoom(ax: Axes, low: float, high: float) -> None:
    """Show a part of a diagram; its markers would be drawn outside of the axis too, which they may touch."""
    ax.set_xlim(low, high)
    for line in ax.lines:
        line.set_clip_on(True)


def spread(figure: Figure) -> None:
    """Leave room for letters between panels that stand one above the other."""
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(h_pad=0.09)  # pyright: ignore[reportCallIssue]


def magnified(axes: Sequence[Axes], low: float, high: float) -> None:
    """Shade the part of panels that others show magnified."""
    for ax in axes:
        ax.axvspan(low, high, color=style.tint(style.LIGHT_GREY, 0.45), linewidth=0, zorder=0)


def write_caption(path: Path, text: str) -> None:
    """The caption of a figure as Markdown: paragraphs in lines of 120 letters, tables as they are."""
    with replacing(path) as temporary:
        temporary.write_text(caption_text(text))


def caption_text(text: str) -> str:
    """What ``write_caption`` writes."""
    parts = [part.strip() for part in text.strip().split("\n\n")]
    parts = [part if part.startswith("|") else textwrap.fill(part, _WIDTH, break_on_hyphens=False) for part in parts]
    return "\n\n".join(parts) + "\n"
