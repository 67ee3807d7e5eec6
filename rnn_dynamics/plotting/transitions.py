"""Graphs of what leads from one attractor to another."""

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from ..attractors import AttractorKind
from ..checks import ArgumentError, ArrayLike, CheckedInside, checked
from . import style
from .arrows import draw_arrow, draw_loop, half_width
from .classes import ATTRACTORS, UNSETTLED, Look, point_look
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

_FLAT = 0.4
"""The least ratio of height to width, or of width to height: loops need room below the legend."""

_SHORT = 17
"""Legends of longer entries have two columns instead of three."""

_MINUS = re.compile(r"(?<!\w)-(?=[\d.])")
"""Before a number; "left-right" keeps its hyphen."""

_LUMINANCE = (0.299, 0.587, 0.114)
"""What red, green and blue contribute to it."""

_DASHES = ("-", (0, (4, 1.4)), (0, (1, 1)), (0, (5, 1.2, 1, 1.2)), (0, (7, 2)), (0, (3, 1, 1, 1, 1, 1)))
"""With colours, so that inputs are told apart in grey too; both repeat together after 24 inputs only."""


@checked
def plot_transition_graph(
    graph: Annotated[nx.MultiDiGraph, CheckedInside()],
    ax: Axes | None = None,
    *,
    positions: Mapping[Any, ArrayLike] | ArrayLike | None = None,
    labels: bool = True,
    names: Sequence[str] | None = None,
    self_loops: bool = False,
    legend: bool = True,
) -> Axes:
    """Draw which input takes which attractor to which, or which saddle leads to which attractors.

    Nodes have the shape and colour of their kind, and the number of their row; what settles nowhere ends in a word.
    Arrows have the colour and dashes of their input; the rarer, the thinner and paler.

    Args:
        graph: of ``transition_graph`` or ``saddle_connections``.
        ax: where to draw; a new figure, one column wide, by default.
        positions: a point (x, y) or a state [n] for each node, as a mapping from nodes, or as rows [a, 2 or n] for
            attractors 0, 1, ...; states are seen in the space of their first three principal components, from
            the side from which no two are close. Nodes without a position stand in a row below. By default neighbours
            are near to one another.
        labels: whether to number the nodes.
        names: a short word for each of attractors 0, 1, ... in place of its number, such as the bits it holds, "+−+".
        self_loops: whether to draw inputs that change nothing; by default the legend counts them.
        legend: whether to add the legend, which stands above the axis.

    Returns:
        The axis.

    Raises:
        ValueError: for another graph, positions that do not fit its nodes, or names of more attractors than it has.
    """
    _require_graph(graph)
    words = _words(graph, names)
    where = place(graph, positions)
    ax = style.axis_for(ax, dimensions=2)
    with style.styled():
        size = _LARGE if len(graph) <= _FEW else _SMALL
        if labels and names:
            size = _widened(size, max(map(len, words.values())))
        handles = _draw_nodes(ax, graph, where, words if labels else {}, size)
        handles += _draw_edges(ax, graph, where, self_loops, size)
        ax.set_axis_off()
        ax.set_aspect("equal")
        _leave_room(ax, where)
        ax.margins(0.2 if self_loops else 0.08)
        if legend:
            handles = handles or [style.nothing("no attractors")]
            short = max(len(str(handle.get_label())) for handle in handles) <= _SHORT
            style.add_legend(ax, handles, columns=3 if short else 2, length=2.2)
    return ax


def _leave_room(ax: Axes, where: dict[Hashable, np.ndarray]) -> None:
    """Make the axis no narrower than ``_FLAT`` where all nodes are on a line."""
    if where:
        points = np.stack(list(where.values()))
        half = np.maximum(np.ptp(points, axis=0), _FLAT * np.ptp(points, axis=0).max()) / 2
        middle = (points.max(axis=0) + points.min(axis=0)) / 2
        ax.update_datalim([middle - half, middle + half])


def _words(graph: nx.MultiDiGraph, names: Sequence[str] | None) -> dict[Hashable, str]:
    """What is written in each node: its name, or the number of its row."""
    nodes = [node for node in graph if not _is_outcome(node)]
    words: dict[Hashable, str] = {node: str(node).split()[-1] for node in nodes}
    if names is None:
        return words
    attractors = [node for node in nodes if isinstance(node, int) or str(node).startswith("attractor ")]
    if len(names) > len(attractors):
        raise ArgumentError("names", f"must be of at most {len(attractors)} attractors, got {len(names)}")
    return words | dict(zip(attractors, names, strict=False))


def _widened(size: _Sizes, letters: int) -> _Sizes:
    """Nodes in which words of so many letters fit."""
    more = max(1.0, 0.62 * letters)
    return size._replace(scale=more * size.scale, reach=more * size.reach, font=style.SMALL)


