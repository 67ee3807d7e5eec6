"""Shares of the basins over a parameter, as stacked bands."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..checks import ArgumentError, Count, checked
from ..landscapes import BasinFractions
from . import style

_HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++", "oo")
"""Beside the colour, and of the same number: where colours come again, the next hatch is taken."""


@checked
def plot_basin_fractions(
    fractions: BasinFractions,
    ax: Axes | None = None,
    *,
    xlabel: str = "parameter",
    most: Count = 8,
    legend: bool = True,
) -> Axes:
    """Draw the shares of the starts as stacked bands, one for each attractor, told by colour, hatch and number.

    From the bottom up in the order of identities; above them, pale, what is left: attractors beyond ``most``, starts
    that ran away, and in grey those that are undecided. Dotted lines mark where attractors appear and vanish. Between
    two values of the parameter the curves are straight lines, and not what happens there.

    Args:
        fractions: the result of ``basin_fractions``.
        ax: where to draw; a new figure, one column wide, by default.
        xlabel: what the parameter is.
        most: attractors with a band of their own, those with the largest share anywhere.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for another result, or an axis that is not two-dimensional.
    """
    if not isinstance(fractions, BasinFractions):
        raise ArgumentError(
            "fractions", f"must be the BasinFractions of basin_fractions, got {type(fractions).__name__}"
        )
    ax = style.axis_for(ax, dimensions=2)
    x, bands, handles = fractions.parameters.numpy(), _bands(fractions, most), []
    with style.styled():
        below = np.zeros(len(x))
        for band in bands:
            above = below + band.share
            look: dict[str, Any] = {"edgecolor": style.GREY} | band.look
            ax.fill_between(x, below, above, linewidth=0, zorder=1, label=band.name, **look)
            ax.plot(x, above, color=style.BLACK, linewidth=style.THIN, zorder=2)
            if band.numbered and band.share.max() > _ROOM:
                wide = np.flatnonzero(band.share >= 0.8 * band.share.max())
                place = int(wide[len(wide) // 2])
                box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "linewidth": 0}
                where: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4, "clip_on": True}
                middle = float(below[place] + band.share[place] / 2)
                ax.text(float(x[place]), middle, band.name, fontsize=style.SMALL, bbox=box, **where)
            handles.append(Patch(label=f"attractor {band.name}" if band.numbered else band.name, **look))
            below = above
        for event in fractions.events:
            if event.kind != "found late" and math.isfinite(event.at):
                ax.axvline(event.at, color=style.BLACK, linewidth=style.THIN, linestyle=":", zorder=3)
        if len(x) > 1:
            ax.set_xlim(x.min(), x.max())
        ax.set_ylim(0, 1)
        ax.set_xlabel(xlabel)
        ax.set_ylabel("share of the starts")
        if legend:
            style.add_legend(ax, handles)
    return ax


_ROOM = 0.08
"""A band at least so high holds its number."""

_NONE = 1e-12


@dataclass(frozen=True, eq=False)
class _Band:
    """What is drawn between two curves."""

    name: str
    share: np.ndarray
    look: dict[str, Any]

    @property
    def numbered(self) -> bool:
        return self.name.isdigit()


def _bands(fractions: BasinFractions, most: int) -> list[_Band]:
    """From below."""
    shares = fractions.fractions.numpy()
    largest = shares.max(axis=0, initial=0)
    reached = [identity for identity in np.argsort(-largest, kind="stable").tolist() if largest[identity] > 0]
    own = sorted(reached[:most])
    bands: list[_Band] = []
    for number, identity in enumerate(own):
        # Where the colours come again, each meets another hatch.
        hatch = _HATCHES[(number + number // style.COLORS) % len(_HATCHES)]
        face = style.tint(style.qualitative(number), 0.55)
        bands.append(_Band(str(identity), shares[:, identity], {"facecolor": face, "hatch": hatch}))
    rest = shares.sum(axis=1) - shares[:, own].sum(axis=1)
    for name, share, look in (
        (f"{len(reached) - len(own)} more", rest, {"facecolor": "white", "hatch": "||"}),
        ("ran away", fractions.diverged.numpy() / fractions.n_starts, {"facecolor": "white"}),
        ("undecided", fractions.undecided.numpy() / fractions.n_starts, {"facecolor": style.LIGHT_GREY}),
    ):
        if share.max(initial=0) > _NONE:
            bands.append(_Band(name, share, look))
    return bands
