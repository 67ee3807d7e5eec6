"""Figure 1. T-Maze: return and optimal runs while agents learn, and what they can reach in the corridor."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnn_dynamics.plotting import style

from ..runs import Plan, Row, run
from .agents import SCALES, VARIANTS, extent, measure_agents

LOOKS: dict[str, tuple[str, Any]] = {
    "plain": (style.BLACK, "-"),
    "warm": (style.VERMILLION, (0, (1, 1))),
    "parallel": (style.BLUE, (0, (4, 1.4))),
}
NAMES = {"plain": "plain", "warm": "warmed up", "parallel": "two cells, one warmed up"}


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
                ax.axvline(0, color=style.LIGHT_GREY, linewidth=style.THIN, zorder=0)
                if not column:
                    ax.set_ylabel(label)
            axes[-1, column].xaxis.set_major_locator(MaxNLocator(4, integer=True))
        handles = [
            Line2D([], [], color=color, linestyle=dashes, linewidth=1.4 * style.THICK, label=NAMES[variant])
            for variant, (color, dashes) in LOOKS.items()
            if any(row["variant"] == variant for row in rows)
        ]
        handles.append(Line2D([], [], color=style.GREY, linewidth=style.THIN, linestyle="-.", label="optimum"))
        figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False, fontsize=style.SMALL)
        figure.supxlabel("episode (below 0: steps of warmup)", fontsize=style.SMALL + 1)
    return figure


def _each(ax: Axes, rows: list[Row], abscissa: str, of: Any, steps: bool = False) -> None:
    """Every seed thin, the median of a variant bold."""
    how: dict[str, Any] = {"drawstyle": "steps-post"} if steps else {}
    for variant, (color, dashes) in LOOKS.items():
        own = [row for row in rows if row["variant"] == variant]
        for row in own:
            look: dict[str, Any] = {"color": style.tint(color, 0.45), "linewidth": style.THIN}
            ax.plot(row[abscissa], of(row), linestyle=dashes, **look, **how)
        whole = [row for row in own if len(row[abscissa]) == max(len(r[abscissa]) for r in own)]
        if whole:
            look = {"color": color, "linewidth": 1.4 * style.THICK, "linestyle": dashes, "zorder": 3}
            ax.plot(whole[0][abscissa], np.median([of(row) for row in whole], axis=0), **look, **how)


def _draw_returns(ax: Axes, rows: list[Row]) -> str:
    _each(ax, rows, "evaluations", lambda row: row["returns"])
    ax.axhline(rows[0]["optimum"], color=style.GREY, linewidth=style.THIN, linestyle="-.")
    return "discounted return"


def _draw_solved(ax: Axes, rows: list[Row]) -> str:
    for variant, (color, dashes) in LOOKS.items():
        own = [row for row in rows if row["variant"] == variant]
        whole = [row for row in own if len(row["fractions"]) == max(len(r["fractions"]) for r in own)]
        if whole:
            shares = np.mean([row["fractions"] for row in whole], axis=0)
            look: dict[str, Any] = {"color": color, "linewidth": 1.4 * style.THICK, "linestyle": dashes}
            ax.plot(whole[0]["evaluations"], shares, **look)
    ax.set_ylim(-0.05, 1.05)
    return "share of optimal\ngreedy runs"


def _draw_claimed(ax: Axes, rows: list[Row]) -> str:
    _each(ax, rows, "steps", lambda row: row["n"] * np.array(row["vaas"]))
    _log_counts(ax, rows[0]["n"])
    return "n · VAA\n(published)"


def _draw_counts(ax: Axes, rows: list[Row]) -> str:
    _each(ax, rows, "steps", lambda row: row["counts"], steps=True)
    _log_counts(ax, rows[0]["n"])
    return "attractors\nreached"


def _log_counts(ax: Axes, most: int) -> None:
    ax.set_yscale("symlog", linthresh=1, linscale=0.4)
    ax.set_ylim(0, 1.3 * most)
    ticks = [0, *(2**k for k in range(0, 10, 2) if 2**k <= most)]
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()


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
**Figure 1. Learning to remember a sign.** Agents (recurrent Q-networks) in T-Mazes of corridor length L. From above:
discounted return of the greedy policy (dash-dotted: the optimum), share of its runs that are optimal over all seeds, n
VAA under the corridor's input held (the number of attractors that the published measure stands for), and the number
that the same states really reach. Thin: seeds; bold: their median. The weights shown at the end are those of the best
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