def _require_graph(graph: object) -> None:
    what = "graph must be that of transition_graph or saddle_connections"
    if not isinstance(graph, nx.MultiDiGraph):
        raise ValueError(f"{what}, got {type(graph).__name__}")
    if strange := [node for node in graph if not _is_outcome(node) and "kind" not in graph.nodes[node]]:
        raise ValueError(f"{what}, got one with nodes of no kind: {strange[:3]}")


def _is_outcome(node: Hashable) -> bool:
    return node in UNSETTLED


def _draw_nodes(
    ax: Axes, graph: nx.MultiDiGraph, where: dict[Hashable, np.ndarray], words: Mapping[Hashable, str], size: _Sizes
) -> list[Line2D]:
    classes: dict[str, tuple[Look, list[Hashable]]] = {}
    for node, data in graph.nodes(data=True):
        if _is_outcome(node):
            box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": style.GREY, "linewidth": style.THIN}
            x, y = where[node]
            ax.text(x, y, str(node), ha="center", va="center", fontsize=style.SMALL, zorder=4, bbox=box)
            ax.scatter(x, y, s=0)  # words alone do not widen the axis
        elif "n_unstable" in data:
            kind, unstable = data["kind"].split()[0], data["n_unstable"]
            name = f"saddle, {unstable} unstable" if kind == "saddle" else kind
            classes.setdefault(name, (point_look(kind, unstable), []))[1].append(node)
        else:
            classes.setdefault(AttractorKind(data["kind"]).noun, (ATTRACTORS[data["kind"]], []))[1].append(node)
    handles = []
    for name, (look, nodes) in classes.items():
        points = np.stack([where[node] for node in nodes])
        big = replace(look, size=size.scale * look.size)
        handle = big.draw(ax, points, f"{name} ({len(nodes)})", zorder=3, clip_on=False)
        handle.set_markersize(look.size)
        handles.append(handle)
        color = style.BLACK if np.dot(_LUMINANCE, to_rgb(look.face)) > 0.5 else "white"
        for node, point in zip(nodes, points, strict=True) if words else ():
            ax.annotate(
                words[node],
                point,
                (0, -1.2 if look.marker == "^" else 0),
                textcoords="offset points",
                ha="center",
                va="center_baseline",
                color=color,
                fontsize=size.font,
                zorder=5,
            )
    return handles


def _draw_edges(
    ax: Axes, graph: nx.MultiDiGraph, where: dict[Hashable, np.ndarray], self_loops: bool, size: _Sizes
) -> list[Line2D]:
    looks = _input_looks(graph)
    drawn = [edge for edge in graph.edges(data=True) if self_loops or edge[0] != edge[1]]
    middle = np.mean(list(where.values()), axis=0) if where else np.zeros(2)
    seen: Counter[tuple[Hashable, Hashable]] = Counter()
    for source, target, data in drawn:
        order = seen[source, target]
        seen[source, target] += 1
        probability = data.get("probability", 1.0)
        look = looks[data.get("input")] | {
            "linewidth": size.arrow * (style.THIN + 0.7 * style.THICK * probability),
            "alpha": 0.3 + 0.7 * probability,
        }
        start, end = where[source], where[target]
        if source == target:
            draw_loop(ax, start, start - middle, order, size.reach, size.arrow, **look)
        else:
            # Arrows there and back bend to opposite sides; those in one direction only spread to both.
            count, back = graph.number_of_edges(source, target), graph.number_of_edges(target, source)
            bend = _BEND + order * _FAN if back else (order - (count - 1) / 2) * _FAN
            gaps = (size.reach, half_width(str(target), end - start) if _is_outcome(target) else size.reach)
            draw_arrow(ax, start, end, bend, gaps, size.arrow, **look)
    names = {data["input"]: data["label"] for *_, data in drawn if "input" in data}
    handles = [
        Line2D([], [], linewidth=1.5 * style.THICK, label=_MINUS.sub("−", names[key]), **looks[key])
        for key in sorted(names)
    ]
    rarest = 100 * min((data.get("probability", 1.0) for *_, data in drawn), default=1.0)
    if rarest < 100:
        thin: dict[str, Any] = {"color": style.GREY, "linewidth": style.THIN, "alpha": 0.5}
        handles.append(Line2D([], [], label=f"rarest: {rarest:.0f} %" if rarest >= 1 else "rarest: < 1 %", **thin))
    if hidden := graph.number_of_edges() - len(drawn):
        handles.append(Line2D([], [], linestyle="none", label=f"{hidden} without effect"))
    return handles


def _input_looks(graph: nx.MultiDiGraph) -> dict[int | None, dict[str, Any]]:
    """How the arrows of each input look, and those without an input."""
    looks: dict[int | None, dict[str, Any]] = {None: {"color": style.GREY, "linestyle": "-"}}
    for index, key in enumerate(sorted({data["input"] for *_, data in graph.edges(data=True) if "input" in data})):
        looks[key] = {"color": style.qualitative(index), "linestyle": _DASHES[index % len(_DASHES)]}
    return looks
