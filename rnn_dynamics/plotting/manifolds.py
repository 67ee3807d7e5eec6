"""Invariant manifolds as curves and meshes, and the orbits that connect saddles along them."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from torch import Tensor

from ..checks import ArgumentError, checked
from ..manifolds import ConnectingOrbits, InvariantManifold, InvariantSurface
from ..stability import kinds, n_unstable
from . import style
from .classes import point_look
from .projection import Onto, Projection, projection_for, remember

Manifold: TypeAlias = InvariantManifold | InvariantSurface | ConnectingOrbits

_EXPANDING = style.COLORS_OF["expanding"]

UNSTABLE: dict[str, Any] = {"color": _EXPANDING, "linestyle": "-", "linewidth": style.THICK}
STABLE: dict[str, Any] = {"color": style.COLORS_OF["contracting"], "linestyle": (0, (4, 1.5)), "linewidth": style.THICK}
"""How the two sides of a saddle look; told apart by dashes too."""

_ORBIT: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 2.6, "color": style.BLACK}

_SURFACE: dict[str, Any] = {
    "facecolor": style.tint(_EXPANDING, 0.3),
    "edgecolor": style.tint(_EXPANDING, 0.6),
}

_MOST_VECTOR = 50_000


@checked
def plot_manifold(
    manifolds: Manifold | Sequence[Manifold],
    ax: Axes | None = None,
    *,
    onto: Onto | None = None,
    dimensions: int | None = None,
    aspect: str | None = None,
    legend: bool = True,
) -> Axes:
    """Draw stable and unstable manifolds with their saddles, surfaces as meshes, connecting orbits as dots.

    Unstable manifolds are full lines, stable ones dashed; the latter may run far, and do not widen a picture that
    shows something else. Saddles look as in ``plot_fixed_points``.

    Args:
        manifolds: results of ``invariant_manifold``, ``invariant_surface`` and ``connecting_orbits``, one or several of
            one map.
        ax: where to draw; a new figure, one column wide, by default. What was drawn there before decides the view.
        onto: what to show: numbers of units, directions [d, n], or a mapping from names to either; by default all units
            where there are no more than dimensions, else principal components of what is drawn.
        dimensions: 2 or 3; by default that of ``ax``, or 3 with a surface of more than two units, else 2.
        aspect: "equal" draws one unit equally long on all axes, "auto" fills the picture; by default equal where the
            directions are orthonormal.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for other results, states of several sizes, or an axis that does not fit.
    """
    several = [manifolds] if isinstance(manifolds, Manifold) else list(manifolds)
    if not several or not all(isinstance(one, Manifold) for one in several):
        wanted = "results of invariant_manifold, invariant_surface or connecting_orbits"
        raise ArgumentError("manifolds", f"must be {wanted}, got {type(manifolds).__name__}")
    sizes = {part.shape[-1] for one in several for part in parts_of(one)}
    if len(sizes) != 1:
        raise ArgumentError("manifolds", f"must be of one map, got states of sizes {sorted(sizes)}")
    n = sizes.pop()
    solid = any(isinstance(one, InvariantSurface) for one in several) and n > 2
    d = dimensions or (3 if (ax is not None and getattr(ax, "name", "") == "3d") or (ax is None and solid) else 2)
    if d not in (2, 3) or d > max(2, n):
        raise ArgumentError("dimensions", f"must be 2, or 3 for three units or more, got {d} for {n}")
    project = projection_for(ax, onto, [], [part for one in several for part in parts_of(one)], n, d, fitted=False)
    equal = style.is_equal(ax, aspect, project.isometric)
    ax = style.axis_for(ax, d)
    fixed = ax.has_data()
    with style.styled():
        limits = _limits(several, project, equal) if not fixed else None
        before = [getattr(ax, f"get_{name}lim")() for name in ("x", "y", "z")[:d]]
        handles = [handle for one in several for handle in _draw(ax, one, project)]
        style.label_axes(ax, project.labels, equal)
        for axis, name in enumerate(("x", "y", "z")[:d]):
            bounds = before[axis] if limits is None else limits[axis]
            getattr(ax, f"set_{name}lim")(*bounds)
        if equal and limits is not None:
            ax.set_aspect("equal", adjustable="box")
        remember(ax, project)
        if legend:
            style.add_legend(ax, _once(handles))
    return ax


def parts_of(one: Manifold) -> list[Tensor]:
    """All states [..., n] of a result."""
    if isinstance(one, InvariantSurface):
        return [one.states]
    if isinstance(one, InvariantManifold):
        return [one.saddle, *one.states]
    return [one.source[None], one.target[None], *one.orbits]


def _limits(several: list[Manifold], project: Projection, equal: bool) -> np.ndarray:
    """The picture's ends [d, 2]: of what is no stable manifold, where there is something else."""
    others = [one for one in several if not (isinstance(one, InvariantManifold) and one.stable)]
    shown = np.concatenate(
        [project(part).reshape(-1, len(project.labels)) for one in others or several for part in parts_of(one)]
    )
    low, high = shown.min(axis=0), shown.max(axis=0)
    middle, longest = (low + high) / 2, max(float((high - low).max()), 1e-9 * max(1.0, float(np.abs(shown).max())))
    sides = np.full_like(low, longest) if equal else np.maximum(high - low, 1e-3 * longest)
    return np.stack([middle - 0.56 * sides, middle + 0.56 * sides], axis=1)


