"""One page of HTML that turns in three dimensions: fixed points, attractors, trajectories and manifolds."""

import importlib
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from matplotlib.colors import to_hex
from torch import Tensor

from ..attractors import Attractors
from ..checks import ArgumentError, ArrayLike, CheckedInside, checked
from ..files import replacing
from ..fixed_points import FixedPoints
from ..manifolds import ConnectingOrbits, InvariantManifold, InvariantSurface
from . import style
from .classes import ATTRACTORS, Look, classify
from .manifolds import STABLE, UNSTABLE, Manifold, parts_of
from .projection import Onto, Projection, projection_for
from .trajectories import as_trajectories, broken

_SYMBOLS = {"o": "circle", "^": "diamond", "s": "square", "p": "diamond-open", "D": "diamond-open", "*": "cross"}
"""Plotly has eight markers in space, none of them a triangle."""

_SIZE = 1.1
"""Pixels of a marker for a point of matplotlib's."""


@checked
def interactive(
    path: Annotated[str | os.PathLike[str], CheckedInside()],
    points: FixedPoints | None = None,
    *,
    attractors: Attractors | None = None,
    trajectories: ArrayLike | None = None,
    manifolds: Manifold | Sequence[Manifold] = (),
    onto: Onto | None = None,
    title: str = "",
) -> Path:
    """Write a page with a picture in space that can be turned, zoomed, and asked what each point is.

    The page holds all that it needs, plotly's script too (4 MB): it opens from the disk, without a network. Entries of
    the legend show and hide what they stand for; the pointer tells row, kind and largest eigenvalue of a fixed point.

    Args:
        path: of the file, "states.html"; it appears only when whole.
        points: the result of ``find_fixed_points``.
        attractors: the result of ``find_attractors``.
        trajectories: states [batch, time, n].
        manifolds: results of ``invariant_manifold``, ``invariant_surface`` and ``connecting_orbits``.
        onto: three units or directions, as in ``plot_fixed_points``; by default the principal components of
            trajectories, else of all that is drawn; all units where there are three or fewer.
        title: above the picture.

    Returns:
        The path.

    Raises:
        ValueError: for nothing to draw, states of several sizes, or a path that cannot be written.
        ImportError: without plotly, ``pip install 'rnn-dynamics[interactive]'``.
    """
    several = [manifolds] if isinstance(manifolds, Manifold) else list(manifolds)
    file = _file(path)
    states = _all_states(points, attractors, several)
    n = states[0].shape[-1] if states else _size_of(trajectories)
    paths = None if trajectories is None else as_trajectories(trajectories, "trajectories", n)
    if any(part.shape[-1] != n for part in states):
        raise ArgumentError("points", "and all else must have states of one size")
    project = _projection(onto, paths, states, n)
    traces = [*_trajectory_traces(paths, project), *(trace for one in several for trace in _traces_of(one, project))]
    traces += _point_traces(points, project) + _attractor_traces(attractors, project)
    page = _page(traces, project.labels, title)
    with replacing(file) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return file


def _file(path: str | os.PathLike[str]) -> Path:
    try:
        file = Path(path)
    except TypeError as error:
        raise ArgumentError("path", f"must be that of a file, got {type(path).__name__}") from error
    if file.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError("path", f"must end in .html, got {file.name!r}")
    return file


def _all_states(points: FixedPoints | None, attractors: Attractors | None, manifolds: list[Manifold]) -> list[Tensor]:
    if not all(isinstance(one, Manifold) for one in manifolds):
        wanted = "results of invariant_manifold, invariant_surface or connecting_orbits"
        raise ArgumentError("manifolds", f"must be {wanted}")
    parts = [] if points is None else [points.states]
    parts += [] if attractors is None else list(attractors.orbits)
    return parts + [part for one in manifolds for part in parts_of(one)]


def _size_of(trajectories: ArrayLike | None) -> int:
    if trajectories is None:
        raise ArgumentError("points", "or something else to draw must be given")
    return int(np.asarray(trajectories).shape[-1])


def _projection(onto: Onto | None, paths: Tensor | None, states: list[Tensor], n: int) -> Projection:
    if n < 3:
        raise ArgumentError("points", f"must have three units or more to be drawn in space, got {n}")
    if onto is None and n == 3:
        onto = [0, 1, 2]
    return projection_for(None, onto, [] if paths is None else [paths], states, n, 3, fitted=False)


def _axes(where: np.ndarray) -> dict[str, Any]:
    return dict(zip("xyz", np.round(where, 6).T.tolist(), strict=True))


