"""Figure 1. Without warmup: does the loss fall when multistability rises?"""

from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_dynamics.plotting import style

from ..runs import Plan, Row, run
from .ensembles import Case, extent, measure_ensemble

MEASURES = {"vaas": "published VAA", "counts": "true count"}
LENGTHS = (10, 20, 30, 50)
LOOKS = frozenset((0, 25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200))
"""Dense where the error falls."""

ENOUGH = 3
"""Seeds with a correlation for its mean to be called anything."""


def correlation(row: Row, measure: str) -> float:
    """Spearman's rank correlation of one seed's validation loss with a measure, over its observations.

    NaN where either is constant.
    """
    loss, value = np.array(row["seen_losses"]), np.array(row[measure], dtype=float)
    known = np.isfinite(loss) & np.isfinite(value)
    if known.sum() < 3 or np.ptp(loss[known]) == 0 or np.ptp(value[known]) == 0:
        return float("nan")
    return pd.Series(loss[known]).corr(pd.Series(value[known]), method="spearman")


def interval(values: list[float], draws: int = 10_000) -> tuple[float, float, float]:
    """Mean, and the 95 % percentile interval of a bootstrap over seeds."""
    known = np.array([value for value in values if np.isfinite(value)])
    if len(known) == 0:
        return np.nan, np.nan, np.nan
    means = known[np.random.default_rng(0).integers(len(known), size=(draws, len(known)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(known.mean()), float(low), float(high)


def draw(rows: list[Row]) -> Figure:
    """A column for each length: validation loss, and below it n VAA and the true count of every seed."""
    lengths = sorted({row["length"] for row in rows})
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 3.9), layout="constrained")
        grid = figure.add_gridspec(2, len(lengths) + 1, width_ratios=[*[1] * len(lengths), 1.1])
        axes = [[figure.add_subplot(grid[line, column]) for column in range(len(lengths))] for line in range(2)]
        right = figure.add_subplot(grid[:, -1])
        for ax in [*axes[0], *axes[1], right]:
            style.dress(ax)
        for column, length in enumerate(lengths):
            mine = [row for row in rows if row["length"] == length]
            top, bottom = axes[0][column], axes[1][column]
            for row in mine:
                top.plot(row["steps"], row["seen_losses"], color=style.BLACK, linewidth=style.THICK, alpha=0.6)
                bottom.plot(
                    row["steps"], 32 * np.array(row["vaas"]), color=style.VERMILLION, linewidth=style.THICK, alpha=0.6
                )
                bottom.plot(
                    row["steps"],
                    row["counts"],
                    color=style.BLUE,
                    linewidth=1.4 * style.THICK,
                    linestyle=(0, (4, 1)),
                    alpha=0.8,
                )
            top.axhline(1, color=style.GREY, linewidth=style.THIN, linestyle=":")
            top.set(yscale="log", ylim=(1e-4, 3))
            for ax in (top, bottom):
                ax.set_xscale("symlog", linthresh=25, linscale=0.4)
                ax.set_xlim(-2, 1.1 * max(max(row["steps"]) for row in mine))
                ax.set_xticks([0, 30, 300], ["0", "30", "300"])
                ax.minorticks_off()
            bottom.set_yscale("symlog", linthresh=1, linscale=0.4)
            bottom.set(ylim=(0, 40), xlabel="update")
            bottom.set_yticks([0, 1, 2, 4, 8, 16, 32], ["0", "1", "2", "4", "8", "16", "32"])
            bottom.minorticks_off()
            top.set_title(f"T = {length}", fontsize=style.SMALL)
            top.tick_params(labelbottom=False)
            if column:
                top.tick_params(labelleft=False)
                bottom.tick_params(labelleft=False)
        axes[0][0].set_ylabel("validation error")
        axes[1][0].set_ylabel("attractors")
        _draw_correlations(right, rows, lengths)
        handles = [
            Line2D([], [], color=style.VERMILLION, linewidth=style.THICK, label="n · VAA (published)"),
            Line2D(
                [], [], color=style.BLUE, linewidth=1.4 * style.THICK, linestyle=(0, (4, 1)), label="attractors reached"
            ),
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, frameon=False, fontsize=style.SMALL)
    return figure


def _draw_correlations(ax: Any, rows: list[Row], lengths: list[int]) -> None:
    looks = {"vaas": (style.VERMILLION, "s", -0.12), "counts": (style.BLUE, "o", 0.12)}
    for measure, (color, marker, aside) in looks.items():
        for place, length in enumerate(lengths):
            values = [correlation(row, measure) for row in rows if row["length"] == length]
            mean, low, high = interval(values)
            seen = [value for value in values if np.isfinite(value)]
            ax.plot(
                [place + aside] * len(seen),
                seen,
                marker=".",
                linestyle="none",
                color=style.tint(color, 0.45),
                markersize=3,
            )
            if len(seen) >= ENOUGH:
                ax.plot([place + aside] * 2, [low, high], color=color, linewidth=style.THICK)
                ax.plot(place + aside, mean, marker=marker, color=color, markersize=4)
            elif not seen:
                small = {"fontsize": style.SMALL - 1, "color": color, "rotation": 90, "ha": "center", "va": "bottom"}
                ax.text(place + aside, 0.04, "constant", **small)
    ax.axhline(0, color=style.GREY, linewidth=style.THIN)
    ax.set(
        ylim=(-1.05, 1.05), xlim=(-0.5, len(lengths) - 0.5), xlabel="length T", ylabel="rank correlation with the error"
    )
    ax.set_xticks(range(len(lengths)), [str(length) for length in lengths])


def caption(rows: list[Row]) -> str:
    """The numbers, and how they stand to the claim."""
    lines, signs = [], {}
    for length in sorted({row["length"] for row in rows}):
        mine = [row for row in rows if row["length"] == length]
        errors = [min(row["validation_losses"]) for row in mine]
        parts = []
        for measure, name in MEASURES.items():
            values = [correlation(row, measure) for row in mine]
            mean, low, high = interval(values)
            constant = sum(not np.isfinite(value) for value in values)
            if np.isfinite(mean):
                text = f"{name} {mean:+.2f}"
                text += f" [{low:+.2f}, {high:+.2f}]" if len(values) - constant >= ENOUGH else ""
                text += f" (constant in {constant} of {len(values)} seeds, which are left out)" if constant else ""
                enough = len(values) - constant >= ENOUGH
                signs[length, measure] = -1 if enough and high < 0 else 1 if enough and low > 0 else 0
            else:
                text = f"{name} never changed in any of {len(values)} seeds"
            parts.append(text)
        lines.append(f"T = {length}: best validation error {min(errors):.3g} to {max(errors):.3g}; {'; '.join(parts)}")
    for_claim = {
        name: [length for (length, key), sign in signs.items() if key == measure and sign < 0]
        for measure, name in MEASURES.items()
    }
    against = {
        name: [length for (length, key), sign in signs.items() if key == measure and sign > 0]
        for measure, name in MEASURES.items()
    }
    verdict = []
    for name in MEASURES.values():
        text = f"for the {name} the correlation is negative beyond doubt (95 %) at T = {_listed(for_claim[name])}"
        verdict.append(text + (f" and positive at T = {_listed(against[name])}" if against[name] else ""))
    return f"""
**Figure 1. Training without warmup: error and multistability.** GRUs on the copy task of several lengths T. Above: the
validation error of every seed (dotted: the best constant). Below: n VAA, the number of attractors that the published
measure stands for, and the number that the same states really reach. Right: Spearman's correlation between the error
and each measure along one training, from before the first update on; dots: seeds; bars, for three seeds or more: mean
and its 95 % interval (bootstrap over seeds).
{". ".join(lines)}.

*The paper's claim* is that long dependencies are learnt once the number of reachable attractors rises, so the
correlation should be negative. Here {"; ".join(verdict)}.
"""


def _listed(lengths: list[int]) -> str:
    return ", ".join(map(str, sorted(lengths))) or "none"


def _cases(
    hidden: int, seeds: int, epochs: int, sequences: int, horizon: int, lengths: tuple[int, ...]
) -> tuple[Case, ...]:
    every = -(-sequences // 32)
    return tuple(
        Case("copy", length, 0, "GRU", hidden, "plain", seeds, epochs, sequences, horizon, every) for length in lengths
    )


PLAN = Plan(
    folder="training",
    name="lengths",
    scales={
        "smoke": _cases(6, 2, 4, 64, 200, (3, 5)),
        "small": _cases(64, 5, 16, 6400, 10_000, LENGTHS),
        "paper": _cases(256, 5, 50, 48_000, 10_000, (10, 50, 100, 300)),
    },
    measure=partial(measure_ensemble, looks=LOOKS),
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
