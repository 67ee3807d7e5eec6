"""A training seen from its attractors, on one page."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from torch import Tensor

from ..tracking import Identities, TrackingHistory
from . import style
from .projection import principal

_HEIGHT = 6.6
"""Inches, of the page."""

_CAPTIONED = 12
"""Up to so many identities get each a colour of its own; more are coloured by how long they live."""

_BORN: dict[str, Any] = {"marker": "^", "markersize": 4.2, "linestyle": "none", "markeredgewidth": 0.6}
_DIED: dict[str, Any] = {"marker": "v", "markersize": 4.2, "linestyle": "none", "markeredgewidth": 0.6}


def plot_tracking(
    history: TrackingHistory,
    axes: Sequence[Axes] | None = None,
    *,
    scalar: str | None = None,
    observable: Callable[[Tensor], Tensor] | int | None = None,
    identities: Identities | None = None,
    legend: bool = True,
) -> list[Axes]:
    """Draw loss, published measure and true count, spectral radii and positions of all identities, one above the other.

    From top to bottom: the scalar; n VAA, the number of attractors that VAA stands for, beside the number that the same
    states reach; the spectral radius of each identity (growth per step; above 1 unstable); and where each is. An
    identity is one line: solid while it is stable, dashed while it is not. Triangles up are births, down deaths, at
    the place between two observations where following found them.

    Args:
        history: of an ``AttractorTracker``.
        axes: four axes to draw on; a page two columns wide by default.
        scalar: which reported scalar is on top; "loss" by default, else the first one.
        observable: where an identity is: states [k, n] -> [k] or a unit's number; the first principal component of
            all states by default.
        identities: from ``history.match(...)`` under other settings.
        legend: whether to add legends.

    Returns:
        The four axes; ``axes[0].figure`` is what ``save_figure`` takes.

    Raises:
        ValueError: for another result, an empty history, or an observable of the wrong shape.
    """
    if not isinstance(history, TrackingHistory):
        raise ValueError(f"history must be the TrackingHistory of a tracker, got {type(history).__name__}")
    if not len(history):
        raise ValueError("history is empty: nothing was observed yet")
    axes = _page() if axes is None else [style.axis_for(ax, dimensions=2) for ax in axes]
    if len(axes) != 4:
        raise ValueError(f"axes must be four, got {len(axes)}")
    identities = history.identities if identities is None else identities
    with style.styled():
        _draw_scalar(axes[0], history, scalar)
        handles = _draw_counts(axes[1], history)
        if legend:
            style.add_legend(axes[1], handles, columns=len(handles))
        positions = _positions(history, observable)
        radii = [o.sets.spectral_radii.numpy() for o in history.observations]
        axes[2].axhline(1, color=style.GREY, linewidth=style.THIN, linestyle=":", zorder=1)
        for ax, values in ((axes[2], radii), (axes[3], positions[0])):
            _draw_lives(ax, history, identities, values)
        axes[2].set_ylabel("spectral radius")
        axes[3].set_ylabel(positions[1])
        if legend:
            style.add_legend(axes[2], _life_handles(identities), columns=5)
        for ax in axes[:-1]:
            ax.tick_params(labelbottom=False)
        axes[-1].set_xlabel("training step")
        steps = history.steps
        margin = 0.02 * max(1, int(steps[-1] - steps[0]))
        for ax in axes:
            ax.set_xlim(int(steps[0]) - margin, int(steps[-1]) + margin)
            if int(steps[0]) < 0 < int(steps[-1]):  # a warmup before training has negative steps
                ax.axvline(0, color=style.GREY, linewidth=style.THIN, zorder=0)
    return list(axes)


def _page() -> list[Axes]:
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], _HEIGHT), layout="constrained")
        axes = list(figure.subplots(4, 1, sharex=True, height_ratios=(1, 1, 1.4, 1.4)))
        for ax in axes:
            style.dress(ax)
    return axes


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


def _draw_counts(ax: Axes, history: TrackingHistory) -> list[Artist]:
    steps, last = history.steps.numpy(), history.observations[-1]
    claimed = np.array([o.claimed for o in history.observations])
    claim: dict[str, Any] = {"color": style.VERMILLION, "linewidth": style.THICK, "marker": "s", "markersize": 2.6}
    claim["label"] = f"n · VAA (published; n = {last.n}, {last.horizon:,} steps)"
    there: dict[str, Any] = {"color": style.BLUE, "linewidth": 1.4 * style.THICK, "marker": "o", "markersize": 2.6}
    there["label"] = "attractors that the same states reach"
    ax.plot(steps, claimed, zorder=3, **claim)
    ax.plot(steps, history.counts.numpy(), zorder=4, **there)
    handles: list[Artist] = [Line2D([], [], **claim), Line2D([], [], **there)]
    highest = max(float(np.nanmax(claimed, initial=1)), int(history.counts.max()))
    if highest > 6:
        ax.set_yscale("symlog", linthresh=1, linscale=0.4)
        ax.set_yticks([tick for tick in (0, 1, 2, 4, 8, 16, 32, 64, 128, 256) if tick <= 1.3 * highest])
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylim(0 if (history.counts == 0).any() else 0.7, 1.25 * highest)
    ax.set_ylabel("number of attractors")
    return handles


def _positions(
    history: TrackingHistory, observable: Callable[[Tensor], Tensor] | int | None
) -> tuple[list[np.ndarray], str]:
    """For each observation where its sets are, [s]: the mean over a set's states; and what the axis shows."""
    every = [orbit for o in history.observations for orbit in o.sets.orbits]
    if not every:
        return [np.empty(0)] * len(history), "position"
    if observable is None:
        projection = principal(every, 2)
        return _means(history, lambda states: torch.from_numpy(projection(states)[:, 0])), projection.labels[0]
    if isinstance(observable, int):
        unit, n = observable, every[0].shape[1]
        if not 0 <= unit < n:
            raise ValueError(f"observable must be a unit from 0 to {n - 1} or a function of states, got {unit}")
        return _means(history, lambda states: states[:, unit]), f"state of unit {unit}"
    return _means(history, observable), getattr(observable, "__name__", "observable").strip("<>_").replace("_", " ")


