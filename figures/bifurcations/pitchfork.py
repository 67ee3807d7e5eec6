"""A pitchfork and its unfolding by both parameters of x' = tanh(w x + b), with the closed form drawn over it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.optimize import brentq

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import Branch
from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.pages import gathered, letter, page_legend
from rnn_dynamics.store import storable
from rnn_dynamics.systems import HeldMap

from .page import run

OFFSET, WEIGHT = 0.05, 2.0
"""b of panel b, w of panel c."""

_WEIGHTS, _OFFSETS = (-3.0, 3.0), (-1.6, 1.6)

_UNIT = rd.as_map(lambda x, both: torch.tanh(both[..., :1] * x + both[..., 1:]), 1, 2).frozen(torch.float64)
"""Weight and bias are its inputs: a map for each pair would be probed anew, which takes most of the time."""

_EXACT = {"linestyle": "none", "marker": "o", "markersize": 3.4, "markerfacecolor": "none", "markeredgewidth": 0.6}


@storable
@dataclass(frozen=True, eq=False)
class Unfolding:
    """Three diagrams, two curves and a map of x' = tanh(w x + b)."""

    symmetric: rd.BifurcationDiagram
    """Over w at b = 0."""
    broken: rd.BifurcationDiagram
    """Over w at b = 0.05."""
    held: rd.BifurcationDiagram
    """Over b at w = 2."""
    fold: rd.BifurcationCurve
    """Over (w, b)."""
    flip: rd.BifurcationCurve
    chart: rd.MultistabilityMap


def plane(w: float, b: float) -> rd.AutonomousMap:
    """The map x -> tanh(w x + b)."""
    return HeldMap(_UNIT, torch.tensor([w, b], dtype=torch.float64))


def measure(longest_step: float, cells: int) -> Unfolding:
    """Follow everything from what is found on the way."""
    starts = torch.linspace(-1, 1, 64, dtype=torch.float64).unsqueeze(-1)
    walk = rd.Walk(longest_step=longest_step)
    # A search right at the pitchfork would meet a threefold root, which converges slowly; none of these falls on it.
    search = partial(rd.bifurcation_diagram, starts=starts, walk=walk, searches=32, max_period=2)
    symmetric = search(lambda w: plane(w, 0.0), span=_WEIGHTS)
    broken = search(lambda w: plane(w, OFFSET), span=_WEIGHTS)
    held = search(lambda b: plane(WEIGHT, b), span=_OFFSETS)
    points = [point for _, point in broken.special_points]
    curves = [
        rd.continue_bifurcation(
            plane,
            next(point for point in points if point.kind == kind),
            (_WEIGHTS, _OFFSETS),
            at=OFFSET,
            walk=walk,
        )
        for kind in ("fold", "flip")
    ]
    chart = rd.multistability_map(plane, starts[::8], (_WEIGHTS, _OFFSETS), resolution=(cells, cells))
    return Unfolding(symmetric, broken, held, curves[0], curves[1], chart)


def offset(x: np.ndarray, w: float | np.ndarray) -> np.ndarray:
    """The b at which x is a fixed point: atanh x - w x."""
    return np.arctanh(x) - w * x


def weight(x: np.ndarray, b: float) -> np.ndarray:
    """The w at which x is a fixed point: (atanh x - b) / x."""
    return (np.arctanh(x) - b) / x


def critical(x: np.ndarray, eigenvalue: int) -> np.ndarray:
    """The w at which the slope w (1 - x^2) at x is 1 (folds) or -1 (flips)."""
    return eigenvalue / (1 - x**2)


def fold_of(b: float) -> float:
    """The w of the fold at b > 0: its x < 0 solves atanh x - x / (1 - x^2) = b."""
    x = brentq(lambda x: float(offset(np.array(x), critical(np.array(x), 1))) - b, -0.99, -1e-9, xtol=1e-15)
    return float(critical(np.array(x), 1))


