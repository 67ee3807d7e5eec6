"""The classes that fixed points and attractors are told apart by in every figure, and how each looks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..attractors import AttractorKind
from ..fixed_points import FixedPoints
from . import style

_EDGE = 0.8 * style.THICK

_COLOR = style.COLORS_OF

_LINES = ("x", "+", "1")
"""Markers without a face."""


@dataclass(frozen=True)
class Look:
    """How the points of one class are drawn: told apart by shape and colour, and in greyscale by shape and filling."""

    marker: str
    edge: str
    face: str
    size: float
    """Diameter in points; shapes of equal diameter do not look equally large."""

    def draw(self, ax: Axes, coordinates: np.ndarray, label: str, **options: Any) -> Line2D:
        """Draw markers at ``coordinates`` [k, 2 or 3]; returns the legend's ``entry``."""
        settings = {"marker": self.marker, "s": self.size**2, "linewidths": _EDGE, "label": label} | options
        lines = self.marker in _LINES
        settings |= {"color": self.edge} if lines else {"facecolors": self.face, "edgecolors": self.edge}
        if ax.name == "3d":
            settings["depthshade"] = False  # fading would change what the colours say
        ax.scatter(*coordinates.T, **settings)
        return self.entry(label)

    def entry(self, label: str) -> Line2D:
        """What stands for these points in a legend."""
        return Line2D(
            [],
            [],
            linestyle="none",
            marker=self.marker,
            markersize=self.size,
            markerfacecolor=self.face,
            markeredgecolor=self.edge,
            markeredgewidth=_EDGE,
            label=label,
        )


# The less stable, the paler: stable full, saddles tinted, unstable empty. A saddle has one corner more for each further
# unstable direction. Its edge is darker than the palette, whose orange is as light as a trajectory in greyscale.
_LOOKS = {
    "stable": Look("o", _COLOR["fixed point"], _COLOR["fixed point"], 4.6),
    "saddle 1": Look("^", _COLOR["saddle, 1 unstable"], "#F8D58A", 5.0),
    "saddle 2": Look("s", _COLOR["saddle, 2 unstable"], "#A6DCCB", 4.3),
    "saddle 3": Look("p", _COLOR["saddle, 3 unstable"], "#EBC3D8", 5.4),
    "unstable": Look("D", _COLOR["unstable fixed point"], "white", 4.0),
    "marginal": Look("*", style.BLACK, _COLOR["marginal fixed point"], 7.0),
}

SLOW = Look("x", style.GREY, style.GREY, 3.6)

# Full, tinted or open, so that shape and filling tell kinds apart without colour; none has the shape of a saddle.
ATTRACTORS: dict[str, Look] = {
    AttractorKind.FIXED_POINT: _LOOKS["stable"],
    AttractorKind.CONTINUUM: Look("v", _COLOR["continuum"], "#C4E4F7", 5.0),
    AttractorKind.CYCLE: Look("h", _COLOR["cycle"], "#DDE39A", 5.2),
    AttractorKind.CIRCLE: Look("o", _COLOR["circle"], "white", 4.6),
    AttractorKind.TORUS: Look("P", _COLOR["torus"], "#CFC3E6", 5.2),
    AttractorKind.CHAOTIC: Look("X", _COLOR["chaotic"], "#DCC3A8", 5.2),
}

# Of starts that did not settle.
UNSETTLED = {
    "slow": Look("x", style.GREY, style.GREY, 2.6),
    "diverged": Look("+", style.GREY, style.GREY, 3.4),
    "unfinished": Look("1", style.GREY, style.GREY, 3.8),
}

HATCHES = {"slow": "////", "diverged": "\\\\\\\\", "unfinished": "...."}
"""Of areas and bars of such starts."""


def rank(look: Look) -> int:
    """The place in a legend of a class of points: the most stable first, slow points last."""
    return [*_LOOKS.values(), SLOW].index(look)


def point_look(kind: str, n_unstable: int) -> Look:
    """The look of a fixed point of one of the ``kinds`` of ``FixedPoints``."""
    name = kind.split()[0]
    return _LOOKS[f"saddle {min(n_unstable, 3)}" if name == "saddle" else name]


@dataclass(frozen=True)
class PointClass:
    """The fixed points of one class."""

    name: str
    look: Look
    rows: list[int]

    @property
    def label(self) -> str:
        """With the number of points."""
        return f"{self.name} ({len(self.rows)})"


def classify(points: FixedPoints, rows: Iterable[int] | None = None) -> list[PointClass]:
    """The classes present among ``rows`` (all by default), most stable first, labelled with their counts."""
    n_unstable = points.n_unstable.tolist()
    members: dict[str, list[int]] = {}
    for row in range(len(points)) if rows is None else rows:
        name = points.kinds[row].split()[0]
        members.setdefault(f"saddle {min(n_unstable[row], 3)}" if name == "saddle" else name, []).append(row)
    result = []
    for name, look in _LOOKS.items():
        if own := members.get(name):
            numbers = {n_unstable[row] for row in own}
            span = f"{min(numbers)}" if len(numbers) == 1 else f"{min(numbers)}–{max(numbers)}"
            text = f"saddle, {span} unstable" if name.startswith("saddle") else name
            result.append(PointClass(text, look, own))
    return result
