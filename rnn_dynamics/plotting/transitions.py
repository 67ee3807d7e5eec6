"""Graphs of what leads from one attractor to another."""

from collections.abc import Hashable, Mapping
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, ScaledTranslation

from ..checks import ArrayLike
from . import style
from .classes import ATTRACTORS, UNSETTLED, Look, point_look
from .layout import place

_NODE = 2.4
"""The size of a node as a multiple of the marker of its kind in other plots: its number must fit in."""

_RADIUS = 7.0
"""Arrows end so many points from the middle of a node."""

_BEND, _FAN = 0.12, 0.14
"""How much the first arrow between two nodes is bent, and each further one more, as shares of their distance."""

_DASHES = ("-", "--", ":")
"""After eight inputs colours begin again, with the next of these."""


def plot_transition_graph(
    graph: nx.MultiDiGraph,
    ax: Axes | None = None,
    *,
    positions: Mapping[Any, ArrayLike] | ArrayLike | None = None,
    labels: bool = True,
    self_loops: bool = False,
    legend: bool = True,
) -> Axes:
    """Draw which input takes which attractor to which, or which saddle leads to which attractors.

    Nodes have the shape and colour of their kind, and the number of their row; what settles nowhere ends in a word.
    Arrows have the colour of their input, eight colours and then other dashes; the less probable, the thinner and paler.

    Args:
        graph: of ``transition_graph`` or ``saddle_connections``.
        ax: where to draw; a new figure, one column wide, by default.
        positions: a point (x, y) or a state [n] for each node, as a mapping from nodes, or as rows [a, 2 or n] for
            attractors 0, 1, ...; states are drawn by their first three principal components, the third slantwise. Nodes
            without a position stand in a row below. By default neighbours are near to one another.
        labels: whether to number the nodes.
        self_loops: whether to draw inputs that change nothing; by default the legend counts them.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for another graph, or positions that do not fit its nodes.
    """
    if not isinstance(graph, nx.MultiDiGraph) or any("kind" not in graph.nodes[node] for node in _placeable(graph)):
        raise ValueError(
            f"graph must be that of transition_graph or saddle_connections, got {type(graph).__name__} of {len(graph)}"
            if isinstance(graph, nx.Graph)
            else f"graph must be that of transition_graph or saddle_connections, got {type(graph).__name__}"
        )
    where = place(graph, positions)
    ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        handles = _draw_nodes(ax, graph, where, labels) + _draw_edges(ax, graph, where, self_loops)
        ax.set_axis_off()
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.1)
        if legend:
            style.add_legend(ax, handles or [Line2D([], [], linestyle="none", label="no attractors")], columns=3)
    return ax