def deviations(result: Unfolding) -> dict[str, float]:
    """How far the rows and special points are from the closed form, at most, each as a distance in the parameter."""
    found = {
        "branches over w": max(_off_weights(result.symmetric, 0.0), _off_weights(result.broken, OFFSET)),
        "branches over b": max(
            float(np.abs(offset(_column(branch), WEIGHT) - branch.parameters.numpy()).max())
            for branch in result.held.branches
        ),
    }
    for curve, eigenvalue, name in ((result.fold, 1, "fold curve"), (result.flip, -1, "flip curve")):
        x, (w, b) = curve.states[:, 0].numpy(), curve.parameters.numpy().T
        found[name] = float(np.hypot(critical(x, eigenvalue) - w, offset(x, critical(x, eigenvalue)) - b).max())
    cusp = next(point for point in result.fold.codimension_two if point.kind == "cusp")
    found["cusp"] = float(np.hypot(*(cusp.parameters.numpy() - (1.0, 0.0))))
    kinds = {"branch point": 1.0, "flip": -1.0}
    points = [point for _, point in result.symmetric.special_points]
    found |= {kind: max(abs(p.parameter - at) for p in points if p.kind == kind) for kind, at in kinds.items()}
    folds = [point.parameter for _, point in result.broken.special_points if point.kind == "fold"]
    found["fold"] = max(abs(w - fold_of(OFFSET)) for w in folds)
    x = math.sqrt(1 - 1 / WEIGHT)
    ends = sorted(point.parameter for _, point in result.held.special_points)
    exact = sorted(float(offset(np.array(side * x), WEIGHT)) for side in (1, -1))
    found["folds over b"] = max(abs(one - other) for one, other in zip(ends, exact, strict=True))
    return found


def _column(branch: Branch) -> np.ndarray:
    return branch.states[:, 0].numpy()


def _off_weights(diagram: rd.BifurcationDiagram, b: float) -> float:
    """By the parameter where x is not small; there by x itself, which is 0 for the trunk and known for the rest."""
    worst = 0.0
    for branch in diagram.branches:
        x, w = _column(branch), branch.parameters.numpy()
        if branch.period == 2:
            x, w = x[np.abs(x) >= 1e-3], w[np.abs(x) >= 1e-3]
            if b == 0:  # the other phase is -x, a fixed point of tanh(-w x)
                worst = max(worst, float(np.abs(weight(x, 0.0) + w).max()))
            else:  # no closed form: what is left of x after two steps
                worst = max(worst, float(np.abs(np.tanh(w * np.tanh(w * x + b) + b) - x).max()))
            continue
        small = np.abs(x) < 1e-3
        if small.any():
            worst = max(worst, float(np.abs(np.tanh(w * x + b) - x)[small].max()))
        if (~small).any():
            worst = max(worst, float(np.abs(weight(x[~small], b) - w[~small]).max()))
    return worst


def draw(result: Unfolding) -> Figure:
    """Two cuts over w, one over b, and the plane of both."""
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 4.9), layout="constrained")
        axes = [ax for row in figure.subplots(2, 2) for ax in row]
        for ax in axes:
            style.dress(ax)
        cuts = ((result.symmetric, "w", "b = 0"), (result.broken, "w", f"b = {OFFSET}"), (result.held, "b", "w = 2"))
        for ax, (diagram, parameter, title) in zip(axes, cuts, strict=False):
            rd.plot_diagram(diagram, ax, parameter=f"${parameter}$", observable_label="$x$")
            ax.set_title(f"${title}$", fontsize=8, pad=3)
            ax.set_ylim(-1.15, 1.15)
        rd.plot_parameter_plane([result.fold, result.flip], result.chart, axes[3], parameters=("$w$", "$b$"))
        axes[3].collections[0].colorbar.remove()  # two regions, which are named in the picture
        _draw_exact(axes)
        _arrows(axes[2])
        _regions(axes[3])
        curves = gathered(axes[3:])
        for handle in curves:
            handle.set_label(str(handle.get_label()).partition(" (")[0] + " curve")
        exact = Line2D([], [], color=style.GREY, label="closed form", **_EXACT)
        page_legend(figure, [*gathered(axes[:3]), exact], columns=4)
        style.add_legend(axes[3], [*curves, Patch(facecolor=style.tint(style.GREY, 0.22), label="two attractors")], 3)
        letter(axes, left=26, up=3)
    return figure


def _draw_exact(axes: Sequence[Axes]) -> None:
    half = np.tanh(np.linspace(1e-3, 4.0, 4000))
    trunk = np.linspace(*_WEIGHTS, 4000)
    curves: list[list[tuple[np.ndarray, np.ndarray]]] = [
        [(trunk, 0 * trunk), *((sign * weight(x, 0.0), x) for x in (half, -half) for sign in (1, -1))],
        [(weight(x, OFFSET), x) for x in (half, -half)],
        [(offset(np.append(-half[::-1], half), WEIGHT), np.append(-half[::-1], half))],
        [(critical(x, sign), offset(x, critical(x, sign))) for x in (half, -half) for sign in (1, -1)],
    ]
    for ax, own in zip(axes, curves, strict=True):
        for x, y in own:
            ax.plot(*_thinned(ax, x, y), color=style.GREY, zorder=4.5, **_EXACT)


