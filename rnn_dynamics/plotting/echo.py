"""The number of stable responses to an input against its amplitude."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..checks import ArgumentError, checked
from ..multistability import EchoIndex
from . import style


@checked
def plot_echo_index(echo: EchoIndex, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw how many stable responses one input sequence has at each amplitude.

    Full circles are counts that do not depend on the tolerance, open ones those that do. Grey are all responses,
    unstable ones included. On the dotted line, at 1, the state becomes a function of the input alone.

    Args:
        echo: the result of ``echo_index``.
        ax: where to draw; a new figure, one column wide, by default.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for another result, or an axis that is not two-dimensional.
    """
    if not isinstance(echo, EchoIndex):
        raise ArgumentError("echo", f"must be the EchoIndex of echo_index, got {type(echo).__name__}")
    ax = style.axis_for(ax, dimensions=2)
    order = np.argsort(echo.amplitudes.numpy(), kind="stable")
    amplitudes, counts, responses = (part.numpy()[order] for part in (echo.amplitudes, echo.counts, echo.responses))
    robust = echo.robust.numpy()[order]
    color = style.COLORS_OF["reached"]
    with style.styled():
        ax.axhline(1, color=style.GREY, linewidth=style.THIN, linestyle=":", zorder=0)
        # As a band, which is seen where there are no others.
        grey: dict[str, Any] = {"color": style.LIGHT_GREY, "linewidth": 3 * style.THICK, "label": "all responses"}
        ax.plot(amplitudes, responses, drawstyle="steps-mid", zorder=1, **grey)
        handles = [Line2D([], [], **grey)]
        ax.plot(amplitudes, counts, color=color, linewidth=style.THICK, drawstyle="steps-mid", zorder=2)
        for label, face, members in (
            ("stable", color, robust),
            ("stable, not robust", "white", ~robust),
        ):
            if members.any():
                look: dict[str, Any] = {"marker": "o", "markersize": 4.2, "markerfacecolor": face, "label": label}
                ax.plot(
                    amplitudes[members],
                    counts[members],
                    color=color,
                    linestyle="none",
                    zorder=3,
                    **look,
                )
                handles.append(Line2D([], [], color=color, linestyle="none", **look))
        ax.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
        ax.set_ylim(0, 1.06 * responses.max(initial=1) + 0.2)
        ax.set_xlabel("amplitude of the input")
        ax.set_ylabel("responses to the input")
        if legend:
            style.add_legend(ax, handles)
    return ax
