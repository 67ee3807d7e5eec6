"""The parts of a bifurcation diagram: lines by stability, moduli of eigenvalues, sampled attractors, exponents."""

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..attractors import AttractorKind
from ..bifurcations import BifurcationDiagram, Branch, ContinuumBranch, Section
from . import style
from .branch_curves import Height, along, drawn, parameters_along, phases_of, smooth
from .classes import ATTRACTORS
from .logarithms import uncrowd

_STABLE, _UNSTABLE = 1.3 * style.THICK, 0.8 * style.THICK
_CYCLE = 0.65
"""The width of a cycle's lines as a share of those of fixed points, from which not colour alone tells them."""

_ON, _OFF = 3.2, 1.8
"""Dash and gap in points, whatever the width: lines that coincide, as of a pair of eigenvalues, stay dashed."""

_LEADING = 3
"""Moduli that are drawn of each row."""

_MANY = 3000
"""Dots from which on a PDF holds them as a picture: as vectors they would be megabytes."""

_FLOOR = 2.0
"""The lowest exponent shown, in units of the fifth percentile: a superstable point has minus infinity."""

_SPREAD = 10.0
"""A modulus from which on their axis is logarithmic, for 1 to be seen."""


class FittedDashes(Line2D):
    """A dashed line that begins and ends with a whole dash, however long it comes out: so stretches meet visibly."""

    def draw(self, renderer: RendererBase) -> None:
        figure = self.get_figure(root=True)
        assert isinstance(figure, Figure)
        steps = np.diff(self.get_transform().transform_path(self.get_path()).vertices, axis=0)
        length = float(np.nansum(np.hypot(*steps.T))) * 72 / figure.dpi
        gaps = max(1, round((length - _ON) / (_ON + _OFF)))
        stretch = max(length / (gaps * (_ON + _OFF) + _ON), 0.05)
        if not math.isclose(stretch, getattr(self, "_stretch", 1.0), rel_tol=1e-6):
            self._stretch = stretch
            self.set_dashes(_dashes(self.get_linewidth(), stretch))
        super().draw(renderer)


def _dashes(width: float, stretch: float = 1.0) -> tuple[float, float]:
    """Dash and gap as matplotlib wants them, in line widths."""
    return stretch * _ON / width, stretch * _OFF / width


def color_of(branch: Branch) -> str:
    """One for fixed points, one for cycles: those of attractors of that kind in other figures."""
    return ATTRACTORS["fixed point" if branch.period == 1 else "cycle"].edge


def _width(branch: Branch) -> float:
    return 1.0 if branch.period == 1 else _CYCLE


def add_line(ax: Axes, x: np.ndarray, y: np.ndarray, stable: bool, color: str, width: float = 1.0) -> Line2D:
    """A solid line if stable, else a dashed one; a dot where there is but one point."""
    look = {"color": color, "linewidth": width * (_STABLE if stable else _UNSTABLE), "zorder": 3.0 if stable else 2.5}
    if stable:
        line = Line2D(x, y, **look)
    else:
        line = FittedDashes(x, y, linestyle=(0, _dashes(look["linewidth"])), dash_capstyle="butt", **look)
    if len(x) == 1:
        line.set(marker="o", markersize=2.4, markerfacecolor=color if stable else "white")
    ax.add_line(line)
    return line


def draw_branches(ax: Axes, branches: Sequence[Branch], height: Height) -> list[np.ndarray]:
    """Draw every branch, solid where stable and dashed where not; returns the curves [m, 2]."""
    curves: list[np.ndarray] = []
    for branch in branches:
        for phase in phases_of(branch):
            parameters, states = smooth(branch, phase)
            where, heights = parameters.numpy(), height(states)
            for rows, stable in branch.segments():
                part = drawn(rows)
                add_line(ax, where[part], heights[part], stable, color_of(branch), _width(branch))
                curves.append(np.stack([where[part], heights[part]], axis=1))
    return curves


