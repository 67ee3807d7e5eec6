"""How many attractors a trained flip-flop network has over an input and the gain of its recurrent weights.

The stored result is of a network from before `train_flip_flop` went through `train`; a new run trains another one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import SpecialPoint
from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.pages import gathered, letter, zoom
from rnn_dynamics.store import storable
from rnn_dynamics.training import train_flip_flop

from .page import run

Rectangle2 = tuple[tuple[float, float], tuple[float, float]]

WHOLE: Rectangle2 = ((-1.0, 1.0), (0.3, 1.5))
NEAR: Rectangle2 = ((-0.2, 0.4), (0.75, 1.2))
"""Input by gain: all, and where the curves meet."""


@storable
@dataclass(frozen=True, eq=False)
class GainMaps:
    """A trained network's diagrams over one parameter, curves over two, and maps."""

    over_gain: rd.BifurcationDiagram
    """Without input."""
    over_input: rd.BifurcationDiagram
    """At gain 1, the network as trained."""
    curves: tuple[rd.BifurcationCurve, ...]
    whole: rd.MultistabilityMap
    near: rd.MultistabilityMap
    accuracy: float


def measure(
    bits: int,
    hidden: int,
    steps: int,
    starts: tuple[int, int],
    whole: tuple[int, int],
    near: tuple[int, int],
    seed: int = 0,
) -> GainMaps:
    """Train a GRU; find its folds and other points over one parameter each, follow them over both, count attractors."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.GRU(bits, hidden, batch_first=True)
    trained = train_flip_flop(module, seed=seed, steps=steps)
    network, gains = rd.as_map(module).frozen(torch.float64), rd.scaled(module, "weight_hh_l0")
    direction = torch.eye(bits, dtype=torch.float64)[0]

    def family(p: float, q: float) -> rd.AutonomousMap:
        return gains.network(q).hold(p * direction)

    many, few = (rd.sample_states(network, trained.test_inputs, count, noise=0.5) for count in starts)
    over_gain = rd.bifurcation_diagram(lambda q: family(0.0, q), many, WHOLE[1], max_period=1)
    over_input = rd.bifurcation_diagram(lambda p: family(p, 1.0), many, WHOLE[0], max_period=1)
    curves: list[rd.BifurcationCurve] = []
    for _, point in over_input.special_points:
        if point.kind in ("fold", "flip", "Neimark-Sacker") and not _known(curves, point, (point.parameter, 1.0)):
            curves.append(rd.continue_bifurcation(family, point, WHOLE, at=1.0))
    for _, point in over_gain.special_points:
        if point.kind in ("fold", "flip", "Neimark-Sacker") and not _known(curves, point, (0.0, point.parameter)):
            curves.append(
                _turned(rd.continue_bifurcation(lambda q, p: family(p, q), point, (WHOLE[1], WHOLE[0]), at=0.0))
            )
    maps = [
        rd.multistability_map(family, few, spans, resolution=cells) for spans, cells in ((WHOLE, whole), (NEAR, near))
    ]
    return GainMaps(over_gain, over_input, tuple(curves), maps[0], maps[1], trained.accuracy)


def _known(curves: Sequence[rd.BifurcationCurve], point: SpecialPoint, place: tuple[float, float]) -> bool:
    """Whether a curve of the same kind passes the point: a fold curve is met at each of its folds."""
    sizes = torch.tensor([end - start for start, end in WHOLE], dtype=torch.float64)
    here = torch.cat([torch.tensor(place, dtype=torch.float64) / sizes, point.state])
    return any(
        curve.kind == point.kind and _distance(torch.cat([curve.parameters / sizes, curve.states], dim=1), here) < 2e-3
        for curve in curves
    )


def _distance(points: Tensor, place: Tensor) -> float:
    """From a place [m] to the polygon through points [k, m]; at the default steps its sagitta is below 1e-3."""
    chords = points[1:] - points[:-1]
    shares = ((place - points[:-1]) * chords).sum(dim=1) / chords.square().sum(dim=1)
    feet = points[:-1] + shares.clamp(0, 1)[:, None] * chords
    return float((feet - place).norm(dim=1).min())


def _turned(curve: rd.BifurcationCurve) -> rd.BifurcationCurve:
    """A curve over (q, p) as one over (p, q)."""
    points = tuple(replace(point, parameters=point.parameters.flip(0)) for point in curve.codimension_two)
    return replace(
        curve, parameters=curve.parameters.flip(1), codimension_two=points, spans=(curve.spans[1], curve.spans[0])
    )


def draw(result: GainMaps) -> Figure:
    """The plane of input and gain, its middle magnified, and what happens over the gain without input."""
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 3.0), layout="constrained")
        axes = list(figure.subplots(1, 3, width_ratios=(1, 1, 1)))
        for ax in axes:
            style.dress(ax)
        names = ("input 0, held", "gain of recurrent weights")
        rd.plot_parameter_plane(result.curves, result.whole, axes[0], parameters=names)
        _keep(axes[0], lambda x, y: y > NEAR[1][1] or x > NEAR[0][1])
        cropped = [replace(curve, spans=NEAR) for curve in result.curves]
        rd.plot_parameter_plane(cropped, result.near, axes[1], parameters=names)
        _keep(axes[1], lambda x, y: NEAR[0][0] <= x <= NEAR[0][1] and NEAR[1][0] <= y <= NEAR[1][1])
        _one_scale(figure, axes)
        (x0, x1), (y0, y1) = NEAR
        axes[0].add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, linewidth=0.7, linestyle=":", zorder=6))
        axes[0].text(x1, y0, " b", fontsize=style.SMALL, fontweight="bold", va="center")
        curves = gathered(axes[:2])
        for handle in curves:
            handle.set_label(str(handle.get_label()).partition(" (")[0] + " curve")
        rd.plot_diagram(result.over_gain, axes[2], labels=False, parameter=names[1])
        zoom(axes[2], *NEAR[1])
        axes[2].axvline(1, color=style.GREY, linewidth=style.THIN, linestyle=":", zorder=1)
        pale = style.tint(style.COLORS_OF["fold"], 0.6)
        thin = Line2D([], [], color=pale, linewidth=style.THIN, label="of saddles only")
        style.add_legend(axes[0], [*curves, thin], columns=1)
        trained = Line2D([], [], color=style.GREY, linewidth=style.THIN, linestyle=":", label="as trained")
        diagram = gathered(axes[2:])
        for handle in diagram:
            handle.set_label(_IN_SHORT.get(str(handle.get_label()), str(handle.get_label())))
        style.add_legend(axes[2], [*diagram, trained])
        letter(axes, left=26, up=3)
    return figure


_IN_SHORT = {f"{way}critical Neimark-Sacker (NS)": f"NS, {way}critical" for way in ("sub", "super")}
"""Names that are too long for their panel."""


def _keep(ax: Axes, shown: Callable[[float, float], bool]) -> None:
    """Take the names of points away that are outside of the picture, or told in the other."""
    for text in list(ax.texts):
        if isinstance(text, Annotation) and not shown(*text.xy):
            text.remove()


def _one_scale(figure: Figure, axes: Sequence[Axes]) -> None:
    """One scale of greys, that of the whole plane, for both maps, and one bar."""
    meshes = [ax.collections[0] for ax in axes[:2]]
    for mesh in meshes:
        assert mesh.colorbar is not None  # as plot_parameter_plane draws it
        mesh.colorbar.remove()
    meshes[1].set(cmap=meshes[0].cmap, norm=meshes[0].norm)
    boundaries = meshes[0].norm
    assert isinstance(boundaries, BoundaryNorm)
    low, high = int(boundaries.boundaries[0] + 0.5), int(boundaries.boundaries[-1] - 0.5)
    bar = figure.colorbar(
        meshes[0], ax=axes[1], ticks=range(low, high + 1), fraction=0.06, pad=0.02, aspect=24, drawedges=True
    )
    bar.set_label("attractors", fontsize=style.SMALL)
    bar.ax.tick_params(labelsize=style.SMALL, length=0)
    bar.outline.set_linewidth(style.THIN)
    bar.dividers.set_linewidth(style.THIN)
    bar.ax.minorticks_off()


def caption(result: GainMaps) -> str:
    """What was found, in numbers."""
    whole, near = result.whole, result.near
    named = "\n".join(
        f"| {curve.label} {number} | {point.kind} ({point.label}) | {point.parameters[0]:.6f} |"
        f" {point.parameters[1]:.6f} |"
        for number, curve in enumerate(result.curves)
        for point in curve.codimension_two
    )
    residual = max(float(curve.residuals.max()) for curve in result.curves) if result.curves else 0.0
    folds = sorted(point.parameter for _, point in result.over_gain.special_points if point.kind == "fold")
    circles = [point for _, point in result.over_gain.special_points if point.kind == "Neimark-Sacker"]
    first = result.curves[0].states.shape[1] if result.curves else 0
    at_one = result.over_input.stable_counts
    unsettled = whole.to_pandas()
    unsettled = unsettled[unsettled.unsettled > 0]
    above = f", all at gains of {unsettled.q.min():.2f} and more" if len(unsettled) else ""
    return f"""