def _means(history: TrackingHistory, observable: Callable[[Tensor], Tensor]) -> list[np.ndarray]:
    result = []
    for o in history.observations:
        values = [observable(orbit) for orbit in o.sets.orbits]
        for value, orbit in zip(values, o.sets.orbits, strict=True):
            if value.shape not in ((len(orbit),), (len(orbit), 1)):
                raise ValueError(f"observable must take states [k, n] to [k], got {list(value.shape)}")
        result.append(np.array([float(value.double().mean()) for value in values]))
    return result


def _draw_lives(ax: Axes, history: TrackingHistory, identities: Identities, values: Sequence[np.ndarray]) -> None:
    """One line for each identity, dashed where it is unstable, with a mark where it began and ended."""
    steps = history.steps.tolist()
    for identity in range(len(identities)):
        rows = identities.rows(identity)
        color = _color(identity, identities)
        heights = [values[index][row] for index, row in rows]
        stable = [bool(history.observations[index].sets.stable[row]) for index, row in rows]
        for (a, one), (b, other), was, now in zip(
            zip([steps[index] for index, _ in rows], heights, strict=True),
            list(zip([steps[index] for index, _ in rows], heights, strict=True))[1:],
            stable,
            stable[1:],
            strict=False,
        ):
            # Between two observations of different stability half of the way belongs to each.
            if was == now:
                pieces = [((a, b), (one, other), was)]
            else:
                middle, between = 0.5 * (a + b), 0.5 * (one + other)
                pieces = [((a, middle), (one, between), was), ((middle, b), (between, other), now)]
            for x, y, solid in pieces:
                ax.plot(x, y, color=color, linewidth=style.THICK, linestyle="-" if solid else (0, (3, 1.6)), zorder=3)
        if len(rows) == 1:
            look = {"marker": "o", "markersize": 2.4, "markerfacecolor": color if stable[0] else "white"}
            ax.plot(steps[rows[0][0]], heights[0], color=color, zorder=3, **look)
    for event in identities.events:
        if event.kind not in ("birth", "death"):
            continue
        rows = identities.rows(event.identity)
        index, row = rows[0] if event.kind == "birth" else rows[-1]
        at = event.at if np.isfinite(event.at) else (event.step if event.kind == "birth" else event.before)
        color, look = _color(event.identity, identities), _BORN if event.kind == "birth" else _DIED
        height = values[index][row]
        ax.plot([at, steps[index]], [height, height], color=color, linewidth=style.THIN, linestyle=":", zorder=2)
        face = color if event.kind == "birth" else "white"
        ax.plot(at, height, color=color, markerfacecolor=face, zorder=5, **look)


def _color(identity: int, identities: Identities) -> str:
    return style.qualitative(identity) if len(identities) <= _CAPTIONED else style.qualitative(identity % 6)


def _life_handles(identities: Identities) -> list[Artist]:
    handles: list[Artist] = [
        Line2D([], [], color=style.BLACK, linewidth=style.THICK, label="stable"),
        Line2D([], [], color=style.BLACK, linewidth=style.THICK, linestyle=(0, (3, 1.6)), label="unstable"),
    ]
    kinds = {event.kind for event in identities.events}
    if "birth" in kinds:
        handles.append(Line2D([], [], color=style.BLACK, label="birth", **_BORN))
    if "death" in kinds:
        handles.append(Line2D([], [], color=style.BLACK, markerfacecolor="white", label="death", **_DIED))
    return handles