def _draw(ax: Axes, one: Manifold, project: Projection) -> list[Artist]:
    if isinstance(one, InvariantSurface):
        return [_draw_surface(ax, one, project), *_draw_saddles(ax, one.states[:1], one.eigenvalues, project)]
    if isinstance(one, ConnectingOrbits):
        return _draw_orbits(ax, one, project)
    look, word = (STABLE, "stable manifold") if one.stable else (UNSTABLE, "unstable manifold")
    for branch in one.states:
        (line,) = ax.plot(*project(branch).T, zorder=2, label=word, **look)
        line.set_rasterized(branch.numel() > _MOST_VECTOR)
    return [Line2D([], [], label=word, **look), *_draw_saddles(ax, one.saddle, one.eigenvalues, project)]


def _draw_saddles(ax: Axes, states: Tensor, eigenvalues: Tensor, project: Projection) -> list[Artist]:
    kind, count = kinds(eigenvalues[None])[0].split()[0], int(n_unstable(eigenvalues))
    look = point_look(kind, count)
    word = f"saddle, {count} unstable" if kind == "saddle" else kind
    return [look.draw(ax, project(states), word, zorder=5)]


def _draw_orbits(ax: Axes, one: ConnectingOrbits, project: Projection) -> list[Artist]:
    word = "homoclinic orbit" if one.homoclinic else "connecting orbit"
    for orbit in one.orbits:
        ax.plot(*project(orbit).T, zorder=4, label=word, **_ORBIT)
    return [Line2D([], [], label=word, **_ORBIT)]


def _draw_surface(ax: Axes, one: InvariantSurface, project: Projection) -> Artist:
    corners = project(one.states)[one.triangles.numpy()]
    if ax.name == "3d":
        mesh = Poly3DCollection(corners, linewidths=0.2, alpha=0.55, zorder=1, **_SURFACE)
        mesh.set_rasterized(corners.size > _MOST_VECTOR)
        ax.add_collection3d(mesh)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        flat = project(one.states)
        ax.triplot(*flat.T, one.triangles.numpy(), color=_SURFACE["edgecolor"], linewidth=0.2, zorder=1)
    return Patch(label="unstable surface", **_SURFACE)


def _once(handles: list[Artist]) -> list[Artist]:
    """Entries that read the same, once; saddles behind lines."""
    first: dict[str, Artist] = {}
    for handle in handles:
        first.setdefault(str(handle.get_label()), handle)
    return list(first.values())
