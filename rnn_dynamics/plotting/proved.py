"""The small mark of what is proved."""

import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..certificates import Certificates
from ..checks import ArgumentError
from . import style
from .projection import Projection

_LOOK = {"linestyle": "none", "marker": ".", "markersize": 3.0, "markeredgewidth": 0.4}


def draw_proved(ax: Axes, certificates: Certificates | None, project: Projection) -> list[Line2D]:
    """A white dot on each state that is proved to be there, once for each; returns the legend's entry."""
    if certificates is None:
        return []
    state_size = project.directions.shape[1]
    if len(certificates.units) != state_size:
        raise ArgumentError(
            "certificates", f"must be of states of {state_size} units, got those of {len(certificates.units)}"
        )
    rows = torch.nonzero(certificates.proved & certificates.distinct).flatten().tolist()
    look = {**_LOOK, "color": "white", "markeredgecolor": style.BLACK}
    if rows:
        ax.plot(*project(torch.cat([certificates.orbits[row] for row in rows])).T, zorder=6, **look)
    return [Line2D([], [], label=f"proved ({len(rows)})", **look)]
