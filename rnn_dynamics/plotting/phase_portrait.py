"""Phase portraits: cobwebs of maps of one unit, flows of two, and planes through more."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from ..attractors import BasinMap
from ..checks import ArgumentError, ArrayLike, CheckedInside, Count, as_tensor, checked
from ..fixed_points import FixedPoints
from ..manifolds import InvariantManifold
from ..portraits import PhasePortrait, phase_portrait
from ..systems import AutonomousMap
from . import style
from .classes import Look, classify
from .manifolds import STABLE, UNSTABLE
from .projection import Projection, remember

_NULLCLINES: tuple[dict[str, Any], dict[str, Any]] = (
    {"colors": style.BLACK, "linestyles": [(0, (5, 1.5))], "linewidths": style.THICK},
    {"colors": style.BLACK, "linestyles": [(0, (1, 1.2))], "linewidths": 1.4 * style.THICK},
)
"""Of the two coordinates, told apart by dashes: colours are those of points, manifolds and basins."""

_ARROWS = 21
"""Along each side."""

_NEAR = 0.05
"""Fixed points and manifolds are drawn if no farther from the plane than this share of its longer side."""

_PALE = 0.3
"""Of points that are not near the plane."""

_ANY = Look("o", style.GREY, style.GREY, 4.6)

_BASIN = 0.35


@checked
def plot_phase_portrait(
    system: Annotated[AutonomousMap | PhasePortrait, CheckedInside()],
    ax: Axes | None = None,
    *,
    points: FixedPoints | None = None,
    plane: ArrayLike | None = None,
    states: ArrayLike | None = None,
    limits: ArrayLike | None = None,
    manifolds: InvariantManifold | Sequence[InvariantManifold] = (),
    basins: BasinMap | None = None,
    starts: ArrayLike | None = None,
    cobweb_steps: Count = 100,
    streamlines: bool = False,
    legend: bool = True,
) -> Axes:
    """Draw how a map moves its states.

    - One unit: the graph of F, the diagonal, and cobwebs from ``starts``. A channel in which the graph comes near to
      the diagonal without meeting it, the ghost of a pair of fixed points, is shaded, with the steps of a passage.
    - Two units: F(h) - h as arrows of one length, or streamlines, over its length in grey; nullclines, on which one
      unit does not change; fixed points, manifolds, basins.
    - More units: the same in a plane through three states or principal components. The legend says by how much
      steps leave the plane, and how far off it the fixed points are; those farther than a twentieth of the picture are
      pale, and manifolds so far are left out. ``phase_portrait`` returns the numbers.

    Args:
        system: the map, or the result of ``phase_portrait``, to which ``points``, ``plane``, ``states`` and ``limits``
            belong.
        ax: where to draw; a new figure, one column wide, by default.
        points: fixed points; of one or two units they are looked for by default.
        plane: three states [3, n] that span the plane, n > 2.
        states: [k, n], whose principal components span it.
        limits: ((x0, x1), (y0, y1)), or (x0, x1) of one unit.
        manifolds: of saddles, from ``invariant_manifold``.
        basins: of the same plane, from ``basin_map``: behind all else.
        starts: of cobwebs, [k]; 2 by default, at the ends of the picture.
        cobweb_steps: of each.
        streamlines: in place of arrows. A map jumps: they show where it pushes, and no orbits.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: as ``phase_portrait`` does, or for basins of another plane.
    """
    of_map = {"points": points, "plane": plane, "states": states, "limits": limits}
    if isinstance(system, PhasePortrait):
        if strange := [name for name, value in of_map.items() if value is not None]:
            raise ArgumentError(strange[0], "belongs to phase_portrait: the portrait that was given has its own")
        portrait = system
    elif isinstance(system, AutonomousMap):
        portrait = phase_portrait(system, points, plane=plane, states=states, limits=limits)
    else:
        raise ArgumentError("system", f"must be an autonomous map or a PhasePortrait, got {type(system).__name__}")
    ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        if len(portrait.directions) == 1:
            step = system if isinstance(system, AutonomousMap) else None
            handles = _draw_line(ax, portrait, step, starts, cobweb_steps)
        else:
            several = [manifolds] if isinstance(manifolds, InvariantManifold) else list(manifolds)
            handles = _draw_plane(ax, portrait, several, basins, streamlines)
        if legend:
            style.add_legend(ax, handles)
    return ax


def _draw_line(
    ax: Axes, portrait: PhasePortrait, system: AutonomousMap | None, starts: ArrayLike | None, steps: int
) -> list[Artist]:
    x = portrait.x.cpu().double().numpy()
    images = x + portrait.steps[0, :, 0].cpu().double().numpy()
    ends = np.array([x[0], x[-1]])
    handles: list[Artist] = []
    handles += ax.plot(x, images, color=style.BLACK, linewidth=1.4 * style.THICK, label="F(h)", zorder=3)
    look: dict[str, Any] = {"color": style.GREY, "linewidth": style.THIN, "linestyle": "--"}
    handles += ax.plot(ends, ends, label="h' = h", zorder=2, **look)
    if system is not None:
        handles += _draw_cobwebs(ax, portrait, system, starts, steps)
    for where, gap, passage in portrait.ghosts.tolist():
        spacing = x[1] - x[0]
        channel = np.abs(images - x) <= 4 * abs(gap)
        near = np.abs(x - where) <= 0.5 * np.ptp(x)
        inside = x[channel & near] if (channel & near).any() else np.array([where - spacing, where + spacing])
        look = {"facecolor": style.COLORS_OF["marginal fixed point"], "alpha": 0.45, "linewidth": 0}
        ax.axvspan(inside.min(), inside.max(), zorder=0, **look)
        handles.append(Patch(label=f"ghost: gap {abs(gap):.2g}, about {passage:.0f} steps", **look))
    if portrait.points is not None:
        for group in classify(portrait.points):
            where = portrait.points.states[group.rows, 0].cpu().double().numpy()
            handles.append(group.look.draw(ax, np.stack([where, where], axis=1), group.label, zorder=5))
    ax.set_xlim(x[0], x[-1])
    ax.set_xlabel("h")
    ax.set_ylabel("h' = F(h)")
    return handles


def _draw_cobwebs(
    ax: Axes, portrait: PhasePortrait, system: AutonomousMap, starts: ArrayLike | None, steps: int
) -> list[Artist]:
    x = portrait.x
    inner = x[[len(x) // 20, -1 - len(x) // 20]] if starts is None else _starts(starts)
    handles: list[Artist] = []
    dashes = ("-", "--", ":", "-.")
    for number, start in enumerate(inner.tolist()):
        orbit = [start]
        for _ in range(steps):
            orbit.append(float(system(x.new_tensor([[orbit[-1]]]))[0, 0]))
        values = np.array(orbit)
        corners = np.stack([values[:-1].repeat(2), np.stack([values[:-1], values[1:]], axis=1).ravel()], axis=1)
        path = np.concatenate([corners, [[values[-1], values[-1]]]])
        look: dict[str, Any] = {
            "color": style.qualitative(number),
            "linestyle": dashes[number % 4],
            "linewidth": 0.8 * style.THICK,
        }
        handles += ax.plot(*path.T, label=f"from {start:.3g}", zorder=2.5, **look)
    return handles


def _starts(starts: ArrayLike) -> Tensor:
    given = as_tensor(starts, "starts", dtype=torch.float64, device=torch.device("cpu"))
    if given.ndim != 1 or not len(given):
        raise ArgumentError("starts", f"must be numbers [k], got shape {list(given.shape)}")
    return given


def _draw_plane(
    ax: Axes,
    portrait: PhasePortrait,
    manifolds: list[InvariantManifold],
    basins: BasinMap | None,
    streamlines: bool,
) -> list[Artist]:
    x, y = portrait.x.cpu().double().numpy(), portrait.y.cpu().double().numpy()
    steps = portrait.steps.cpu().double().numpy()
    handles: list[Artist] = []
    if basins is None:
        _shade(ax, x, y, portrait.speeds.cpu().double().numpy())
    else:
        handles += _draw_basins(ax, portrait, basins)
    handles += _draw_flow(ax, x, y, steps, streamlines)
    handles += _draw_nullclines(ax, x, y, steps, portrait)
    project = Projection(portrait.origin.double().cpu(), portrait.directions.double().cpu(), portrait.labels)
    side = max(np.ptp(x), np.ptp(y))
    handles += _draw_manifolds(ax, manifolds, project, side)
    handles += _draw_points(ax, portrait, project, side)
    ax.set_aspect("equal", adjustable="box")
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xlabel(portrait.labels[0])
    ax.set_ylabel(portrait.labels[1])
    if not portrait.whole:
        handles.append(Line2D([], [], linestyle="none", label=f"off the plane: {_leaving(portrait)}"))
    remember(ax, project)
    return handles


def _leaving(portrait: PhasePortrait) -> str:
    return f"{100 * float(portrait.leaving.median()):.0f} % of a step (median)"


def _shade(ax: Axes, x: np.ndarray, y: np.ndarray, speeds: np.ndarray) -> None:
    """The length of a step in greys, the slowest dark, with a colour bar for its scale."""
    positive = speeds[np.isfinite(speeds) & (speeds > 0)]
    if not positive.size:
        return
    high = float(positive.max())
    norm = LogNorm(max(float(np.quantile(positive, 0.002)), 1e-4 * high), high)
    half = ((x[1] - x[0]) / 2, (y[1] - y[0]) / 2)
    extent = (x[0] - half[0], x[-1] + half[0], y[0] - half[1], y[-1] + half[1])
    pale = LinearSegmentedColormap.from_list("pale", [style.tint(style.GREY, 0.66), style.tint(style.GREY, 0.03)])
    image = ax.imshow(speeds, cmap=pale, norm=norm, extent=extent, origin="lower", zorder=0, interpolation="bilinear")
    ticks = np.geomspace(float(norm.vmin or high), high, 3).tolist()
    style.color_bar(ax, image, "|F(h) − h|", ticks)


def _draw_basins(ax: Axes, portrait: PhasePortrait, basins: BasinMap) -> list[Artist]:
    """The basins at the places of the portrait, which must lie in their plane."""
    own = basins.directions.double().cpu()
    gap = portrait.origin.double().cpu() - basins.origin.double().cpu()
    off = (gap - gap @ own.T @ own).norm()
    turned = (portrait.directions.double().cpu() @ own.T).mT
    flat = (
        float((turned.mT @ turned - torch.eye(2, dtype=torch.float64)).abs().max()) if turned.shape == (2, 2) else 1.0
    )
    if flat > 1e-6 or float(off) > 1e-6 * max(1.0, float(gap.norm())):
        raise ArgumentError("basins", "must be of the plane that is drawn: give basin_map and plane the same states")
    labels = basins.labels.cpu().numpy()
    grid = np.stack(np.meshgrid(basins.x.cpu().numpy(), basins.y.cpu().numpy()), axis=-1)
    corners = (grid - (gap @ own.T).numpy()) @ turned.numpy()
    handles: list[Artist] = []
    for row in range(len(basins.attractors)):
        if (labels == row).any():
            color = style.tint(style.qualitative(row), _BASIN)
            ax.contourf(
                corners[..., 0],
                corners[..., 1],
                (labels == row).astype(float),
                levels=[0.5, 1.5],
                colors=[color],
                zorder=0,
            )
            handles.append(Patch(label=f"basin of {row}", facecolor=color, edgecolor=style.GREY, linewidth=style.THIN))
    return handles


def _draw_flow(ax: Axes, x: np.ndarray, y: np.ndarray, steps: np.ndarray, streamlines: bool) -> list[Artist]:
    look: dict[str, Any] = {"color": style.GREY}
    if streamlines:
        ax.streamplot(
            x, y, steps[..., 0], steps[..., 1], linewidth=style.THIN, arrowsize=0.5, density=1.1, zorder=1, **look
        )
        return [Line2D([], [], label="F(h) − h, streamlines", linewidth=style.THIN, **look)]
    rows, columns = (np.unique(np.linspace(0, len(a) - 1, min(_ARROWS, len(a))).round().astype(int)) for a in (y, x))
    arrows = steps[np.ix_(rows, columns)]
    arrows = arrows / np.maximum(np.linalg.norm(arrows, axis=-1, keepdims=True), 1e-300)
    options: dict[str, Any] = {"angles": "xy", "pivot": "mid", "units": "width", "width": 0.0028, "headwidth": 4.0}
    scale = 1.25 * len(columns)
    ax.quiver(x[columns], y[rows], arrows[..., 0], arrows[..., 1], scale=scale, zorder=1, **options, **look)
    return [Line2D([], [], label="way of F(h) − h", linestyle="none", marker=r"$\rightarrow$", markersize=7, **look)]


def _draw_nullclines(
    ax: Axes, x: np.ndarray, y: np.ndarray, steps: np.ndarray, portrait: PhasePortrait
) -> list[Artist]:
    handles: list[Artist] = []
    for axis, look in enumerate(_NULLCLINES):
        values = steps[..., axis]
        if np.nanmin(values) < 0 < np.nanmax(values):
            ax.contour(x, y, values, levels=[0.0], zorder=2, **look)
            name = (
                portrait.labels[axis].split(" (")[0] if portrait.whole or "PC" in portrait.labels[axis] else "xy"[axis]
            )
            line: dict[str, Any] = {"color": look["colors"], "linestyle": look["linestyles"][0]}
            handles.append(Line2D([], [], linewidth=look["linewidths"], label=f"{name} rests", **line))
    return handles


def _draw_manifolds(ax: Axes, manifolds: list[InvariantManifold], project: Projection, side: float) -> list[Artist]:
    handles: dict[str, Artist] = {}
    for one in manifolds:
        look, word = (STABLE, "stable manifold") if one.stable else (UNSTABLE, "unstable manifold")
        for branch in one.states:
            flat = project(branch)
            back = flat @ project.directions.numpy() + project.center.numpy()
            away = np.linalg.norm(branch.double().cpu().numpy() - back, axis=1)
            flat[away > _NEAR * side] = np.nan
            if np.isfinite(flat).any():
                ax.plot(*flat.T, zorder=3, label=word, **look)
                handles.setdefault(word, Line2D([], [], label=word, **look))
    return list(handles.values())


def _draw_points(ax: Axes, portrait: PhasePortrait, project: Projection, side: float) -> list[Artist]:
    if portrait.points is None:
        return []
    points, distances = portrait.points, portrait.point_distances
    near = (distances <= _NEAR * side).cpu().nonzero().flatten().tolist()
    handles: list[Artist] = []
    for group in classify(points, near):
        handles.append(group.look.draw(ax, project(points.states[group.rows]), group.label, zorder=5))
    if not portrait.whole:
        if near:
            most = float(distances[near].max())
            handles.append(Line2D([], [], linestyle="none", label=f"full: up to {most:.2g} off the plane"))
        if far := (distances > _NEAR * side).cpu().nonzero().flatten().tolist():
            for group in classify(points, far):
                group.look.draw(ax, project(points.states[group.rows]), group.label, zorder=4, alpha=_PALE)
            label = f"{len(far)} points up to {float(distances[far].max()):.2g} off the plane"
            handles.append(_ANY.entry(label))
            handles[-1].set_alpha(_PALE)
    return handles
