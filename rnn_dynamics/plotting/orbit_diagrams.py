"""Settled orbits over a parameter, and their exponents below."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..charts import Conduct, OrbitDiagram
from ..checks import ArgumentError, CheckedInside, checked
from . import pages, style

_DOTS = 60_000
"""In a panel: from there on they are drawn fainter, as more of them lie on each other."""

_EXPANDING = style.COLORS_OF["expanding"]

_LOWEST = 0.02
"""The share of the most negative exponents that may be beyond the panel: those of superstable cycles have no end."""


@checked
def plot_orbit_diagram(
    diagram: Annotated[OrbitDiagram, CheckedInside()],
    ax: Annotated[Axes | Sequence[Axes] | None, CheckedInside()] = None,
    *,
    parameter: str = "parameter",
    coordinate: str | None = None,
) -> list[Axes]:
    """Draw where settled orbits are as dots, and below them their largest Lyapunov exponents, red above zero.

    Of several starts each has a colour, and dashes for its exponents.

    Args:
        diagram: the result of ``orbit_diagram``.
        ax: one axis for the orbits alone, or two; by default a new figure, two columns wide.
        parameter: what it is.
        coordinate: what the ordinate is; the number of the coordinate by default.

    Returns:
        The axes from top to bottom.

    Raises:
        ValueError: for another result, or other axes than one or two.
    """
    if not isinstance(diagram, OrbitDiagram):
        raise ArgumentError("diagram", f"must be the OrbitDiagram of orbit_diagram, got {type(diagram).__name__}")
    given = pages.stacked(3.9, (2.2, 1.0)) if ax is None else [ax] if isinstance(ax, Axes) else list(ax)
    if len(given) not in (1, 2):
        raise ArgumentError("ax", f"must be one axis or two, got {len(given)}")
    axes = [style.axis_for(one, dimensions=2) for one in given]
    x = diagram.parameters.numpy()
    several = diagram.conducts.shape[1] > 1
    with style.styled():
        samples = diagram.samples.numpy()
        alpha = min(0.9, max(0.06, _DOTS / max(1, samples.size)))
        for start in range(samples.shape[1]):
            color = style.qualitative(start) if several else style.BLACK
            places = np.repeat(x, samples.shape[2])
            dots = {"color": color, "markersize": 0.7, "markeredgewidth": 0, "alpha": alpha, "rasterized": True}
            axes[0].plot(places, samples[:, start].ravel(), linestyle="none", marker="o", **dots)
        axes[0].set_ylabel(f"$h_{{{diagram.coordinate}}}$" if coordinate is None else coordinate)
        if several:
            style.add_legend(axes[0], [_entry(start) for start in range(samples.shape[1])], columns=4, length=2.4)
        if len(axes) == 2:
            _draw_exponents(axes[1], diagram)
        axes[-1].set_xlabel(parameter)
        for one in axes:
            one.set_xlim(float(x.min()), float(x.max()))
    return axes


def _entry(start: int) -> Line2D:
    """Of one start among several: the colour of its dots, and the dashes of its exponents, which may lie on others."""
    look: dict[str, Any] = {"color": style.qualitative(start), "linestyle": style.dashes(start), "marker": "o"}
    return Line2D([], [], markersize=2, linewidth=0.7 * style.THICK, label=f"start {start}", **look)


def _draw_exponents(ax: Axes, diagram: OrbitDiagram) -> None:
    x, several = diagram.parameters.numpy(), diagram.conducts.shape[1] > 1
    ax.axhline(0, color=style.GREY, linewidth=style.THIN, zorder=1)
    every = diagram.exponents[diagram.exponents.isfinite()].numpy()
    for start in range(diagram.conducts.shape[1]):
        values = diagram.exponents[:, start].numpy()
        color = style.qualitative(start) if several else style.BLACK
        look: dict[str, Any] = {"color": color, "linewidth": 0.7 * style.THICK, "linestyle": style.dashes(start)}
        ax.plot(x, values, zorder=2, **look)
        chaotic = diagram.conducts[:, start].numpy() == Conduct.CHAOTIC
        if not several and chaotic.any():
            ax.fill_between(x, 0, np.where(chaotic, values, 0), color=_EXPANDING, linewidth=0, zorder=1.5)
            ax.legend(handles=[Patch(color=_EXPANDING, label="chaos")], loc="lower right", frameon=False)
    if len(every):
        high = max(float(every.max()), 0.0)
        low = float(np.quantile(every, _LOWEST))
        room = 0.06 * max(high - low, 1e-3)
        ax.set_ylim(low - room, high + room)
    ax.set_ylabel("largest exponent")