def _line(where: np.ndarray, name: str, color: str, width: float, **more: Any) -> dict[str, Any]:
    return (
        {"type": "scatter3d", "mode": "lines", "name": name, "line": {"color": color, "width": width}}
        | _axes(where)
        | {"connectgaps": False, "hoverinfo": "name"}
        | more
    )


def _dots(where: np.ndarray, name: str, look: Look, texts: list[str]) -> dict[str, Any]:
    symbol = _SYMBOLS.get(look.marker, "circle")
    marker = {
        "size": _SIZE * look.size,
        "symbol": symbol,
        "color": to_hex(look.face if look.face != "none" else "white"),
    }
    marker["line"] = {"color": to_hex(look.edge), "width": 1.5}
    dots = {"type": "scatter3d", "mode": "markers", "name": name, "marker": marker, "text": texts, "hoverinfo": "text"}
    return dots | _axes(where)


def _trajectory_traces(paths: Tensor | None, project: Projection) -> list[dict[str, Any]]:
    if paths is None:
        return []
    return [_line(broken(project(paths)), f"trajectories ({len(paths)})", style.LIGHT_GREY, 1.5)]


def _point_traces(points: FixedPoints | None, project: Projection) -> list[dict[str, Any]]:
    if points is None:
        return []
    traces = []
    for group in classify(points):
        texts = [
            f"fixed point {row}: {points.kinds[row]}<br>{int(points.n_unstable[row])} unstable,"
            f" largest |λ| {float(points.spectral_radii[row]):.4g}"
            for row in group.rows
        ]
        traces.append(_dots(project(points.states[group.rows]), group.label, group.look, texts))
    return traces


def _attractor_traces(attractors: Attractors | None, project: Projection) -> list[dict[str, Any]]:
    traces = []
    for row, orbit in enumerate(attractors.orbits if attractors is not None else ()):
        assert attractors is not None  # there are orbits
        kind = attractors.kinds[row]
        text = f"attractor {row}: {kind.noun}"
        traces.append(_dots(project(orbit), text, ATTRACTORS[kind], [text] * len(orbit)))
    return traces


def _traces_of(one: Manifold, project: Projection) -> list[dict[str, Any]]:
    if isinstance(one, InvariantManifold):
        name, look = ("stable manifold", STABLE) if one.stable else ("unstable manifold", UNSTABLE)
        dash = {"dash": "dash"} if one.stable else {}
        lines = [np.concatenate([project(branch), np.full((1, 3), np.nan)]) for branch in one.states]
        trace = _line(np.concatenate(lines), name, look["color"], 4)
        trace["line"] |= dash
        return [trace]
    if isinstance(one, ConnectingOrbits):
        word = "homoclinic orbit" if one.homoclinic else "connecting orbit"
        look = Look("o", style.BLACK, style.BLACK, 2.6)
        return [
            _dots(project(orbit), f"{word} {row}", look, [f"{word} {row}, step {step}" for step in range(len(orbit))])
            for row, orbit in enumerate(one.orbits)
        ]
    assert isinstance(one, InvariantSurface)
    i, j, k = one.triangles.T.tolist()
    color = style.tint(UNSTABLE["color"], 0.5)
    mesh = {"type": "mesh3d", "name": "unstable surface", "showlegend": True, "color": color, "opacity": 0.5}
    return [mesh | _axes(project(one.states)) | {"i": i, "j": j, "k": k, "hoverinfo": "name"}]


def _page(traces: list[dict[str, Any]], labels: Sequence[str], title: str) -> str:
    try:
        offline = importlib.import_module("plotly.offline")
    except ImportError as error:
        raise ImportError("interactive pages need plotly: pip install 'rnn-dynamics[interactive]'") from error
    axes = {f"{name}axis": {"title": {"text": label}} for name, label in zip("xyz", labels, strict=True)}
    layout: dict[str, Any] = {"scene": axes | {"aspectmode": "data"}, "legend": {"itemsizing": "constant"}}
    layout |= {"margin": {"l": 0, "r": 0, "b": 0, "t": 40 if title else 0}, "font": {"family": "sans-serif"}}
    if title:
        layout["title"] = {"text": escape(title)}
    figure = {"data": traces, "layout": layout}
    options: dict[str, Any] = {"include_plotlyjs": True, "output_type": "div", "validate": False, "auto_open": False}
    body = offline.plot(figure, **options)
    head = f'<meta charset="utf-8"><title>{escape(title or "states")}</title>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'
