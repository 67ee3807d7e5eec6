"""Arrows between the nodes of a graph, and from a node to itself."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, ScaledTranslation

_HEAD: dict[str, Any] = {"arrowstyle": "-|>,head_length=3.2,head_width=1.4", "clip_on": False, "zorder": 2}

_OPENING = 0.6
"""The angle in radians at which a loop leaves and enters a node, to both sides of its direction."""


def draw_arrow(
    ax: Axes, start: np.ndarray, end: np.ndarray, bend: float, gaps: tuple[float, float], scale: float, **look: Any
) -> None:
    """An arrow bent to its right by a share of its length; it leaves ``gaps`` in points to its ends.

    The figure does not grow with it: an axis is scaled by its nodes.
    """
    path = {"posA": tuple(start), "posB": tuple(end), "connectionstyle": f"arc3,rad={bend}"}
    ax.add_artist(FancyArrowPatch(**path, shrinkA=gaps[0], shrinkB=gaps[1], mutation_scale=scale, **_HEAD, **look))


def draw_loop(
    ax: Axes, at: np.ndarray, outwards: np.ndarray, order: int, gap: float, scale: float, **look: Any
) -> None:
    """An arrow from a node to itself, on the side ``outwards``; those of a higher ``order`` surround the others."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    far, end = 3.5 * gap + 6 * order, gap * np.array([np.cos(_OPENING), np.sin(_OPENING)])
    curve = np.array([end, (far, 0.6 * far), (far, -0.6 * far), end * (1, -1)])
    # In points around the node, whatever the scale of the axis.
    turned = Affine2D().rotate(float(np.arctan2(outwards[1], outwards[0]))).scale(1 / 72)
    place = turned + figure.dpi_scale_trans + ScaledTranslation(float(at[0]), float(at[1]), ax.transData)  # pyright: ignore[reportArgumentType]
    path = Path(curve, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    ax.add_artist(FancyArrowPatch(path=path, transform=place, mutation_scale=scale, **_HEAD, **look))


def half_width(word: str, direction: np.ndarray) -> float:
    """From the middle of a word in a box to its border against ``direction``, in points, as if it were an ellipse."""
    across, up = np.abs(direction) / max(1e-12, float(np.linalg.norm(direction)))
    return float(1 / np.hypot(across / (4 + 2.4 * len(word)), up / 8))
