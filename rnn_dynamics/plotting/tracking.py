"""A training seen from its attractors, on one page."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from ..checks import ArgumentError, CheckedInside, checked
from ..tracking import Event, Identities, TrackingHistory
from . import pages, style
from .counts import STEPS, count_axis, placed
from .logarithms import uncrowd
from .projection import principal

_HEIGHT = 6.6
"""Inches, of the page."""

_PALETTE = 7
"""So many of the qualitative colours: thin lines of the last, sand, are lost on white."""

DASHED = (0, (3, 1.6))

_MARKS: dict[str, dict[str, Any]] = {
    kind: {"marker": marker, "markersize": 4.2, "linestyle": "none", "markeredgewidth": 0.6}
    for kind, marker in (("birth", "^"), ("death", "v"))
}


@checked
def plot_tracking(
    history: TrackingHistory,
    axes: Sequence[Annotated[Axes, CheckedInside()]] | None = None,
    *,
    scalar: str | None = None,
    observable: Callable[[Tensor], Tensor] | int | None = None,
    identities: Identities | None = None,
    span: tuple[float, float] | None = None,
    legend: bool = True,
) -> list[Axes]:
    """Draw loss, published measure and true count, spectral radii and positions of all identities, one above the other.

    From top to bottom: the scalar; n VAA, the number of attractors that VAA stands for, beside the number that the same
    states reach; the spectral radius of each identity (growth per step; above 1 unstable); and where each is. An
    identity is one line: solid while it is stable, dashed while it is not. Triangles up are births, down deaths, where
    following along the weights known between two observations found them; a bar through one is its bracket, the steps
    between which it lies, where that is wider than a pixel.

    Args:
        history: of an ``AttractorTracker``.
        axes: four axes to draw on; a page two columns wide by default.
        scalar: which reported scalar is on top; "loss" by default, else the first one.
        observable: where an identity is: states [k, n] -> [k] or a unit's number; the first principal component of
            all states by default.
        identities: from ``history.match(...)`` under other settings.
        span: the steps to show, from and to; all by default.
        legend: whether to add legends.

    Returns:
        The four axes; ``axes[0].figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for another result, an empty history, a span that does not rise, or an observable of the wrong
            shape.
    """
    if not isinstance(history, TrackingHistory):
        raise ArgumentError("history", f"must be the TrackingHistory of a tracker, got {type(history).__name__}")
    if not len(history):
        raise ArgumentError("history", "is empty: nothing was observed yet")
    axes = (
        pages.stacked(_HEIGHT, (1, 1, 1.4, 1.4)) if axes is None else [style.axis_for(ax, dimensions=2) for ax in axes]
    )
    if len(axes) != 4:
        raise ArgumentError("axes", f"must be four, got {len(axes)}")
    if span is not None and not span[0] < span[1]:
        raise ArgumentError("span", f"must be two rising steps, got {span!r}")
    identities = history.identities if identities is None else identities
    with style.styled():
        _draw_scalar(axes[0], history, scalar)
        handles = _draw_counts(axes[1], history)
        if legend:
            style.add_legend(axes[1], handles, columns=len(handles))
        steps = history.steps
        margin = 0.02 * max(1, int(steps[-1] - steps[0]))
        shown = (int(steps[0]) - margin, int(steps[-1]) + margin) if span is None else span
        for ax in axes:  # before brackets are compared with pixels
            ax.set_xlim(*shown)
        observe, label = observable_of(history, observable)
        sets = [stage.sets for stage in history.stages]
        axes[2].axhline(1, color=style.GREY, linewidth=style.THIN, linestyle=":", zorder=1)

        def radius(index: int, row: int) -> float:
            return float(sets[index].spectral_radii[row])

        def radius_at(event: Event, index: int, row: int) -> float:
            # Where a node and a saddle meet, the multiplier that tells them apart is 1; it leads if no other exceeds 1.
            meeting = event.how in ("fold", "pitchfork") and int(sets[index].n_unstable[row]) <= 1
            return 1.0 if meeting else radius(index, row)

        def place(index: int, row: int) -> float:
            return observe(sets[index].orbits[row])

        def place_at(event: Event, index: int, row: int) -> float:
            return observe(event.state[None]) if bool(event.state.isfinite().all()) else place(index, row)

        _draw_lives(axes[2], history, identities, radius, radius_at)
        _draw_lives(axes[3], history, identities, place, place_at)
        axes[2].set_ylabel("spectral radius")
        axes[3].set_ylabel(label)
        if legend:
            style.add_legend(axes[2], _life_handles(identities), columns=5)
        for ax in axes[:-1]:
            ax.tick_params(labelbottom=False)
        axes[-1].set_xlabel("training step")
        for ax in axes:
            if shown[0] < 0 < shown[1] and int(steps[0]) < 0:  # a warmup before training has negative steps
                ax.axvline(0, color=style.GREY, linewidth=style.THIN, zorder=0)
    return list(axes)


def _draw_scalar(ax: Axes, history: TrackingHistory, name: str | None) -> None:
    known = list(dict.fromkeys(key for o in history.observations for key, _ in o.scalars))
    if name is None:
        name = "loss" if "loss" in known else next(iter(known), None)
    if name is None:
        ax.set_ylabel("(no scalar reported)")
        return
    values = history.scalars(name).numpy()
    ax.plot(history.steps.numpy(), values, color=style.BLACK, linewidth=style.THICK, marker=".", markersize=3)
    ax.set_ylabel(name.replace("_", " "))
    finite = values[np.isfinite(values)]
    if len(finite) and (finite > 0).all() and finite.max() > 5 * finite.min():
        ax.set_yscale("log")
        uncrowd(ax.yaxis)


def _draw_counts(ax: Axes, history: TrackingHistory) -> list[Artist]:
    steps, last = history.steps.numpy(), history.observations[-1]
    claimed = np.array([o.claimed for o in history.observations])
    claim: dict[str, Any] = {"color": style.COLORS_OF["claimed"], "linewidth": style.THICK}
    claim |= {"marker": "s", "markersize": 4.4, "markerfacecolor": "white"}
    claim["label"] = f"n · VAA (published; n = {last.n}, {last.horizon:,} steps)"
    there: dict[str, Any] = {"color": style.COLORS_OF["reached"], "linewidth": 1.4 * style.THICK}
    there |= {"marker": "o", "markersize": 2.6, "linestyle": (0, (4, 1))}
    there["label"] = "attractors that the same states reach"
    highest = max(float(np.nanmax(claimed, initial=1)), int(history.counts.max()))
    ax.plot(steps, placed(claimed, highest), zorder=3, **claim, **STEPS)
    ax.plot(steps, placed(history.counts.numpy(), highest), zorder=4, **there, **STEPS)
    handles: list[Artist] = [Line2D([], [], **claim), Line2D([], [], **there)]
    count_axis(ax, highest, none=bool((history.counts == 0).any()))
    ax.set_ylabel("attractors")
    return handles


def observable_of(
    history: TrackingHistory, given: Callable[[Tensor], Tensor] | int | None
) -> tuple[Callable[[Tensor], float], str]:
    """Where a set of states [k, n] is: their mean; and what the axis shows."""
    every = [orbit for o in history.observations for orbit in o.sets.orbits]
    if given is None:
        if not every:
            return lambda states: float(states.mean()), "position"
        projection = principal(every, 2)
        return lambda states: float(projection(states)[:, 0].mean()), projection.labels[0]
    if isinstance(given, int):
        unit, n = given, every[0].shape[1] if every else 0
        if not 0 <= unit < n:
            raise ArgumentError("observable", f"must be a unit from 0 to {n - 1} or a function of states, got {unit}")
        return lambda states: float(states[:, unit].mean()), f"state of unit {unit}"

    def mean(states: Tensor) -> float:
        values = given(states)
        if not isinstance(values, Tensor) or values.shape not in ((len(states),), (len(states), 1)):
            got = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise ArgumentError("observable", f"must take states [k, n] to [k], a tensor, got {got}")
        return float(values.double().mean())

    return mean, getattr(given, "__name__", "observable").strip("<>_").replace("_", " ")


def _draw_lives(
    ax: Axes,
    history: TrackingHistory,
    identities: Identities,
    height: Callable[[int, int], float],
    height_at: Callable[[Event, int, int], float],
) -> None:
    """One line for each identity, dashed where it is unstable, from its birth to its death."""
    stages, colors = history.stages, colors_of(identities)
    ends = {(event.identity, event.kind): event for event in identities.events if event.kind in _MARKS}
    for identity in range(len(identities)):
        rows = identities.life(identity)
        color = colors[identity]
        stable = [bool(stages[index].sets.stable[row]) for index, row in rows]
        points = [(float(stages[index].step), height(index, row)) for index, row in rows]
        for kind, place in (("birth", 0), ("death", -1)):
            event = ends.get((identity, kind))
            if event is None:
                continue
            at = event.at if np.isfinite(event.at) else (event.step if kind == "birth" else event.before)
            where = (at, height_at(event, *rows[place]))
            face = color if kind == "birth" else "white"
            ax.plot(*where, color=color, markerfacecolor=face, zorder=5, **_MARKS[kind])
            _draw_bracket(ax, event, where[1], color)
            points.insert(0 if kind == "birth" else len(points), where)
            stable.insert(0 if kind == "birth" else len(stable), stable[place])
        if len(points) == 1:
            look = {"marker": "o", "markersize": 2.4, "markerfacecolor": color if stable[0] else "white"}
            ax.plot(*points[0], color=color, zorder=3, **look)
        for (one, other), was, now in zip(pairwise(points), stable, stable[1:], strict=False):
            # Between two observations of different stability half of the way belongs to each.
            middle = (0.5 * (one[0] + other[0]), 0.5 * (one[1] + other[1]))
            pieces = [(one, other, was)] if was == now else [(one, middle, was), (middle, other, now)]
            for start, end, solid in pieces:
                look = {"linewidth": style.THICK, "linestyle": "-" if solid else DASHED}
                ax.plot(*zip(start, end, strict=True), color=color, zorder=3, **look)


def _draw_bracket(ax: Axes, event: Event, height: float, color: str) -> None:
    """The steps that an event lies between, where one sees that they are two."""
    (first, _), (last, _) = ax.transData.transform([(event.before, 1), (event.step, 1)])
    if last - first > 1:
        look: dict[str, Any] = {"marker": "|", "markersize": 4, "linewidth": style.THIN, "alpha": 0.6, "zorder": 4}
        ax.plot([event.before, event.step], [height] * 2, color=color, linestyle="-", **look)


def colors_of(identities: Identities) -> list[str]:
    """What was born together shares a colour: a node and its saddle are told apart by their line."""
    colors = [""] * len(identities)
    partners = {event.identity: event.partner for event in identities.events if event.kind == "birth"}
    used = 0
    for identity in range(len(identities)):
        partner = partners.get(identity, -1)
        if 0 <= partner < identity and colors[partner]:
            colors[identity] = colors[partner]
        else:
            colors[identity], used = style.qualitative(used % _PALETTE), used + 1
    return colors


def _life_handles(identities: Identities) -> list[Artist]:
    handles: list[Artist] = [
        Line2D([], [], color=style.BLACK, linewidth=style.THICK, label="stable"),
        Line2D([], [], color=style.BLACK, linewidth=style.THICK, linestyle=DASHED, label="unstable"),
    ]
    kinds = {event.kind for event in identities.events}
    if "birth" in kinds:
        handles.append(Line2D([], [], color=style.BLACK, label="birth", **_MARKS["birth"]))
    if "death" in kinds:
        handles.append(Line2D([], [], color=style.BLACK, markerfacecolor="white", label="death", **_MARKS["death"]))
    return handles
