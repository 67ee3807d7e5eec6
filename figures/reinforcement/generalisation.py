"""Figure 2. Agents in mazes longer than those they were trained in, and how they keep what they remember."""

from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.pages import letter, page_legend

from ..looks import TRAINED
from ..runs import Row, run
from . import learning
from .agents import TIMES, VARIANTS
from .learning import NAMES


def draw(rows: list[Row]) -> Figure:
    """Share of optimal agents against length, a panel for each training length; and when each forgets, by its drift."""
    lengths = sorted({row["length"] for row in rows})
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 2.5), layout="constrained")
        axes = figure.subplots(1, len(lengths) + 1, width_ratios=[*[1] * len(lengths), 1.3])
        for ax, length in zip(axes, lengths, strict=False):
            style.dress(ax)
            _draw_shares(ax, [row for row in rows if row["length"] == length])
            ax.set_title(f"trained at L = {length}", fontsize=style.SMALL)
        axes[0].set_ylabel("share of agents\nthat are optimal")
        style.dress(axes[-1])
        _draw_forgetting(axes[-1], [row for row in rows if row["solved"]])
        handles = [
            look_of.entry(marker=look_of.marker, markersize=4)
            for variant, look_of in TRAINED.items()
            if any(row["variant"] == variant for row in rows)
        ]
        page_legend(figure, handles, columns=3)
        style.add_legend(axes[-1], _wrong_handles(rows), columns=2)
        letter(axes, left=24, up=3)
    return figure


def _draw_shares(ax: Axes, rows: list[Row]) -> None:
    for variant, look_of in TRAINED.items():
        own = [row["optimal"] for row in rows if row["variant"] == variant]
        if own:
            shares = np.mean(own, axis=0)
            look: dict[str, Any] = {"color": look_of.color, "linestyle": look_of.dashes}
            look |= {"marker": look_of.marker, "markersize": 4}
            ax.plot(TIMES, shares, **look)
    ax.set_xscale("log")
    ax.set_xticks(TIMES, [str(times) for times in TIMES])
    ax.minorticks_off()
    ax.set(ylim=(-0.05, 1.05), xlabel="tested at so many times L")


def _draw_forgetting(ax: Axes, rows: list[Row]) -> None:
    """Of agents that solved their maze: times L at which they fail, against the time constant in the same unit."""
    longest = max(TIMES)
    known = [row for row in rows if all(row["settled"]) and not row["kept"]]
    taus = [max(row["time_constants"]) / row["length"] for row in known]
    apart = 4 * max([*taus, 1.0])
    for row in rows:
        if not all(row["settled"]):
            continue
        tau = apart if row["kept"] else max(row["time_constants"]) / row["length"]
        remembered = longest if row["fails_at"] is None else row["fails_at"] / row["length"]
        look_of = TRAINED[row["variant"]]
        look: dict[str, Any] = {"marker": look_of.marker, "color": look_of.color, "markersize": 4}
        ax.plot(tau, remembered, linestyle="none", fillstyle="full" if row["fails_at"] is None else "none", **look)
    ax.axvline(apart / 2, color=style.GREY, linewidth=style.THIN, linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="time constant of the drift / L", ylabel="first wrong at so many times L")
    powers = [10.0**k for k in range(-2, 6) if min([*taus, 1.0]) / 2 < 10**k < apart / 4]
    ax.set_xticks([*powers, apart], [*(f"{power:g}" for power in powers), "two\nattractors"])
    ax.set_yticks(TIMES, [str(times) for times in TIMES])
    ax.minorticks_off()


def _wrong_handles(rows: list[Row]) -> list[Line2D]:
    """Open and filled marks of agents that were optimal at the length of training; of those that occur."""
    known = [row for row in rows if row["solved"] and all(row["settled"])]
    names: dict[Any, str] = {"none": "wrong there", "full": f"right to {max(TIMES)} L"}
    present = {"full" if row["fails_at"] is None else "none" for row in known}
    look: dict[str, Any] = {"color": style.BLACK, "marker": "o", "markersize": 4, "linestyle": "none"}
    return [Line2D([], [], label=name, fillstyle=fill, **look) for fill, name in names.items() if fill in present]


def table(rows: list[Row]) -> str:
    """Optimal agents at each length, for each training length and variant."""
    head = ["trained at L", "variant", *(f"{times} L" for times in TIMES)]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    groups = list(dict.fromkeys((row["length"], row["variant"]) for row in rows))
    for length, variant in sorted(groups, key=lambda g: (g[0], VARIANTS.index(g[1]))):
        own = [row["optimal"] for row in rows if (row["length"], row["variant"]) == (length, variant)]
        shares = [f"{sum(column)} of {len(own)}" for column in zip(*own, strict=True)]
        lines.append("| " + " | ".join([str(length), NAMES[variant], *shares]) + " |")
    return "\n".join(lines)


def verdict(rows: list[Row]) -> str:
    """Whether agents that play well at every length tried are those that have two attractors."""
    every = [row for row in rows if row["solved"]]
    solved, unknown = ([row for row in every if all(row["settled"]) == known] for known in (True, False))
    kept, drifting = [row for row in solved if row["kept"]], [row for row in solved if not row["kept"]]
    if not solved:
        return "No agent solved its maze and settled, so the claim is not tested here."

    def lasting(group: list[Row]) -> int:
        return sum(row["fails_at"] is None for row in group)

    text = f"Of {len(kept)} agents that keep the goals on two attractors, {lasting(kept)} do right in mazes of every "
    text += f"length from L to {max(TIMES)} L; of {len(drifting)} that let them drift to one, "
    text += f"{lasting(drifting)} do. "
    if unknown:
        text += f"Of {len(unknown)} whose states had not settled, {lasting(unknown)} do. "
    if lasting(drifting):
        text += "To that length, then, multistability is not needed"
    elif kept and lasting(kept):
        text += "This bears the claim out"
    else:
        text += "None that has settled is right at all lengths, so this speaks neither for the claim nor against it"
    if kept and lasting(kept) < len(kept):
        text += "; two attractors are not enough: what is done with them may go wrong"
    return text + "."


def caption(rows: list[Row]) -> str:
    """The numbers, and how they stand to the claim."""
    return f"""
**Figure 2. Longer mazes than those of training.** **a**, **b.** Share of agents that are optimal (both goals by the
shortest
way) in mazes of up to {max(TIMES)} times the length of training. **c.** Agents that are optimal at the length
of training; the shortest longer maze in which each does wrong, against the time constant with which its two memories
become one. Filled: in none, to {max(TIMES)} L. Beyond the dotted line: those whose memories are two attractors. Agents
whose states had not settled are left out there: {sum(not all(row["settled"]) for row in rows if row["solved"])}.

*The claim* (arXiv 2605.12206) is that policies that are optimal at all horizons need multistability. {verdict(rows)}

{table(rows)}
"""


PLAN = replace(learning.PLAN, name="generalisation", draw=draw, caption=caption, results="learning")

if __name__ == "__main__":
    run(PLAN)