def bounded(ax: Axes, branches: Sequence[Branch], curves: Sequence[np.ndarray], marks: Sequence[float]) -> None:
    """Cut the axis where a branch runs to infinity: it shows all but the outer 2 % of the curves, and every marker."""
    if not any("bound" in branch.ends for branch in branches):
        return
    heights = np.concatenate([0.5 * (curve[1:, 1] + curve[:-1, 1]) for curve in curves])
    # Measured along the parameter; along the branch most of it is on its way to infinity.
    widths = np.concatenate([np.abs(np.diff(curve[:, 0])) for curve in curves])
    order = np.argsort(heights)
    shares = np.cumsum(widths[order]) / max(float(widths.sum()), 1e-300)
    low, high = (float(heights[order[min(int(np.searchsorted(shares, at)), len(order) - 1)]]) for at in (0.02, 0.98))
    low, high = min([low, *marks]), max([high, *marks])
    room = 0.08 * (high - low) or 0.5
    ax.set_ylim(low - room, high + room)


def branch_handles(branches: Sequence[Branch]) -> list[Artist]:
    """The legend's entries of the lines that occur: stability, and where there are cycles, what each colour is."""
    cycles = sorted({branch.period for branch in branches if branch.period > 1})
    solid = {stable for branch in branches for _, stable in branch.segments()}
    handles: list[Artist] = []
    for stable, word in ((True, "stable"), (False, "unstable")):
        if stable in solid:
            look: dict[str, Any] = {"linestyle": "-"} if stable else {"linestyle": (0, _dashes(_UNSTABLE))}
            look |= {"color": style.BLACK if cycles else color_of(branches[0]), "label": word}
            handles.append(Line2D([], [], linewidth=_STABLE if stable else _UNSTABLE, **look))
    if not cycles:
        return handles
    few = ", ".join(map(str, cycles)) if len(cycles) <= 3 else f"{cycles[0]}–{cycles[-1]}"
    for moving, word in ((False, "fixed point"), (True, f"cycle, period {few}")):
        own = [branch for branch in branches if (branch.period > 1) == moving]
        if own:
            handles.append(Line2D([], [], color=color_of(own[0]), linewidth=_STABLE * _width(own[0]), label=word))
    return handles


def draw_moduli(ax: Axes, branches: Sequence[Branch]) -> None:
    """The leading moduli |lambda| of every row against its parameter, thinner the further down; a line at 1."""
    ax.axhline(1, color=style.GREY, linewidth=style.THIN, linestyle=":", zorder=1)
    shown: list[float] = []
    for branch in branches:
        moduli = branch.eigenvalues[:, :_LEADING].abs().cpu().numpy()
        where = parameters_along(branch)
        for rank, values in enumerate(moduli.T):
            fine = along(values)
            for rows, stable in branch.segments():
                part = drawn(rows)
                add_line(ax, where[part], fine[part], stable, color_of(branch), _width(branch) * (1 - 0.25 * rank))
            shown += values[np.isfinite(values) & (values > 0)].tolist()
    ax.autoscale_view()
    if max(shown, default=0) > _SPREAD:
        ax.set_yscale("log")
        uncrowd(ax.yaxis)
        ax.set_ylim(max(min(shown), 0.05), 1.3 * max(shown))
    ax.set_ylabel("leading |λ|")


def draw_sections(ax: Axes, sections: Sequence[Section], height: Height) -> tuple[list[Artist], np.ndarray]:
    """Draw sampled states as dots at their parameter; returns the legend's entries and the dots [q, 2]."""
    handles: list[Artist] = []
    dots = [np.empty((0, 2))]
    for kind in dict.fromkeys(section.kind for section in sections):
        own = [section for section in sections if section.kind == kind]
        x = np.concatenate([np.full(len(section.states), section.parameter) for section in own])
        y = np.concatenate([height(section.states) for section in own])
        color = ATTRACTORS[kind].edge
        size = 1.2 if kind == "cycle" else 0.7
        color = color if kind == "cycle" else style.tint(color, 0.6)  # branches stay visible in a cloud
        ax.scatter(x, y, s=size**2, c=color, linewidths=0, zorder=1.5, rasterized=len(x) > _MANY)
        look: dict[str, Any] = {
            "linestyle": "none",
            "marker": "o",
            "markersize": 2.4,
            "markeredgewidth": 0,
            "color": color,
        }
        label = f"{AttractorKind(kind).noun}, sampled"
        handles.append(Line2D([], [], label=label, **look))
        dots.append(np.stack([x, y], axis=1))
    return handles, np.concatenate(dots)