def _thinned(ax: Axes, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of a curve that are a tenth of the axis apart, of what is to be seen."""
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    width, height = min(x1, _WEIGHTS[1]) - max(x0, _WEIGHTS[0]), y1 - y0
    seen = (np.abs(x) <= x1 - 0.02 * width) & (np.abs(y) <= y1)
    x, y = x[seen], y[seen]
    arc = np.append(0, np.cumsum(np.hypot(np.diff(x) / width, np.diff(y) / height)))
    at = np.arange(0.05, arc[-1], 0.1)
    return np.interp(at, arc, x), np.interp(at, arc, y)


def _arrows(ax: Axes) -> None:
    """The jumps of hysteresis: at each fold to the other branch."""
    x = math.sqrt(1 - 1 / WEIGHT)
    for side in (1, -1):
        b = float(offset(np.array(-side * x), WEIGHT))
        top = brentq(lambda y, b=b: math.tanh(WEIGHT * y + b) - y, side * 0.72, side)
        assert isinstance(top, float)  # for the type checker: without full_output there is nothing else
        ax.annotate(
            "",
            (b, 0.96 * top),
            (b, -side * (x - 0.1)),
            zorder=2,
            arrowprops={"arrowstyle": "-|>,head_width=0.16,head_length=0.3", "color": style.GREY, "linewidth": 0.7},
        )


def _regions(ax: Axes) -> None:
    """What the regions are, and where the cuts of the other panels lie."""
    for x, y, name in (
        (2.52, 0.33, "bistable"),
        (0.0, 0.9, "1 stable fixed point"),
        (-2.2, 0.9, "1 cycle of\nperiod 2"),
    ):
        ax.text(x, y, name, ha="center", va="center", fontsize=style.SMALL, zorder=6)
    cut = {"color": style.GREY, "linewidth": style.THIN, "linestyle": ":", "zorder": 1}
    ax.axhline(0, **cut)
    ax.axhline(OFFSET, **cut)
    ax.axvline(WEIGHT, **cut)
    names = ((-2.9, -0.04, "a", "top"), (-2.9, OFFSET + 0.04, "b", "bottom"), (WEIGHT + 0.07, -1.5, "c", "bottom"))
    for x, y, name, side in names:
        ax.text(x, y, name, va=side, fontsize=style.SMALL, fontweight="bold", color=style.GREY)


def _told(deviation: float) -> str:
    """A few roundings are those of the machine that evaluates the closed form: no number is given for them."""
    return f"{deviation:.1e}" if deviation >= 1e-15 else "less than 1e-15"


def caption(result: Unfolding) -> str:
    """What is shown, and how exact it is."""
    off = deviations(result)
    points = {point.kind: point for _, point in result.symmetric.special_points if point.criticality}
    fold = next(point for _, point in result.broken.special_points if point.kind == "fold")
    ends = sorted(point.parameter for _, point in result.held.special_points)
    located = ("cusp", "branch point", "flip", "fold", "folds over b")
    largest = max(off[name] for name in located)
    rows = "\n".join(f"| {name} | {_told(value)} |" for name, value in off.items())
    cells = result.chart.counts.shape[0]
    return f"""
**A pitchfork and its unfolding.** Fixed points and cycles of x' = tanh(w x + b), one unit with a weight and a bias;
stable ones solid, unstable dashed. Circles are the closed form.

**a.** Over w at b = 0: a supercritical pitchfork at w = {points["branch point"].parameter:.9f} (normal form
coefficient {points["branch point"].coefficient:.6f}, exactly -1/3), and a supercritical flip at w =
{points["flip"].parameter:.9f} ({points["flip"].coefficient:.6f}, exactly 1/3), from which a stable cycle of period 2
comes. **b.** At b = {OFFSET} the pitchfork is broken: one branch runs through, the other, which nothing connects with
it, has a fold at w = {fold.parameter:.9f}. **c.** Over b at w = {WEIGHT:g}: hysteresis between folds at b =
{ends[0]:.9f} and {ends[1]:.9f}; arrows are the jumps. **d.** The plane of both, with the cuts of a to c (dotted): the
curve of folds has a cusp (CP) where the pitchfork is, the curve of flips bounds the cycles. Shaded: {cells} x {cells}
points at which settling starts by plain iteration reached two attractors.

The closed form: x is a fixed point where b = atanh x - w x; folds are at w = 1 / (1 - x^2), flips at w = -1 / (1 -
x^2). Special points deviate from it by {_told(largest)} at most, in the parameter; everything, rows of branches
included, by {_told(max(off.values()))}, the tolerance of 1e-11 in x divided by how slowly x changes with the parameter.

| what | largest deviation in the parameter |
|---|---|
{rows}
"""


SCALES = {"smoke": partial(measure, 0.2, 3), "small": partial(measure, 0.02, 33)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, unless it has been, and draw."""
    run("pitchfork", SCALES, draw, caption, arguments)


if __name__ == "__main__":
    main()
