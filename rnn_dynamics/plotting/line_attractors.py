"""Line attractors in the plane or in space, with the inputs that each of their points selects."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from ..checks import ArgumentError, ArrayLike, CheckedInside, checked
from ..integrators import LineAttractor
from . import style
from .projection import Onto, projection_for, remember
from .trajectories import as_trajectories, draw_plain, line_entry

_VECTORS = 9
"""Vectors are drawn at so many points, at even distances."""

_REACH = 0.12
"""The length of the longest vector of each kind, as a share of the picture."""


_LINE, _POINT = style.COLORS_OF["continuum"], style.COLORS_OF["fixed point"]

_VECTOR_LOOKS: dict[str, dict[str, Any]] = {
    "slow direction": {"color": style.BLACK, "linewidth": style.THIN},
    "selection vector": {"color": style.qualitative(1), "linewidth": style.THICK, "linestyle": (0, (2, 1))},
}


@checked
def plot_line_attractor(
    line: LineAttractor | Sequence[LineAttractor],
    trajectories: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    onto: Annotated[Onto | None, CheckedInside()] = None,
    dimensions: int = 2,
    legend: bool = True,
) -> Axes:
    """Draw lines and rings with their points, slow directions and selection vectors, as Mante et al. 2013 do.

    At nine points, evenly spaced, segments show the direction v along the line and the selection vector w; of each
    kind the longest is 12 % of the picture, and one is shorter the more it leaves the picture.

    Args:
        line: one line attractor, or what ``line_attractors`` gives.
        trajectories: states [batch, time, n], thin and grey behind; their principal components are shown. Without
            them those of the lines, or all units where there are no more of them than ``dimensions``.
        ax: where to draw; a new figure, one column wide, by default. What was drawn there before decides the view.
        onto: what to show instead, as in ``plot_fixed_points``: units, or directions, such as the readout's weight.
        dimensions: 2 or 3.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for no line at all, or lines, directions and trajectories whose sizes differ.
    """
    lines = [line] if isinstance(line, LineAttractor) else list(line)
    if not lines or len({each.states.shape[-1] for each in lines}) > 1 or not all(map(len, lines)):
        sizes = [list(each.states.shape) for each in lines]
        raise ArgumentError("line", f"must be line attractors of one map with points on each, got states {sizes}")
    n = lines[0].states.shape[-1]
    paths = torch.empty(0, 0, n) if trajectories is None else as_trajectories(trajectories, "trajectories", n)
    behind = [paths] if paths.numel() else []
    project = projection_for(ax, onto, behind, [each.states for each in lines], n, dimensions, fitted=False)
    ax = style.axis_for(ax, dimensions)
    equal = style.is_equal(ax, None, project.isometric)
    drawn = [project(part).reshape(-1, dimensions) for part in (*(each.states for each in lines), paths)]
    reach = _REACH * float(np.ptp(np.concatenate(drawn), axis=0).max()) / 2

    with style.styled():
        handles: list[Artist] = []
        for each in lines:
            wanted = np.linspace(0, 1 - 1e-9, _VECTORS) * each.length + float(each.positions.min())
            order = each.positions.argsort()  # of chosen rows, they may stand in any order
            chosen = order[np.unique(np.searchsorted(each.positions[order].numpy(), wanted))]
            curve, centers = project(each.states), project(each.states[chosen])
            path = np.concatenate([curve, curve[:1]]) if each.closed else curve
            looks: dict[str, Any] = {"color": _LINE, "linewidth": 2 * style.THICK}
            ax.plot(*path.T, solid_capstyle="round", zorder=2, label="ring" if each.closed else "line", **looks)
            ax.plot(
                *curve.T,
                linestyle="none",
                marker=".",
                markersize=3,
                color=_POINT,
                zorder=5,
                label="points",
            )
            for vectors, (label, look) in zip(
                (each.directions, each.selection_vectors), _VECTOR_LOOKS.items(), strict=True
            ):
                seen = project.seen(_units(vectors[chosen]))
                scale = reach / max(float(np.linalg.norm(seen, axis=1).max(initial=0)), 1e-3)
                ends = np.stack([centers - scale * seen, centers + scale * seen], axis=1)
                broken = np.pad(ends, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, dimensions)
                ax.plot(*broken.T, zorder=4, label=label, **look)
        if paths.numel():
            draw_plain(ax, "", project(paths), None, "-")
            handles.append(line_entry("trajectories", None))
        style.label_axes(ax, project.labels, equal)
        remember(ax, project)
        if legend:
            style.add_legend(ax, _entries(lines) + handles)
    return ax


def _units(vectors: Tensor) -> Tensor:
    """Of norm 1; what is no number, as where the eigenvalue is defective, is not drawn."""
    return torch.nn.functional.normalize(vectors, dim=-1).where(vectors.isfinite(), 0.0)


def _entries(lines: list[LineAttractor]) -> list[Artist]:
    shapes = sorted({"ring" if each.closed else "line" for each in lines})
    marks: dict[str, Any] = {"linestyle": "none", "marker": ".", "markersize": 3}
    return [
        *(Line2D([], [], color=_LINE, linewidth=2 * style.THICK, label=shape) for shape in shapes),
        Line2D([], [], color=_POINT, label=f"points ({sum(map(len, lines))})", **marks),
        *(Line2D([], [], label=label, **look) for label, look in _VECTOR_LOOKS.items()),
    ]
