"""How ways to begin a training are drawn and named in all figures: colour, dashes and marker, any of which tells."""

from dataclasses import dataclass
from typing import Any

from matplotlib.lines import Line2D

from rnn_dynamics.plotting import style


@dataclass(frozen=True)
class Variant:
    """The look of networks that begin in one way."""

    name: str
    color: str
    dashes: Any
    marker: str

    def entry(self, **more: Any) -> Line2D:
        """Its entry in a legend."""
        look = {"color": self.color, "linestyle": self.dashes, "linewidth": 1.4 * style.THICK} | more
        return Line2D([], [], label=self.name, **look)


TRAINED = {
    "plain": Variant("plain", style.COLORS_OF["plain"], "-", "o"),
    "warm": Variant("warmed up", style.COLORS_OF["warmed up"], (0, (1, 1)), "^"),
    "parallel": Variant("two cells, one warmed up", style.COLORS_OF["two cells"], (0, (4, 1.4)), "s"),
}

PLANTED = {
    "plain": TRAINED["plain"],
    "warm": TRAINED["warm"],
    "planted": Variant("planted", style.COLORS_OF["planted"], (0, (6, 1, 1, 1)), "D"),
    "refined": Variant("planted and refined", style.COLORS_OF["planted and refined"], (0, (3, 1, 1, 1, 1, 1)), "v"),
    "parallel": Variant("two cells, one planted", style.COLORS_OF["two cells"], (0, (4, 1.4)), "s"),
}
