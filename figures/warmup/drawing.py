"""How results of warmup are drawn and put into words: one look for all figures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.classes import ATTRACTORS, UNSETTLED, Look
from rnn_dynamics.plotting.counts import FEW, NONE, STEPS, count_axis
from rnn_dynamics.plotting.pages import letter, page_legend

from ..runs import Row

_LOOKS: dict[str, Look] = {**ATTRACTORS, **{name: replace(look, size=3.6) for name, look in UNSETTLED.items()}}
"""Of what most of a network's states do."""

PLURALS = {"torus": "tori", "chaotic": "chaotic", "continuum": "continua"}
_CLAIM = style.COLORS_OF["claimed"]


def cell_panels(names: Sequence[str], rows: int, height: float, share: bool = True) -> tuple[Figure, list[list[Axes]]]:
    """Small axes, a column for each name."""
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], height), layout="constrained")
        axes = figure.subplots(rows, len(names), squeeze=False, sharex=share, sharey="row" if share else False)
        for row in axes:
            for ax in row:
                style.dress(ax)
        for ax, name in zip(axes[0], names, strict=True):
            ax.set_title(name, fontsize=style.SMALL)
        if rows > 1:
            letter([row[0] for row in axes], left=24, up=1.5)
    return figure, axes.tolist()


def claim_axis(ax: Axes) -> None:
    """Name the axis that claims and counts share."""
    ax.set_ylabel("attractors")


def share_label(figure: Figure, xlabel: str) -> None:
    """One label below all columns."""
    figure.supxlabel(xlabel, fontsize=style.SMALL + 1)


def count(row: Row) -> int:
    """How many attractors are reached."""
    return sum(row["counts"].values())


def fate(row: Row) -> str:
    """What most of the states do: the kind of attractor that they settle on, or why they settle on none."""
    states = Counter({name: number for name, number in row["outcomes"].items() if name != "settled"})
    for kind, number in zip(row["kinds"], row["hits"], strict=True):
        states[kind] += number
    return states.most_common(1)[0][0]


def _leading(row: Row) -> int | None:
    """The attractor that most states settled on."""
    return max(range(len(row["hits"])), key=row["hits"].__getitem__) if row["hits"] else None


def _mark(ax: Axes, x: float, y: float, row: Row, size: float = 0.85) -> None:
    """A marker that says what most states do."""
    look = _LOOKS[fate(row)]
    entry = replace(look, size=size * look.size).entry("")
    line = Line2D([x], [y], zorder=3)
    line.update_from(entry)
    line.set(zorder=3, clip_on=False)
    ax.add_line(line)
    ax.update_datalim([(x, y)])


def _mark_count(ax: Axes, x: float, row: Row, size: float = 0.85) -> None:
    """The true count."""
    _mark(ax, x, count(row) or NONE, row, size)


def _claimed(row: Row) -> float:
    """How many attractors the published measure stands for at the last horizon."""
    return row["n"] * row["vaas"][-1]


_CLAIMS: dict[str, Any] = {"color": _CLAIM, "linewidth": 0.8, "marker": "s", "markersize": 2.2} | STEPS
"""How the published claims on one network are drawn, from look to look."""


def curves_and_counts(ax: Axes, rows: list[Row]) -> None:
    """N VAA against horizon, and the true counts beyond the dotted line at the right end."""
    for row in rows:
        pairs = [(step, row["n"] * value) for step, value in zip(row["horizons"], row["vaas"], strict=True) if step]
        ax.plot(*zip(*pairs, strict=True), zorder=1, **_CLAIMS)
        _mark_count(ax, 3.5 * row["horizons"][-1], row)
    last = rows[0]["horizons"][-1]
    ax.axvline(1.9 * last, color=style.GREY, linewidth=style.THIN, linestyle=":")
    ax.set_xscale("log")
    ax.set_xlim(right=7 * last)
    _count_limits(ax, rows)


def _count_limits(ax: Axes, rows: list[Row]) -> None:
    count_axis(ax, max(max(row["n"] for row in rows), FEW + 1))


def soft_curves(ax: Axes, rows: list[Row]) -> None:
    """VAA* at every step of warmup."""
    for row in rows:
        if "soft_vaas" in row:
            ax.plot(row["soft_vaas"], **_SOFT)
    ax.axhline(_TARGET, **_AIM)
    ax.set_ylim(0, 1.03)


