"""Figure 1. T-Maze: return and optimal runs while agents learn, and what they can reach in the corridor."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.counts import STEPS, count_axis, placed
from rnn_dynamics.plotting.pages import letter, page_legend

from ..looks import TRAINED
from ..runs import Plan, Row, run
from .agents import SCALES, VARIANTS, extent, measure_agents

NAMES = {key: variant.name for key, variant in TRAINED.items()}

_OPTIMUM: dict[str, Any] = {"color": style.GREY, "linewidth": style.THIN, "linestyle": "-."}
_STARTS: dict[str, Any] = {"color": style.LIGHT_GREY, "linewidth": style.THICK}


def draw(rows: list[Row]) -> Figure:
    """A column for each length; discounted return, share of optimal seeds, n VAA, and the true count below."""
    lengths = sorted({row["length"] for row in rows})
    measures = (_draw_returns, _draw_solved, _draw_claimed, _draw_counts)
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 5.2), layout="constrained")
        axes = figure.subplots(len(measures), len(lengths), squeeze=False, sharex="col", sharey="row")
        for column, length in enumerate(lengths):
            mine = [row for row in rows if row["length"] == length]
            axes[0, column].set_title(f"L = {length}", fontsize=style.SMALL)
            for ax, measure in zip(axes[:, column], measures, strict=True):
                style.dress(ax)
                label = measure(ax, mine)
                ax.axvline(0, zorder=0, **_STARTS)
                if not column:
                    ax.set_ylabel(label)
            axes[-1, column].xaxis.set_major_locator(MaxNLocator(4, integer=True))
        handles = [
            look_of.entry(marker=look_of.marker, markersize=2.6)
            for variant, look_of in TRAINED.items()
            if any(row["variant"] == variant for row in rows)
        ]
        handles.append(Line2D([], [], color=style.GREY, linewidth=style.THIN, label="one seed"))
        handles.append(Line2D([], [], label="optimum", **_OPTIMUM))
        handles.append(Line2D([], [], label="warmup ends", **_STARTS))
        page_legend(figure, handles, columns=6)
        letter(axes[:, 0].tolist(), left=24, up=-2)
        figure.supxlabel("episode (below 0: steps of warmup)", fontsize=style.SMALL + 1)
    return figure


def _each(ax: Axes, rows: list[Row], abscissa: str, of: Any, steps: bool = False) -> None:
    """Every seed thin, the median of a variant bold."""
    how = STEPS if steps else {}
    for variant, look_of in TRAINED.items():
        dashes = look_of.dashes
        own = [row for row in rows if row["variant"] == variant]
        for row in own:
            look: dict[str, Any] = {"color": style.tint(look_of.color, 0.45), "linewidth": style.THIN}
            ax.plot(row[abscissa], of(row), linestyle=dashes, **look, **how)
        whole = [row for row in own if len(row[abscissa]) == max(len(r[abscissa]) for r in own)]
        if whole:
            look = {"color": look_of.color, "linewidth": 1.4 * style.THICK, "linestyle": dashes, "zorder": 3}
            look |= {"marker": look_of.marker, "markersize": 2.6}
            ax.plot(whole[0][abscissa], np.median([of(row) for row in whole], axis=0), **look, **how)


def _draw_returns(ax: Axes, rows: list[Row]) -> str:
    _each(ax, rows, "evaluations", lambda row: row["returns"])
    ax.axhline(rows[0]["optimum"], **_OPTIMUM)
    return "discounted return"


def _draw_solved(ax: Axes, rows: list[Row]) -> str:
    for variant, look_of in TRAINED.items():
        own = [row for row in rows if row["variant"] == variant]
        whole = [row for row in own if len(row["fractions"]) == max(len(r["fractions"]) for r in own)]
        if whole:
            shares = np.mean([row["fractions"] for row in whole], axis=0)
            look: dict[str, Any] = {"color": look_of.color, "linewidth": 1.4 * style.THICK, "linestyle": look_of.dashes}
            look |= {"marker": look_of.marker, "markersize": 2.6}
            ax.plot(whole[0]["evaluations"], shares, **look)
    ax.set_ylim(-0.05, 1.05)
    return "share of optimal\ngreedy runs"


def _draw_claimed(ax: Axes, rows: list[Row]) -> str:
    _each(ax, rows, "steps", lambda row: row["n"] * np.array(row["vaas"]), steps=True)
    count_axis(ax, rows[0]["n"], none=False, every=2)
    return "n · VAA\n(published)"


def _draw_counts(ax: Axes, rows: list[Row]) -> str:
    most = rows[0]["n"]
    _each(ax, rows, "steps", lambda row: placed(row["counts"], most), steps=True)
    count_axis(ax, most, every=2)
    return "attractors\nreached"


def table(rows: list[Row]) -> str:
    """What was reached, for each length and variant."""
    head = ["L", "variant", "optimal at the end", "episodes to the first optimum: median [range]"]
    head += ["n VAA: start → end", "attractors: start → end", "goals on two attractors", "time constant of the rest"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    groups = list(dict.fromkeys((row["length"], row["variant"]) for row in rows))
    for length, variant in sorted(groups, key=lambda g: (g[0], VARIANTS.index(g[1]))):
        own = [row for row in rows if (row["length"], row["variant"]) == (length, variant)]
        first = [_first_optimum(row) for row in own]
        reached = sorted(episode for episode in first if episode is not None)
        drifting = (
            [f"{np.median(drifts):.3g} [{min(drifts):.3g}, {max(drifts):.3g}]"] if (drifts := _drifts(own)) else []
        )
        rest = len(own) - sum(row["kept"] for row in own) - len(drifts)
        drifting += [f"none known of {rest}"] if rest else []
        cells = [
            str(length),
            NAMES[variant],
            f"{sum(row['solved'] for row in own)} of {len(own)}",
            f"{np.median(reached):.4g} [{reached[0]}, {reached[-1]}] ({len(reached)} seeds)" if reached else "none",
            " → ".join(f"{np.median([r['n'] * r['vaas'][end] for r in own]):.3g}" for end in (0, -1)),
            " → ".join(f"{np.median([r['counts'][end] for r in own]):.3g}" for end in (0, -1)),
            f"{sum(row['kept'] for row in own)} of {len(own)}",
            "; ".join(drifting) or "none",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _drifts(rows: list[Row]) -> list[float]:
    """Of those that let both goals drift to one fixed point or cycle, the time constant."""
    ends = [max(row["time_constants"]) for row in rows if all(row["settled"]) and not row["kept"]]
    return [end for end in ends if np.isfinite(end)]


def _first_optimum(row: Row) -> int | None:
    """Episodes by the first evaluation whose runs were all optimal."""
    return next((at for at, share in zip(row["evaluations"], row["fractions"], strict=True) if share == 1), None)


def verdict(rows: list[Row]) -> str:
    """How agents that solve the maze keep the goals apart, against what the paper says that it takes."""
    solved = [row for row in rows if row["solved"]]
    if not solved:
        return "No agent solved its maze, so nothing is said about what that takes."
    settled = [row for row in solved if all(row["settled"])]
    kept, drifts = [row for row in settled if row["kept"]], [row for row in settled if not row["kept"]]
    text = f"Of {len(solved)} agents that are optimal at the length they were trained at, {len(kept)} keep the two "
    text += "goals on two attractors"
    if drifts:
        ratios = [max(row["time_constants"]) / row["length"] for row in drifts]
        text += f"; {len(drifts)} let both drift to one, with a time constant of {np.nanmin(ratios):.3g} to "
        text += f"{np.nanmax(ratios):.3g} times the corridor: for these the claim, that solving it takes two "
        text += "attractors, does not hold: a drift that is slow enough does"
    if len(solved) > len(settled):
        text += f"; of {len(solved) - len(settled)} it is not known, as their states had not settled"
    return text + "."


def caption(rows: list[Row]) -> str:
    """The numbers, and how they stand to the claim."""
    return f"""
**Figure 1. Learning to remember a sign.** Agents (recurrent Q-networks) in T-Mazes of corridor length L. **a.**
Discounted return of the greedy policy (dash-dotted: the optimum). **b.** Share of its runs that are optimal over all
seeds. **c.** n VAA under the corridor's input held (the number of attractors that the published measure stands for).
**d.** The number that the same states really reach; at 0 where none had settled. Thin and pale: seeds; bold: their
median; counts are as they were at the last look. The weights shown at the end are those of the best
evaluation; the table's last columns are about them: where the states that the two signs leave end in an endless
corridor.

*The paper's claim* is that a network that solves the maze has become multistable, and that warming up speeds that up.
{verdict(rows)}

{table(rows)}
"""


PLAN = Plan(
    folder="reinforcement",
    name="learning",
    scales=SCALES,
    measure=measure_agents,
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
