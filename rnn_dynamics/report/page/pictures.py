"""Pictures of results as parts of a page: images in its text, with words for those who cannot see them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from ...attractors import Attractors, BasinMap
from ...bifurcations import BifurcationCurve, BifurcationDiagram, Branch, MultistabilityMap
from ...charts import Chart, OrbitDiagram
from ...fixed_points import FixedPoints
from ...integrators import LineAttractor
from ...landscapes import BasinFractions, EscapeTimes, Resilience, UncertaintyExponent
from ...multistability import EchoIndex, Reachability
from ...plotting import (
    embed_figure,
    plot_attractors,
    plot_basin_fractions,
    plot_basins,
    plot_branches,
    plot_chart,
    plot_diagram,
    plot_echo_index,
    plot_escape_times,
    plot_fixed_points,
    plot_line_attractor,
    plot_orbit_diagram,
    plot_parameter_plane,
    plot_reachability,
    plot_resilience,
    plot_spectrum,
    plot_timeline,
    plot_tracking,
    plot_uncertainty,
    plot_warmup,
)
from ...results import Result
from ...timeline import TrainingBifurcations
from ...tracking import TrackingHistory
from ...warmup import Warmup

_COLUMN = 5.0
"""Inches: figures that are wider are those of two columns."""


@dataclass(frozen=True)
class Picture:
    """An image, ready for the page."""

    source: str
    """A data URI."""

    caption: str

    words: str
    """What it shows, for those who cannot see it."""

    wide: bool
    """Whether it is as wide as two columns of a journal."""


Draw = Callable[[Any, Tensor | None], Any]
"""Draws a result, with trajectories behind it; gives the axis, or several of one figure."""


@dataclass(frozen=True)
class _Drawing:
    kind: type[Result]
    caption: str
    draw: Draw
    applies: Callable[[Any], int] = len


def _is_plane(result: Any) -> bool:
    return len(result) > 0 and result.states.shape[-1] > 1


_DRAWINGS = (
    _Drawing(
        FixedPoints,
        "Fixed points in the plane that they vary most in, by kind, with the directions in which saddles repel",
        lambda it, paths: plot_fixed_points(it, paths),
        _is_plane,
    ),
    _Drawing(
        FixedPoints,
        "Eigenvalues of the fixed points; inside the unit circle modes shrink, outside they grow",
        lambda it, _: plot_spectrum(it),
    ),
    _Drawing(
        Attractors,
        "Attractors in the plane that they vary most in, by kind",
        lambda it, paths: plot_attractors(it, paths),
        _is_plane,
    ),
    _Drawing(
        Reachability,
        "Left: the number of attractors that the published measure stands for, against its horizon, beside the number "
        "that the same states reach. Right: how fast states still move at the last horizon",
        lambda it, _: plot_reachability(it),
        lambda it: len(it.inputs) > 0,
    ),
    _Drawing(
        BifurcationDiagram,
        "Fixed points over the parameter, stable solid and unstable dashed, with their bifurcations",
        lambda it, _: plot_diagram(it),
        lambda it: len(it) > 0 or len(it.sections) > 0,
    ),
    _Drawing(Branch, "The branch over the parameter, with its bifurcations", lambda it, _: plot_branches(it)),
    _Drawing(
        BifurcationCurve, "The curve in the plane of its two parameters", lambda it, _: plot_parameter_plane([it])
    ),
    _Drawing(
        MultistabilityMap,
        "How many attractors starts reach, over two parameters",
        lambda it, _: plot_parameter_plane(chart=it),
        lambda _: True,
    ),
    _Drawing(Chart, "Over the two parameters, by colour: {0.label}", lambda it, _: plot_chart(it)),
    _Drawing(
        OrbitDiagram,
        "Settled orbits over the parameter; below, their largest exponents",
        lambda it, _: plot_orbit_diagram(it),
    ),
    _Drawing(BasinMap, "Basins in a plane of states", lambda it, _: plot_basins(it), lambda _: True),
    _Drawing(
        BasinFractions,
        "Shares of the starts that each attractor has, over the parameter",
        lambda it, _: plot_basin_fractions(it),
    ),
    _Drawing(
        TrainingBifurcations,
        "Fixed points through the training, and their bifurcations",
        lambda it, _: plot_timeline(it),
    ),
    _Drawing(
        TrackingHistory,
        "What the network reaches, observation by observation",
        lambda it, _: plot_tracking(it),
        lambda _: True,
    ),
    _Drawing(
        LineAttractor,
        "The line, with its direction and what is integrated along it",
        lambda it, paths: plot_line_attractor(it, paths),
        _is_plane,
    ),
    _Drawing(Resilience, "How hard each attractor is to leave", lambda it, _: plot_resilience(it)),
    _Drawing(EscapeTimes, "Times until noise drives states out", lambda it, _: plot_escape_times(it)),
    _Drawing(
        UncertaintyExponent,
        "Shares of starts whose attractor a small change decides",
        lambda it, _: plot_uncertainty(it),
        lambda _: True,
    ),
    _Drawing(EchoIndex, "Responses that the network has to its input", lambda it, _: plot_echo_index(it)),
    _Drawing(Warmup, "The measure that warmup maximises, update by update", lambda it, _: plot_warmup(it)),
)


def pictures_of(result: Result, trajectories: Tensor | None) -> Iterator[Picture]:
    """What there is to see of a result; trajectories [b, t, n] lie behind states of their size."""
    for drawing in _DRAWINGS:
        if isinstance(result, drawing.kind) and drawing.applies(result):
            states = getattr(result, "states", None)
            fits = trajectories is not None and states is not None and states.shape[-1] == trajectories.shape[-1]
            source, wide = _drawn(drawing.draw(result, trajectories if fits else None))
            caption = drawing.caption.format(result)
            yield Picture(source, f"{caption}.", f"{caption}. {result.summary()}.", wide)


def _drawn(axes: Any) -> tuple[str, bool]:
    """The figure of an axis as a data URI, and whether it is a wide one; it is put away."""
    ax: Axes = axes if isinstance(axes, Axes) else axes[0]
    figure: Any = ax.get_figure(root=True)
    source = embed_figure(figure)
    wide = figure.get_figwidth() > _COLUMN
    plt.close(figure)
    return source, wide