_SOFT: dict[str, Any] = {"linestyle": "none", "marker": ".", "color": style.GREY, "markersize": 2.6} | {
    "markeredgewidth": 0
}
_TARGET = 0.95
_AIM: dict[str, Any] = {"color": style.BLACK, "linewidth": style.THIN, "linestyle": "--"}


def soft_legend() -> list[Line2D]:
    """What ``soft_curves`` draws."""
    dots: dict[str, Any] = _SOFT | {"markersize": 5}
    return [
        Line2D([], [], label="VAA* of a step", **dots),
        Line2D([], [], label=f"its target, {_TARGET:g}", **_AIM),
    ]


def claims_and_counts(ax: Axes, rows: list[Row]) -> None:
    """N VAA and the true counts, by kind, against the step of warmup."""
    seeds = sorted({row["seed"] for row in rows})
    for index, seed in enumerate(seeds):
        mine = [row for row in rows if row["seed"] == seed]
        aside = 3 * (index - (len(seeds) - 1) / 2)  # so that seeds do not hide one another
        steps = [row["step"] + aside for row in mine]
        ax.plot(steps, [_claimed(row) for row in mine], zorder=1, **_CLAIMS)
        for row in mine:
            _mark_count(ax, row["step"] + aside, row, size=0.65)
    _count_limits(ax, rows)


def outcome_panels(axes: Sequence[Axes], rows: list[Row], hidden: Sequence[int]) -> None:
    """Counts, speeds and leading exponents against the number of units; 2 layers to the right of 1.

    An exponent is drawn where most states settle on attractors of one kind: of others it says little.
    """
    for row in rows:
        x = _claim_and_count(axes[0], row, hidden)
        _mark(axes[1], x, max(row["speed"], LEAST_SPEED), row)
        if (leading := _leading(row)) is not None and fate(row) in ATTRACTORS:
            _mark(axes[2], x, row["exponents"][leading], row)
    _count_limits(axes[0], rows)
    axes[1].set_yscale("log")
    axes[1].autoscale_view()
    axes[2].set_yscale("symlog", linthresh=1e-4)
    axes[2].autoscale_view()
    axes[2].axhline(0, color=style.GREY, linewidth=style.THIN)
    for ax in axes:
        _units_axis(ax, hidden)


LEAST_SPEED = 1e-9
"""Slower ones stand here, states at exact rest too."""


def claims_and_bounds(ax: Axes, rows: list[Row], hidden: Sequence[int]) -> None:
    """Claims, counts found, and the proved lower bounds of them, against the number of units."""
    for row in rows:
        x = _claim_and_count(ax, row, hidden)
        ax.plot([x], [row["reached_proved"] or NONE], **BOUND)
    _count_limits(ax, rows)
    _units_axis(ax, hidden)


BOUND: dict[str, Any] = {
    "marker": "_",
    "color": style.BLACK,
    "markersize": 6,
    "markeredgewidth": 1.2,
    "linestyle": "none",
    "zorder": 4,
    "clip_on": False,
}
"""How a proved lower bound is drawn."""


def _claim_and_count(ax: Axes, row: Row, hidden: Sequence[int]) -> float:
    """A ring for the published claim, a marker for the true count, and where they stand: 2 layers to the right of 1."""
    x = hidden.index(row["hidden"]) + (0.17 if row["layers"] == 2 else -0.17)
    ax.plot([x], [_claimed(row)], zorder=2, **_RING)
    ax.plot([x, x], [count(row) or NONE, _claimed(row)], color=style.LIGHT_GREY, linewidth=0.6, zorder=1)
    _mark_count(ax, x, row)
    return x


_RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 6.4,
    "markeredgewidth": 0.8,
    "markerfacecolor": "none",
    "markeredgecolor": _CLAIM,
    "linestyle": "none",
}
"""How a published claim is drawn where it stands for one network."""


def _units_axis(ax: Axes, hidden: Sequence[int]) -> None:
    ax.set_xticks(range(len(hidden)), [str(value) for value in hidden], rotation=90)
    ax.set_xlim(-0.5, len(hidden) - 0.5)


