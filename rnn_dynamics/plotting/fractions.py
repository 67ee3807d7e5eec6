"""Shares of the basins over a parameter, as stacked bands."""

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
    that ran away, and in grey those that are undecided. Dotted lines mark where attractors appear and vanish.

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
    x = fractions.parameters.numpy()
    bands = _bands(fractions, most)
    handles = []
    with style.styled():
        below = np.zeros(len(x))
        for name, share, look in bands:
            above = below + share
            ax.fill_between(x, below, above, linewidth=0, zorder=1, label=name, **look)
            ax.plot(x, above, color=style.BLACK, linewidth=style.THIN, zorder=2)
            if name.isdigit() and share.max(initial=0) > _ROOM:
                wide = np.flatnonzero(share >= 0.8 * share.max())
                widest = int(wide[len(wide) // 2])
                place = (x[widest], (below + share / 2)[widest])
                box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "linewidth": 0}
                ax.text(*place, name, fontsize=style.SMALL, ha="center", va="center", bbox=box, zorder=4, clip_on=True)
            handles.append(Patch(label=f"attractor {name}" if name.isdigit() else name, **look))
            below = above
        for event in fractions.events:
            if event.kind != "found late" and event.at == event.at and event.identity < fractions.count:
                ax.axvline(event.at, color=style.BLACK, linewidth=style.THIN, linestyle=":", zorder=3)
        if len(x):
            ax.set_xlim(x.min(), x.max()) if len(x) > 1 else None
        ax.set_ylim(0, 1)
        ax.set_xlabel(xlabel)
        ax.set_ylabel("share of the starts")
        if legend:
            style.add_legend(ax, handles)
    return ax


_ROOM = 0.08
"""A band at least so high holds its number."""


def _bands(fractions: BasinFractions, most: int) -> list[tuple[str, np.ndarray, dict[str, object]]]:
    """Name, share and look of each band from below."""
    shares = fractions.fractions.numpy()
    largest = shares.max(axis=0, initial=0)
    own = sorted(np.argsort(-largest, kind="stable")[:most][largest[np.argsort(-largest, kind="stable")[:most]] > 0])
    bands: list[tuple[str, np.ndarray, dict[str, object]]] = []
    for number, identity in enumerate(own):
        hatch = _HATCHES[(number + number // style.COLORS) % len(_HATCHES)]
        look = {"facecolor": style.tint(style.qualitative(number), 0.55), "edgecolor": style.GREY, "hatch": hatch}
        bands.append((str(identity), shares[:, identity], look))
    rest = shares.sum(axis=1) - shares[:, own].sum(axis=1)
    diverged = fractions.diverged.numpy() / fractions.n_starts
    undecided = fractions.undecided.numpy() / fractions.n_starts
    for name, share, look in (
        (
            f"{(largest > 0).sum() - len(own)} more attractors",
            rest,
            {"facecolor": "white", "edgecolor": style.GREY, "hatch": "||"},
        ),
        ("ran away", diverged, {"facecolor": "white", "edgecolor": style.GREY}),
        ("undecided", undecided, {"facecolor": style.LIGHT_GREY, "edgecolor": style.GREY}),
    ):
        if share.max(initial=0) > 1e-12:
            bands.append((name, share, look))
    return bands
