"""The heteroclinic skeleton in state space: which saddle leads to which memory, along the manifolds themselves."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import networkx as nx
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from ..attractors import Attractors
from ..checks import ArgumentError, CheckedInside, Count, checked
from ..fixed_points import FixedPoints
from ..manifolds import InvariantManifold
from . import style
from .classes import ATTRACTORS, classify
from .manifolds import UNSTABLE
from .orbits import draw_orbit, legend_entry
from .projection import Onto, Projection, projection_for, remember

_STRAIGHT: dict[str, Any] = {"color": style.GREY, "linestyle": "-", "linewidth": 1.2 * style.THICK}


@checked
def plot_skeleton(
    graph: Annotated[nx.MultiDiGraph, CheckedInside()],
    points: FixedPoints,
    attractors: Attractors,
    ax: Axes | None = None,
    *,
    manifolds: Sequence[InvariantManifold] = (),
    most_unstable: Count = 1,
    onto: Onto | None = None,
    dimensions: int = 3,
    labels: bool = True,
    legend: bool = True,
) -> Axes:
    """Draw saddles and attractors where they are, and from each saddle lines to what its unstable directions lead to.

    A memory of three bits is a cube: attractors at its corners, saddles with one unstable direction on its edges.

    Args:
        graph: of ``saddle_connections(system, points, attractors)``.
        points: the fixed points that its saddles are rows of.
        attractors: those that it numbers; further ones that it met have no place, and are counted in the legend.
        ax: where to draw; a new figure, one column wide, by default.
        manifolds: of saddles, from ``invariant_manifold``: drawn as curves in place of the straight lines.
        most_unstable: saddles with more unstable directions are left out: one draws the edges, two the faces too.
        onto: what to show, as in ``plot_fixed_points``; by default the principal components of all that is drawn.
        dimensions: 2 or 3.
        labels: whether to number the attractors.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for another graph, or points and attractors that are not those of the graph.
    """
    saddles = _saddles(graph, points, most_unstable)
    n = points.states.shape[-1]
    if dimensions not in (2, 3) or dimensions > max(2, n):
        raise ArgumentError("dimensions", f"must be 2, or 3 for three units or more, got {dimensions} for {n}")
    if attractors.states.shape[-1] != n or any(one.saddle.shape[-1] != n for one in manifolds):
        raise ArgumentError("attractors", f"and manifolds must have states of size {n}, as the points have")
    states = [attractors.states.to(points.states), points.states[saddles]]
    project = projection_for(ax, onto, [], states, n, dimensions, fitted=False)
    ax = style.axis_for(ax, dimensions)
    with style.styled():
        drawn, lost = _draw_edges(ax, graph, points, attractors, manifolds, saddles, project)
        handles = _draw_nodes(ax, points, attractors, saddles, project, labels)
        style.label_axes(ax, project.labels, project.isometric)
        remember(ax, project)
        handles += drawn
        handles += [Line2D([], [], linestyle="none", label=f"{count} to {word}") for word, count in lost.items()]
        if legend:
            style.add_legend(ax, handles)
    return ax


def _saddles(graph: object, points: FixedPoints, most_unstable: int) -> list[int]:
    """Rows of the saddles that are drawn."""
    if not isinstance(graph, nx.MultiDiGraph) or not any(str(node).startswith("attractor ") for node in graph):
        raise ArgumentError("graph", f"must be that of saddle_connections, got {type(graph).__name__}")
    rows = [int(str(node).split()[1]) for node in graph if str(node).startswith("saddle ")]
    if any(row >= len(points) for row in rows):
        raise ArgumentError("points", f"must be those of the graph, whose saddle {max(rows)} is none of {len(points)}")
    return [row for row in rows if int(points.n_unstable[row]) <= most_unstable]


def _draw_edges(
    ax: Axes,
    graph: nx.MultiDiGraph,
    points: FixedPoints,
    attractors: Attractors,
    manifolds: Sequence[InvariantManifold],
    saddles: list[int],
    project: Projection,
) -> tuple[list[Artist], Counter[str]]:
    """Curves where there are manifolds, else straight lines; and how many lines have no place to end."""
    curved = {row for row in saddles for one in manifolds if _is_of(one, points.states[row])}
    handles: list[Artist] = []
    lost: Counter[str] = Counter()
    for one in manifolds:
        for branch in one.states:
            ax.plot(*project(branch).T, zorder=2, label="unstable manifold", **UNSTABLE)
    if manifolds:
        handles.append(Line2D([], [], label="unstable manifold", **UNSTABLE))
    straight = 0
    for row in saddles:
        for _, target, _ in graph.out_edges(f"saddle {row}", data=True):
            kind, _, number = str(target).partition(" ")
            known = (kind == "attractor" and int(number) < len(attractors)) or kind == "saddle"
            if not known:
                lost["attractors met on the way" if kind == "attractor" else f"“{target}”"] += 1
            elif row not in curved:
                end = attractors.states[int(number)] if kind == "attractor" else points.states[int(number)]
                ends = np.stack([project(points.states[row]), project(end)])
                ax.plot(*ends.T, zorder=2, label="leads to", **_STRAIGHT)
                straight += 1
    if straight:
        handles.append(Line2D([], [], label=f"leads to ({straight})", **_STRAIGHT))
    return handles, lost


def _is_of(manifold: InvariantManifold, state: Tensor) -> bool:
    gap = (manifold.saddle - state.to(manifold.saddle)).norm(dim=-1)
    return bool((gap <= 1e-6 * max(1.0, float(state.norm()))).any())


def _draw_nodes(
    ax: Axes, points: FixedPoints, attractors: Attractors, saddles: list[int], project: Projection, labels: bool
) -> list[Artist]:
    handles: list[Artist] = []
    for kind in dict.fromkeys(attractors.kinds):
        rows = [row for row, one in enumerate(attractors.kinds) if one == kind]
        look = replace(ATTRACTORS[kind], size=1.25 * ATTRACTORS[kind].size)
        for row in rows:
            draw_orbit(ax, kind, attractors.orbits[row], project, look, f"attractor {row}")
            if labels:
                place = project(attractors.states[row])
                _number(ax, str(row), place)
        handles.append(legend_entry(kind, look, f"{kind.noun} ({len(rows)})"))
    for group in classify(points, saddles):
        handles.append(group.look.draw(ax, project(points.states[group.rows]), group.label, zorder=4))
    return handles


def _number(ax: Axes, text: str, place: np.ndarray) -> None:
    options: dict[str, Any] = {"fontsize": style.SMALL, "zorder": 6, "ha": "left", "va": "bottom"}
    ax.text(*place.tolist(), f"  {text}", **options)  # pyright: ignore[reportArgumentType, reportCallIssue]