def histogram(ax: Axes, values: list[float], label: str, number: int) -> Line2D:
    """Of time constants, on a logarithmic axis; returns the legend's entry."""
    edges = [10 ** (power / 4) for power in range(-4, 25)]
    weights = [1 / len(values)] * len(values)
    look: dict[str, Any] = {"linewidth": style.THICK, "linestyle": ("-", "--")[number]}
    ax.hist(values, edges, weights=weights, histtype="step", color=style.qualitative(number), label=label, **look)
    ax.set_xscale("log")
    return Line2D([], [], color=style.qualitative(number), label=label, **look)


def kinds_legend(
    ax: Axes, rows: list[Row], ring: bool = False, bound: bool = False, more: Sequence[Line2D] = (), columns: int = 4
) -> None:
    """Above the figure: what most states do, the published claim, a line or a ring, proved bounds, and ``more``."""
    present = {fate(row) for row in rows}
    handles = [
        look.entry(f"reached: {kind}" if kind in ATTRACTORS else _NOT_SETTLED[kind])
        for kind, look in _LOOKS.items()
        if kind in present
    ]
    claim = _RING if ring else _CLAIMS
    handles.append(Line2D([], [], label="n VAA (published)", **claim))
    if bound:
        handles.append(Line2D([], [], **BOUND, label="at least: proved"))
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    page_legend(figure, [*handles, *more], min(columns, len(handles) + len(more)))


_NOT_SETTLED = {
    "slow": "most states still slow",
    "diverged": "most states diverge",
    "unfinished": "most states unfinished",
}


def range_of(rows: list[Row]) -> str:
    """N VAA at the last horizon, over seeds."""
    values = [row["n"] * row["vaas"][-1] for row in rows]
    return f"n VAA {_span(values)}"


def _span(values: list[float]) -> str:
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"


def truth_in_words(rows: list[Row]) -> str:
    """How many attractors of which kinds, over seeds."""
    kinds = [kind for kind in ATTRACTORS if any(kind in row["counts"] for row in rows)]
    spans = {kind: _span([row["counts"].get(kind, 0) for row in rows]) for kind in kinds}
    parts = [f"{span} {kind if span == '1' else PLURALS.get(kind, kind + 's')}" for kind, span in spans.items()]
    slow = [1 - row["outcomes"]["settled"] / row["n"] for row in rows]
    drifting = f" ({max(slow):.0%} of states unsettled at most)" if max(slow) > 0 else ""
    return "truly " + (" and ".join(parts) or "nothing settled") + drifting


def mean_by_step(rows: list[Row], step: int) -> dict[str, float]:
    """Means over seeds at one step."""
    mine = [row for row in rows if row["step"] == step]
    return {
        "vaa": sum(row["vaas"][-1] for row in mine) / len(mine),
        "count": sum(map(count, mine)) / len(mine),
        "slow": sum(1 - row["outcomes"]["settled"] / row["n"] for row in mine) / len(mine),
    }


def table(rows: list[Row]) -> str:
    """Every network in a row, as Markdown."""
    head = ["cell", "layers", "units", "VAA*, last 10 steps", "n VAA", "attractors", "proved", "states not settled"]
    head += ["median speed", "leading exponent"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in sorted(rows, key=lambda r: (r["cell"], r["layers"], r["hidden"], r["seed"])):
        leading = _leading(row)
        others = {name: states for name, states in row["outcomes"].items() if name != "settled" and states}
        cells = [
            row["cell"],
            row["layers"],
            row["hidden"],
            f"{row['soft_vaa']:.2f}",
            f"{row['n'] * row['vaas'][-1]:.3g}",
            kinds_in_words(row),
            row.get("reached_proved", "not measured"),
            ", ".join(f"{states} {name}" for name, states in others.items()) or "0",
            f"{row['speed']:.1e}",
            "" if leading is None else f"{row['exponents'][leading]:.1e}",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def kinds_in_words(row: Row) -> str:
    """How many attractors of which kinds one network reaches."""
    periods = sorted({p for p, kind in zip(row["periods"], row["kinds"], strict=True) if kind == "cycle"})
    words = ", ".join(f"{number} {kind}" for kind, number in row["counts"].items()) or "none reached"
    return words + (f" (period {', '.join(map(str, periods))})" if periods else "")
