"""A training and its bifurcations on one page: loss, fixed points, and where each of them is."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from ..checks import ArgumentError, CheckedInside, checked
from ..timeline import TrainingBifurcations
from ..tracking import Event, TrackingHistory
from . import pages, style
from .logarithms import uncrowd
from .tracking import DASHED, colors_of, observable_of

_HEIGHT = 5.2
"""Inches, of the page."""

COLORS = {
    **{how: style.COLORS_OF[how] for how in ("fold", "pitchfork", "transcritical", "flip", "Neimark-Sacker")},
    "branch point": style.GREY,
}
"""Of the bifurcations, wherever they are drawn."""

_MARKS = {"birth": "^", "death": "v", "flip": "D", "Neimark-Sacker": "o", "other": "s"}
"""Births and deaths by what happened, other events by the bifurcation."""

_MARK_SIZE = 3.6

_TICK = 1.2
"""Points, of the ticks at bifurcations."""

_CROWDED = 40
"""Identities above which lines are thin and pale, so that the picture stays readable."""


@checked
def plot_timeline(
    timeline: Annotated[TrainingBifurcations, CheckedInside()],
    axes: Sequence[Annotated[Axes, CheckedInside()]] | None = None,
    *,
    observable: Callable[[Tensor], Tensor] | int | Literal["norm"] | None = None,
    legend: bool = True,
) -> list[Axes]:
    """Draw the loss, the number of fixed points and the position of each over the steps of a training.

    From top to bottom: the loss (on a logarithmic axis if it spans a decade), with a tick for each bifurcation in the
    colour of its kind; how many fixed points there are, and how many are stable, changing where births, deaths and
    changes of stability were located; and where each is: solid while stable, dashed while not, one colour for what was
    born together. Triangles up are births, down deaths, diamonds flips, circles Neimark-Sacker points, squares other
    crossings of +1, in the colour of their kind; of a pitchfork its arms are marked.

    Args:
        timeline: of ``training_bifurcations``.
        axes: three axes to draw on; a page two columns wide by default.
        observable: where a fixed point is: states [k, n] -> [k], a unit's number or "norm", |h|; by default the first
            principal component of all states.
        legend: whether to add legends.

    Returns:
        The three axes; ``axes[0].figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for another result, one without checkpoints, another number of axes, or an observable of the wrong
            shape.
    """
    if not isinstance(timeline, TrainingBifurcations):
        raise ArgumentError("timeline", f"must be that of training_bifurcations, got {type(timeline).__name__}")
    if not len(timeline):
        raise ArgumentError("timeline", "is empty: no checkpoint was done")
    axes = pages.stacked(_HEIGHT, (1, 0.8, 1.7)) if axes is None else [style.axis_for(ax, dimensions=2) for ax in axes]
    if len(axes) != 3:
        raise ArgumentError("axes", f"must be three, got {len(axes)}")
    place = torch.linalg.vector_norm if observable == "norm" else observable
    with style.styled():
        observe, label = observable_of(TrackingHistory(timeline.observations), place)
        _draw_loss(axes[0], timeline)
        _draw_counts(axes[1], timeline)
        _draw_lives(axes[2], timeline, observe)
        axes[2].set_ylabel(label)
        if legend:
            hows = dict.fromkeys(bifurcation.how for bifurcation in timeline.bifurcations)
            tick: dict[str, Any] = {"linestyle": "none", "marker": "|", "markersize": 7, "markeredgewidth": _TICK}
            kinds = [Line2D([], [], color=_color(how), label=how, **tick) for how in hows]
            if kinds:
                style.add_legend(axes[0], kinds, columns=len(kinds))
            _legend_of_counts(axes[1])
            handles = _life_handles(timeline)
            style.add_legend(axes[2], handles, columns=len(handles))
        for ax in axes[:-1]:
            ax.tick_params(labelbottom=False)
        axes[-1].set_xlabel("training step")
        first, last = int(timeline.steps[0]), int(timeline.steps[-1])
        margin = 0.02 * max(1, last - first)
        for ax in axes:
            ax.set_xlim(first - margin, last + margin)
    return list(axes)


def _color(how: str) -> str:
    return COLORS.get(how, style.BLACK)


def _draw_loss(ax: Axes, result: TrainingBifurcations) -> None:
    curve, known = result.loss_curve.numpy(), result.losses.numpy()
    if np.isfinite(known).any() or np.isfinite(curve).any():
        if len(curve) > len(known):
            ax.plot(result.loss_steps.numpy(), curve, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=2)
        look: dict[str, Any] = {"marker": ".", "markersize": 3, "zorder": 3}
        ax.plot(result.steps.numpy(), known, color=style.BLACK, linewidth=style.THICK, **look)
        ax.set_ylabel(result.loss_name)
        values = np.concatenate([known, curve])
        values = values[np.isfinite(values)]
        if (values > 0).all() and values.max() >= 10 * values.min():
            ax.set_yscale("log")
            uncrowd(ax.yaxis)
    else:
        ax.set_ylabel("(no loss)")
        ax.set_yticks([])
    for bifurcation in result.bifurcations:
        color = _color(bifurcation.how)
        ax.axvline(bifurcation.at, color=color, linewidth=style.THIN, alpha=0.5, zorder=1)
        ax.axvline(bifurcation.at, ymax=0.1, color=color, linewidth=_TICK, zorder=4)


def _draw_counts(ax: Axes, result: TrainingBifurcations) -> None:
    """Step functions of the stretches that identities live through."""
    stretches = [stretch for identity in range(len(result.identities)) for stretch in result.stretches(identity)]
    # Colours stand for bifurcations on this page, so that lines are told apart as those of stability are below.
    kinds = (
        ("all", style.GREY, style.THIN, "-", [(a, b) for a, b, _ in stretches]),
        ("stable", style.BLACK, 1.4 * style.THICK, "-", [(a, b) for a, b, stable in stretches if stable]),
        ("unstable", style.BLACK, style.THICK, DASHED, [(a, b) for a, b, stable in stretches if not stable]),
    )
    last, highest = float(result.steps[-1]), 1
    for name, color, width, dashes, parts in kinds:
        turns = sorted({float(result.steps[0]), last, *(edge for part in parts for edge in part)})
        # What lives at the last checkpoint lives on: its end there is that of the record.
        counts = [sum(a <= at < b or (at == b == last) for a, b in parts) for at in turns]
        highest = max(highest, *counts)
        look: dict[str, Any] = {"drawstyle": "steps-post", "linestyle": dashes, "linewidth": width, "label": name}
        ax.plot(turns, counts, color=color, zorder=3, **look)
    ax.set_ylim(0, 1.12 * highest)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.set_ylabel("fixed points")


def _legend_of_counts(ax: Axes) -> None:
    style.add_legend(ax, [line for line in ax.lines if not line.get_label().startswith("_")], columns=3)  # pyright: ignore[reportAttributeAccessIssue]


def _draw_lives(ax: Axes, result: TrainingBifurcations, observe: Callable[[Tensor], float]) -> None:
    """One line for each identity through its checkpoints and events, and a mark for each event."""
    identities, colors = result.identities, colors_of(result.identities)
    crowded = len(identities) > _CROWDED
    width = style.THIN if crowded else style.THICK
    for identity in range(len(identities)):
        own = [event for event in result.events if event.identity == identity]
        track = {
            float(result.observations[index].step): observe(result.observations[index].sets.orbits[row][:1])
            for index, row in identities.rows(identity)
        }
        track |= {event.at: observe(event.state[None]) for event in own if _has_place(event)}
        steps = np.array(sorted(track))
        heights = np.array([track[step] for step in sorted(track)])
        for start, end, stable in result.stretches(identity):
            inside = steps[(steps > start) & (steps < end)]
            at = np.concatenate([[start], inside, [end]])
            line: dict[str, Any] = {"linestyle": "-" if stable else DASHED, "linewidth": width}
            if start == end:
                line = {"marker": "o", "markersize": 2.4, "markerfacecolor": colors[identity] if stable else "white"}
                at = np.array([start])
            ax.plot(at, np.interp(at, steps, heights), color=colors[identity], zorder=3, **line)
        for event in own:
            if _is_marked(event):
                _mark(ax, event, track[event.at])


def _has_place(event: Event) -> bool:
    return math.isfinite(event.at) and bool(event.state.isfinite().all())


def _is_marked(event: Event) -> bool:
    """Of a pitchfork the two arms are marked, and not the trunk, which has the same place."""
    return _has_place(event) and (event.how != "pitchfork" or event.kind in ("birth", "death"))


def _mark(ax: Axes, event: Event, height: float) -> None:
    # The rim sets a mark apart from lines of its colour, which stands for something else there.
    color, dies = _color(event.how), event.kind == "death"
    face, rim = ("white", color) if dies else (color, style.BLACK)
    look: dict[str, Any] = {"marker": _marker(event), "markersize": _MARK_SIZE, "markerfacecolor": face}
    look |= {"markeredgecolor": rim, "markeredgewidth": 0.9 if dies else 0.4}
    ax.plot(event.at, height, color=color, linestyle="none", zorder=5, **look)


def _marker(event: Event) -> str:
    return _MARKS[event.kind] if event.kind in _MARKS else _MARKS.get(event.how, _MARKS["other"])


def _life_handles(result: TrainingBifurcations) -> list[Artist]:
    handles: list[Artist] = [
        Line2D([], [], color=style.BLACK, linewidth=style.THICK, label="stable"),
        Line2D([], [], color=style.BLACK, linewidth=style.THICK, linestyle=DASHED, label="unstable"),
    ]
    names = {"^": "birth", "v": "death", "D": "flip", "o": "Neimark-Sacker", "s": "crossing of +1"}
    used = {_marker(event) for event in result.events if _is_marked(event)}
    for marker, name in names.items():
        if marker in used:
            face = "white" if name == "death" else style.GREY
            look: dict[str, Any] = {"marker": marker, "markersize": _MARK_SIZE, "markerfacecolor": face}
            handles.append(Line2D([], [], color=style.GREY, linestyle="none", label=name, **look))
    return handles
