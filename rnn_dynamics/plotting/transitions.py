"""Graphs of what leads from one attractor to another."""

import re
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, ScaledTranslation, Transform

from ..checks import ArrayLike
from . import style
from .classes import ATTRACTORS, UNSETTLED, Look, kind_name, point_look
from .layout import place

_FEW = 12
"""Graphs of more nodes have smaller ones."""


class _Sizes(NamedTuple):
    """What numbers must fit in."""

    scale: float
    """Of a node, as a multiple of the marker of its kind in other plots."""

    reach: float
    """How far from the middle of a node arrows end, in points."""

    font: float

    arrow: float
    """The strength of arrows, as a multiple."""


_LARGE, _SMALL = _Sizes(2.4, 7.0, 6.0, 1.0), _Sizes(1.8, 5.5, 5.0, 0.75)

_BEND, _FAN = 0.12, 0.14
"""How much the first arrow between two nodes is bent, and each further one more, as shares of their distance."""

_SHORT = 17
"""Legends of longer entries have two columns instead of three."""

_MINUS = re.compile(r"(?<!\w)-(?=[\d.])")
"""Before a number; "left-right" keeps its hyphen."""

_LUMINANCE = (0.299, 0.587, 0.114)
"""What red, green and blue contribute to it."""

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
    Arrows have the colour of their input, eight colours and then other dashes; the rarer, the thinner and paler.

    Args:
        graph: of ``transition_graph`` or ``saddle_connections``.
        ax: where to draw; a new figure, one column wide, by default.
        positions: a point (x, y) or a state [n] for each node, as a mapping from nodes, or as rows [a, 2 or n] for
            attractors 0, 1, ...; states are seen in the space of their first three principal components, from
            the side from which no two are close. Nodes without a position stand in a row below. By default neighbours
            are near to one another.
        labels: whether to number the nodes.
        self_loops: whether to draw inputs that change nothing; by default the legend counts them.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for another graph, or positions that do not fit its nodes.
    """
    if not isinstance(graph, nx.MultiDiGraph) or not all(
        _is_outcome(node) or "kind" in graph.nodes[node] for node in graph
    ):
        what = type(graph).__name__
        raise ValueError(f"graph must be that of transition_graph or saddle_connections, got another {what}")
    where = place(graph, positions)
    ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        size = _LARGE if len(graph) <= _FEW else _SMALL
        handles = _draw_nodes(ax, graph, where, labels, size) + _draw_edges(ax, graph, where, self_loops, size)
        ax.set_axis_off()
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.2 if self_loops else 0.1)
        if legend:
            handles = handles or [Line2D([], [], linestyle="none", label="no attractors")]
            short = max(len(str(handle.get_label())) for handle in handles) <= _SHORT
            style.add_legend(ax, handles, columns=3 if short else 2)
    return ax


def _is_outcome(node: Hashable) -> bool:
    return node in UNSETTLED


def _draw_nodes(
    ax: Axes, graph: nx.MultiDiGraph, where: dict[Hashable, np.ndarray], numbered: bool, size: _Sizes
) -> list[Line2D]:
    classes: dict[str, tuple[Look, list[Hashable]]] = {}
    for node, data in graph.nodes(data=True):
        if _is_outcome(node):
            box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": style.GREY, "linewidth": style.THIN}
            ax.text(*where[node], str(node), ha="center", va="center", fontsize=style.SMALL, zorder=4, bbox=box)
            ax.scatter(*where[node], s=0)  # words alone do not widen the axis
        elif "n_unstable" in data:
            kind, unstable = data["kind"].split()[0], data["n_unstable"]
            name = f"saddle, {unstable} unstable" if kind == "saddle" else kind
            classes.setdefault(name, (point_look(kind, unstable), []))[1].append(node)
        else:
            classes.setdefault(kind_name(data["kind"]), (ATTRACTORS[data["kind"]], []))[1].append(node)
    handles = []
    for name, (look, nodes) in classes.items():
        points = np.stack([where[node] for node in nodes])
        big = replace(look, size=size.scale * look.size)
        handle = big.draw(ax, points, f"{name} ({len(nodes)})", zorder=3, clip_on=False)
        handle.set_markersize(look.size)
        handles.append(handle)
        color = style.BLACK if np.dot(_LUMINANCE, to_rgb(look.face)) > 0.5 else "white"
        for node, point in zip(nodes, points, strict=True) if numbered else ():
            ax.annotate(
                str(node).split()[-1], point, (0, -1.2 if look.marker == "^" else 0), textcoords="offset points",
                ha="center", va="center_baseline", color=color, fontsize=size.font, zorder=5,
            )  # fmt: skip
    return handles


def _draw_edges(
    ax: Axes, graph: nx.MultiDiGraph, where: dict[Hashable, np.ndarray], self_loops: bool, size: _Sizes
) -> list[Line2D]:
    names = dict(sorted((data["input"], data["label"]) for *_, data in graph.edges(data=True) if "input" in data))
    looks: dict[int | None, dict[str, Any]] = {None: {"color": style.GREY, "linestyle": "-"}}
    for index, key in enumerate(names):
        looks[key] = {"color": style.qualitative(index), "linestyle": _DASHES[index // style.COLORS % len(_DASHES)]}
    drawn = [edge for edge in graph.edges(data=True) if self_loops or edge[0] != edge[1]]
    middle = np.mean(list(where.values()), axis=0) if where else np.zeros(2)
    seen: Counter[tuple[Hashable, Hashable]] = Counter()
    for source, target, data in drawn:
        order = seen[source, target]
        seen[source, target] += 1
        probability = data.get("probability", 1.0)
        look = {
            "arrowstyle": "-|>,head_length=3.2,head_width=1.4", "mutation_scale": size.arrow, "clip_on": False, "zorder": 2,
            "linewidth": size.arrow * (style.THIN + 0.7 * style.THICK * probability), "alpha": 0.3 + 0.7 * probability,
            **looks[data.get("input")],
        }  # fmt: skip
        if source == target:
            look |= {"path": _loop(order, size.reach), "transform": _around(ax, where[source], where[source] - middle)}
        else:
            # Arrows there and back bend to opposite sides; those in one direction only spread to both.
            count, back = graph.number_of_edges(source, target), graph.number_of_edges(target, source)
            bend = _BEND + order * _FAN if back else (order - (count - 1) / 2) * _FAN
            look |= {"posA": where[source], "posB": where[target], "shrinkA": size.reach, "shrinkB": size.reach}
            look |= {"connectionstyle": f"arc3,rad={bend}"}
        ax.add_artist(FancyArrowPatch(**look))
    used = {data.get("input") for *_, data in drawn}
    handles = [
        Line2D([], [], linewidth=1.5 * style.THICK, label=_MINUS.sub("−", name), **looks[key])
        for key, name in names.items()
        if key in used
    ]
    rarest = min((data.get("probability", 1.0) for *_, data in drawn), default=1.0)
    if rarest < 1:
        handles.append(
            Line2D([], [], color=style.GREY, linewidth=style.THIN, alpha=0.4, label=f"rarest: {100 * rarest:.0f} %")
        )
    if hidden := graph.number_of_edges() - len(drawn):
        handles.append(Line2D([], [], linestyle="none", label=f"{hidden} without effect"))
    return handles


def _loop(order: int, reach: float) -> Path:
    """An arrow from the upper right of a node, which is at 0, around to its lower right, in points."""
    out = 3.5 * reach + 6 * order
    ends = reach * np.array([np.cos(0.6), np.sin(0.6)])
    return Path([ends, (out, 0.6 * out), (out, -0.6 * out), ends * (1, -1)], [Path.MOVETO] + 3 * [Path.CURVE4])


def _around(ax: Axes, point: np.ndarray, direction: np.ndarray) -> Transform:
    """From points on paper around ``point``, turned to ``direction``, to the display."""
    paper = Affine2D().rotate(float(np.arctan2(direction[1], direction[0]))).scale(1 / 72)
    return paper + ax.figure.dpi_scale_trans + ScaledTranslation(*point, ax.transData)
