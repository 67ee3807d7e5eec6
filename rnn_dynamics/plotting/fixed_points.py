"""Fixed points in the plane or in space."""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from ..checks import ArrayLike, as_tensor, checked
from ..fixed_points import Continuum, FixedPoints
from . import style
from .classes import SLOW, classify, require_fixed_points
from .projection import Projection, onto_axes, principal

_REACH = 0.07
"""How far unstable directions reach to each side, as a share of the picture: seen, but not across to the next point."""

_SEEN = 0.25
"""If all unstable directions leave the picture more than this, they are drawn short rather than magnified."""

_MOST_VECTOR = 50_000
"""Longer trajectories are stored in the PDF as an image, which would otherwise take minutes to open."""


@checked
def plot_fixed_points(
    points: FixedPoints,
    trajectories: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    axes: ArrayLike | None = None,
    dimensions: int = 2,
    directions: bool = True,
    legend: bool = True,
) -> Axes:
    """Draw fixed points by kind, with their unstable directions, slow points, continua and trajectories.

    Stable points are full circles; saddles pale triangles, squares and pentagons for one, two and more unstable
    directions; unstable points open diamonds; marginal ones stars; slow points crosses. A segment through a point is
    an unstable direction (for a complex pair two, which span its plane), shorter than others the more it leaves the
    picture.

    Args:
        points: the result of ``find_fixed_points``.
        trajectories: states [batch, time, n], thin and grey behind; their principal components are the axes. Without
            them those of all that is drawn.
        ax: where to draw; a new figure, one column wide, by default.
        axes: directions [dimensions, n] to project on instead, such as readout weights.
        dimensions: 2 or 3.
        directions: whether to draw unstable directions.
        legend: whether to add the legend, which stands above the axis; False for all but one of several panels.

    Returns:
        The axis; ``ax.figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for shapes that do not fit, or an axis that does not fit ``dimensions``.
    """
    require_fixed_points(points)
    n = points.states.shape[-1]
    if dimensions not in (2, 3):
        raise ValueError(f"dimensions must be 2 or 3, got {dimensions}")
    if dimensions == 3 and n < 3:
        raise ValueError(f"a 3-D plot needs states of size 3 or more, got {n}: use dimensions=2")
    paths = torch.empty(0, 0, n) if trajectories is None else as_trajectories(trajectories, n)
    others = [points.slow.states, *(continuum.states for continuum in points.continua)]
    if axes is not None:
        project = onto_axes(axes, n, dimensions)
    else:
        project = principal([paths] if paths.numel() else [points.states, *others], dimensions)
    ax = style.axis_for(ax, dimensions)
    drawn = np.concatenate([project(part).reshape(-1, dimensions) for part in (points.states, paths, *others)])
    magnitude = max(1.0, float(np.abs(drawn).max(initial=0)))
    extent = float(np.ptp(drawn, axis=0).max()) if len(drawn) else magnitude

    handles: list[Line2D] = []
    with style.styled():
        if extent < 1e-9 * magnitude:  # a point alone has no scale of its own
            extent = magnitude
            ax.plot(*np.stack([drawn[0] - extent / 2, drawn[0] + extent / 2]).T, linestyle="none")
        handles += [_draw_continuum(ax, project(continuum.states), continuum) for continuum in points.continua]
        segments = _unstable_segments(points, project, _REACH * extent)
        unstable = directions and any(map(len, segments))
        for group in classify(points):
            if unstable:
                own = _broken(np.concatenate([segments[row] for row in group.rows]))
                ax.plot(*own.T, color=group.look.edge, linewidth=style.THICK, zorder=3)
            handles.append(group.look.draw(ax, project(points.states[group.rows]), group.label, zorder=4))
        if len(points.slow):
            handles.append(SLOW.draw(ax, project(points.slow.states), f"slow ({len(points.slow)})", zorder=3.5))
        if unstable:
            handles.append(Line2D([], [], color=style.GREY, linewidth=style.THICK, label="unstable direction"))
        if paths.numel():
            handles.append(draw_trajectories(ax, project(paths)))
        style.label_axes(ax, project.labels)
        if legend:
            style.add_legend(ax, handles or [Line2D([], [], linestyle="none", label="no fixed points")])
    return ax


def as_trajectories(trajectories: ArrayLike, n: int) -> Tensor:
    paths = as_tensor(trajectories, "trajectories", dtype=torch.float64, device=torch.device("cpu"))
    if paths.ndim != 3 or paths.shape[2] != n or 0 in paths.shape:
        raise ValueError(f"trajectories must have shape [batch, time, {n}], got {list(paths.shape)}")
    return paths


def _broken(lines: np.ndarray) -> np.ndarray:
    """Lines [k, m, d] as one [k (m + 1), d] with gaps, which draws as one artist in the plane and in space alike."""
    return np.pad(lines, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, lines.shape[-1])


def draw_trajectories(ax: Axes, paths: np.ndarray) -> Line2D:
    (line,) = ax.plot(*_broken(paths).T, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=1, label="trajectories")
    line.set_rasterized(paths.size > _MOST_VECTOR)
    return Line2D([], [], color=style.LIGHT_GREY, linewidth=style.THICK, label="trajectories")


def _draw_continuum(ax: Axes, states: np.ndarray, continuum: Continuum) -> Line2D:
    """A curve as a line through its samples, a sheet as a cloud of them."""
    look: dict[str, Any] = {"color": style.SKY, "label": f"{continuum.shape} ({len(states)} samples)"}
    if continuum.dimension == 1:
        path = np.concatenate([states, states[:1]]) if continuum.closed else states
        look |= {"linewidth": 2 * style.THICK}
        ax.plot(*path.T, solid_capstyle="round", zorder=2, **look)
    else:
        look |= {"linestyle": "none", "marker": ".", "markersize": 2.0}
        ax.plot(*states.T, zorder=2, **look)
    return Line2D([], [], **look)


def _unstable_segments(points: FixedPoints, project: Projection, reach: float) -> list[np.ndarray]:
    """For each point the ends [k, 2, d] of a segment along each of its unstable directions, the longest 2 ``reach``."""
    directions = [project.directions(_unstable_directions(points, row)) for row in range(len(points))]
    longest = max((float(np.linalg.norm(seen, axis=1).max(initial=0)) for seen in directions), default=0)
    scale = reach / max(longest, _SEEN)
    centers = project(points.states)
    return [
        np.stack([center - scale * seen, center + scale * seen], axis=1)
        for center, seen in zip(centers, directions, strict=True)
    ]


def _unstable_directions(points: FixedPoints, row: int) -> Tensor:
    """Unit vectors [k, n] that span where a point repels."""
    vectors = points.right_eigenvectors[row].T
    values = points.eigenvalues[row, : len(vectors)]
    # One of each complex pair, whose real and imaginary parts span the plane that both turn in.
    unstable = (values.abs() > 1) & (values.imag >= 0)
    spanning = torch.cat([vectors[unstable].real, vectors[unstable & (values.imag > 0)].imag])
    return spanning / spanning.norm(dim=1, keepdim=True)