def draw_continua(ax: Axes, continua: Sequence[ContinuumBranch], height: Height) -> list[Artist]:
    """Shade the range of heights of each line, ring or sheet of fixed points, darker where it attracts all along it.

    Its edges are lines as those of branches: solid where it attracts, dashed elsewhere.
    """
    handles: dict[str, Artist] = {}
    for branch in continua:
        where = branch.parameters.numpy()
        heights = [height(continuum.states) for continuum in branch.continua]
        low, high = (np.array([edge(values) for values in heights]) for edge in (np.min, np.max))
        # A stretch between two parameters attracts if it does at both; where they differ it changes within.
        steady = [word in ("attracting", "marginal") for word in branch.stabilities]
        pieces = [one and other for one, other in pairwise(steady)]
        for attracts, rows in groupby(range(len(pieces)), key=pieces.__getitem__):
            members = list(rows)
            part = slice(members[0], members[-1] + 2)
            color = style.tint(style.COLORS_OF["continuum"], 0.7 if attracts else 0.35)
            label = f"continuum of fixed points{', attracting' if attracts else ''}"
            ax.fill_between(where[part], low[part], high[part], color=color, linewidth=0, zorder=1)
            for edge in (low, high):
                add_line(ax, where[part], edge[part], attracts, style.COLORS_OF["continuum"], 0.6)
            handles.setdefault(label, Patch(facecolor=color, edgecolor=style.COLORS_OF["continuum"], label=label))
    return list(handles.values())


def draw_exponents(ax: Axes, branches: Sequence[Branch], sections: Sequence[Section]) -> None:
    """The largest Lyapunov exponent of every section, those of chaos larger; of stable branches as lines; and 0.

    Of a stable fixed point or cycle of period k it is ln(max |lambda|) / k.
    """
    ax.axhline(0, color=style.GREY, linewidth=style.THIN, linestyle=":", zorder=1)
    shown: list[float] = [0.0]
    for branch in branches:
        where = parameters_along(branch)
        exponents = np.log(along(branch.spectral_radii.cpu().numpy()).clip(min=1e-300)) / branch.period
        for rows, stable in branch.segments():
            if stable:
                values = exponents[drawn(rows)]
                add_line(ax, where[drawn(rows)], values, True, color_of(branch), 0.7 * _width(branch))
                shown += values.tolist()
    for kind in dict.fromkeys(section.kind for section in sections):
        own = [section for section in sections if section.kind == kind]
        look = ATTRACTORS[kind]
        x, y = [section.parameter for section in own], [section.exponent for section in own]
        size = 2.6 if kind == "chaotic" else 1.8
        ax.plot(x, y, linestyle="none", marker="o", markersize=size, color=look.edge, markeredgewidth=0, zorder=4)
        shown += [value for value in y if math.isfinite(value)]
    ax.autoscale_view()
    bottom = max(min(shown), _FLOOR * float(np.quantile(shown, 0.05)))
    room = 0.08 * max(max(shown) - bottom, 1e-3)
    ax.set_ylim(bottom - room, max(shown) + room)
    ax.set_ylabel("Lyapunov\nexponent")


def draw_gaps(ax: Axes, diagram: BifurcationDiagram, height: Height) -> list[Artist]:
    """What the diagram says it lacks: fixed points that no branch passes, and intervals whose index sum is wrong."""
    handles: list[Artist] = []
    if diagram.missed:
        look: dict[str, Any] = {
            "linestyle": "none",
            "marker": "x",
            "markersize": 3.6,
            "color": style.GREY,
            "label": "not traced",
        }
        y = [float(height(state[None])[0]) for _, state in diagram.missed]
        ax.plot([parameter for parameter, _ in diagram.missed], y, zorder=4, **look)
        handles.append(Line2D([], [], **look))
    for low, high in diagram.missing:
        ax.axvspan(low, high, color=style.tint(style.LIGHT_GREY, 0.45), linewidth=0, zorder=0)
    if diagram.missing:
        color = style.tint(style.LIGHT_GREY, 0.45)
        handles.append(Patch(facecolor=color, edgecolor=color, label="a branch is missing"))
    return handles
