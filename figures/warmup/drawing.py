"""How results of warmup are drawn and put into words: one look for all figures."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_dynamics.plotting import style

from ..runs import Row

KINDS = {
    "fixed point": ("o", style.BLUE),
    "cycle": ("s", style.GREEN),
    "circle": ("D", style.ORANGE),
    "torus": ("P", style.PURPLE),
    "chaotic": ("*", style.VERMILLION),
    "continuum": ("X", style.SKY),
}
PLURALS = {"torus": "tori", "chaotic": "chaotic", "continuum": "continua"}
UNSETTLED = ("^", style.BLACK)
NONE = 0.5
"""Where a network without any settled state is drawn on a logarithmic axis of counts."""


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


def _leading_kind(row: Row) -> str | None:
    """Its kind."""
    leading = _leading(row)
    return None if leading is None else row["kinds"][leading]


def _leading(row: Row) -> int | None:
    """The attractor that most states settled on."""
    return max(range(len(row["hits"])), key=row["hits"].__getitem__) if row["hits"] else None


def _mark(ax: Axes, x: float, row: Row, size: float = 3.5) -> None:
    """The true count, by kind."""
    kind = _leading_kind(row)
    marker, color = KINDS[kind] if kind else UNSETTLED
    ax.plot(
        [x],
        [count(row) or NONE],
        marker=marker,
        color=color,
        markersize=size,
        linestyle="none",
        markerfacecolor=color if kind else "white",
        markeredgewidth=0.6,
        zorder=3,
        clip_on=False,
    )


def curves_and_counts(ax: Axes, rows: list[Row]) -> None:
    """N VAA against horizon, and the true counts at the right end."""
    for row in rows:
        pairs = [(step, row["n"] * value) for step, value in zip(row["horizons"], row["vaas"], strict=True) if step]
        ax.plot(*zip(*pairs, strict=True), color=style.GREY, linewidth=0.8, zorder=1)
        _mark(ax, 2.5 * row["horizons"][-1], row)
    ax.set(xscale="log", yscale="log")
    _count_limits(ax, rows)


def _count_limits(ax: Axes, rows: list[Row]) -> None:
    most = max(row["n"] for row in rows)
    ticks = [1, 2, 4, 8, 16, 32]
    ax.set_yscale("log", base=2)
    ax.set_ylim(0.4, 1.3 * most)
    ax.set_yticks([tick for tick in ticks if tick <= most])
    ax.set_yticklabels([str(tick) for tick in ticks if tick <= most])
    ax.minorticks_off()


def soft_curves(ax: Axes, rows: list[Row]) -> None:
    """VAA* at every step of warmup."""
    for row in rows:
        if "soft_vaas" in row:
            ax.plot(row["soft_vaas"], ".", color=style.BLUE, markersize=2.4, markeredgewidth=0, alpha=0.7)
    ax.axhline(0.95, color=style.GREY, linewidth=style.THIN, linestyle="--")
    ax.set_ylim(0, 1.03)


def claims_and_counts(ax: Axes, rows: list[Row]) -> None:
    """N VAA and the true counts, by kind, against the step of warmup."""
    seeds = sorted({row["seed"] for row in rows})
    for index, seed in enumerate(seeds):
        mine = [row for row in rows if row["seed"] == seed]
        aside = 3 * (index - (len(seeds) - 1) / 2)  # so that seeds do not hide one another
        steps = [row["step"] + aside for row in mine]
        ax.plot(steps, [row["n"] * row["vaas"][-1] for row in mine], color=style.GREY, linewidth=0.8, zorder=1)
        for row in mine:
            _mark(ax, row["step"] + aside, row, size=2.5)
    _count_limits(ax, rows)


def outcome_panels(axes: Sequence[Axes], rows: list[Row], hidden: Sequence[int]) -> None:
    """Counts, speeds and leading exponents against the number of units; 2 layers to the right of 1."""
    for row in rows:
        x = _claim_and_count(axes[0], row, hidden)
        kind, leading = _leading_kind(row), _leading(row)
        marker, color = KINDS[kind] if kind else UNSETTLED
        look: dict[str, Any] = {
            "marker": marker,
            "color": color,
            "markersize": 3.5,
            "markeredgewidth": 0.6,
            "linestyle": "none",
        }
        look["markerfacecolor"] = color if kind else "white"
        axes[1].plot([x], [max(row["speed"], 1e-9)], **look)
        if leading is not None:
            axes[2].plot([x], [row["exponents"][leading]], **look)
    _count_limits(axes[0], rows)
    axes[1].set_yscale("log")
    axes[2].set_yscale("symlog", linthresh=1e-4)
    axes[2].axhline(0, color=style.GREY, linewidth=style.THIN)
    for ax in axes:
        _units_axis(ax, hidden)


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
    claimed = row["n"] * row["vaas"][-1]
    ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markeredgecolor": style.GREY}
    ax.plot([x], [claimed], markersize=5, markeredgewidth=0.8, linestyle="none", zorder=2, **ring)
    ax.plot([x, x], [count(row) or NONE, claimed], color=style.LIGHT_GREY, linewidth=0.6, zorder=1)
    _mark(ax, x, row)
    return x


def _units_axis(ax: Axes, hidden: Sequence[int]) -> None:
    ax.set_xticks(range(len(hidden)), [str(value) for value in hidden], rotation=90)
    ax.set_xlim(-0.5, len(hidden) - 0.5)


def histogram(ax: Axes, values: list[float], label: str, color: int) -> None:
    """Of time constants, on a logarithmic axis."""
    edges = [10 ** (power / 4) for power in range(-4, 25)]
    weights = [1 / len(values)] * len(values)
    ax.hist(values, edges, weights=weights, histtype="step", color=style.qualitative(color), label=label, linewidth=1.0)
    ax.set_xscale("log")


def kinds_legend(ax: Axes, rows: list[Row], ring: bool = False, bound: bool = False) -> None:
    """Above the figure: the kinds that occur, the published claim, drawn as a line or as a ring, and proved bounds."""
    present = {kind for row in rows for kind in row["counts"]}
    handles = [
        Line2D([], [], marker=m, color=c, linestyle="none", markersize=4, label=kind)
        for kind, (m, c) in KINDS.items()
        if kind in present
    ]
    marker, color = UNSETTLED
    if any(_leading_kind(row) is None for row in rows):
        label = "nothing settled in 10⁶ steps"
        handles.append(
            Line2D(
                [], [], marker=marker, color=color, markerfacecolor="white", linestyle="none", markersize=4, label=label
            )
        )
    claim: dict[str, Any] = {"color": style.GREY, "linewidth": 0.8, "label": "n VAA (published)"}
    if ring:
        claim |= {"marker": "o", "markersize": 5, "markerfacecolor": "none", "linestyle": "none"}
    handles.append(Line2D([], [], **claim))
    if bound:
        handles.append(Line2D([], [], **BOUND, label="at least: proved"))
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False, fontsize=style.SMALL)


def range_of(rows: list[Row]) -> str:
    """N VAA at the last horizon, over seeds."""
    values = [row["n"] * row["vaas"][-1] for row in rows]
    return f"n VAA {_span(values)}"


def _span(values: list[float]) -> str:
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"


def truth_in_words(rows: list[Row]) -> str:
    """How many attractors of which kinds, over seeds."""
    kinds = [kind for kind in KINDS if any(kind in row["counts"] for row in rows)]
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