**How many memories there are, by input and gain.** A GRU of {first} units trained to hold bits
({100 * result.accuracy:.1f} % of its outputs have the right sign); all recurrent weights are multiplied by a gain (1:
as trained) and input 0 is held. **a.** Grey: the number of attractors at each of {whole.counts.shape[1]} x
{whole.counts.shape[0]} points; lines: curves of bifurcations, thin where another multiplier is outside the unit
circle, so that no attractor is born there; dots: points of codimension two that concern attractors. **b.** The dotted
rectangle, {near.counts.shape[1]} x {near.counts.shape[0]} points. **c.** All fixed points over the gain without
input, on their first principal component; the dotted line is the network as trained.

{_sentence(whole.summary())} {_sentence(near.summary())} The whole map has {len(unsettled)} points at which a start
settled on nothing in 10000 steps{above}. As trained, there are up to {int(at_one.max())} attractors at once over the
input. Without input, pairs of fixed points are born at gains of {", ".join(f"{gain:.4f}" for gain in folds) or "none"}{
        _circles(circles)
    }.

The curves were followed from the special points of two diagrams (over the input at gain 1, over the gain without
input); residuals are {residual:.0e} at most. What is not connected with those is not here: curves of cycles, and
curves that meet neither line.

| curve | point | input 0 | gain |
|---|---|---|---|
{named}

One network, one seed.
"""


def _circles(points: Sequence[SpecialPoint]) -> str:
    if not points:
        return ""
    told = ", ".join(f"{point.parameter:.4f} ({point.criticality or 'not judged'})" for point in points)
    return f"; Neimark-Sacker points are at {told}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


SCALES: dict[str, Callable[[], GainMaps]] = {
    "smoke": partial(measure, 1, 6, 200, (64, 8), (5, 5), (5, 5)),
    "small": partial(measure, 2, 16, 1500, (256, 16), (33, 25), (31, 25)),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, unless it has been, and draw."""
    run("multistability", SCALES, draw, caption, arguments)


if __name__ == "__main__":
    main()
