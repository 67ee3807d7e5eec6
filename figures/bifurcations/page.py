"""What the figures of bifurcations share: the command line, the letters of panels, and legends over a whole page."""

import argparse
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

import rnn_dynamics as rd
from rnn_dynamics.plotting import save_figure, style

FOLDER = Path(__file__).parent


def run(
    name: str,
    measures: dict[str, Callable[[], Any]],
    draw: Callable[[Any], Figure],
    caption: Callable[[Any], str],
    arguments: Sequence[str] | None,
) -> None:
    """Measure at one of the scales, unless it has been, draw, and write the caption."""
    parser = argparse.ArgumentParser(prog=f"python -m figures.bifurcations.{name}")
    parser.add_argument("--scale", choices=list(measures), default="small")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of results and figures")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    path = options.out / f"{name}_{options.scale}.safetensors"
    if not path.exists():
        rd.save(measures[options.scale](), path)
    result = rd.load(path)
    save_figure(draw(result), options.out / name)
    (options.out / f"{name}.md").write_text(_wrapped(caption(result)))


def _wrapped(text: str) -> str:
    """Paragraphs in lines of 120 letters; tables as they are."""
    parts = [part.strip() for part in text.strip().split("\n\n")]
    parts = [part if part.startswith("|") else textwrap.fill(part, 120, break_on_hyphens=False) for part in parts]
    return "\n\n".join(parts) + "\n"


def letter(axes: Sequence[Axes], left: float = 24, up: float = 4) -> None:
    """Put a, b, c ... at the upper left of axes, so many points left of and above the corner."""
    for ax, name in zip(axes, "abcdefgh", strict=False):
        figure = ax.get_figure(root=True)
        assert isinstance(figure, Figure)
        place = ax.transAxes + ScaledTranslation(-left / 72, up / 72, figure.dpi_scale_trans)
        text = ax.text(0, 1, name, transform=place, fontsize=9, fontweight="bold", ha="left", va="bottom")
        text.set_in_layout(False)


def page_legend(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    """One legend for all panels, above them."""
    legend = figure.legend(
        handles=list(handles),
        loc="outside upper center",
        ncols=columns,
        frameon=False,
        fontsize=style.SMALL,
        handlelength=1.6,
        handletextpad=0.5,
        columnspacing=1.3,
        labelspacing=0.3,
        borderpad=0.1,
    )
    legend.set_in_layout(True)


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
