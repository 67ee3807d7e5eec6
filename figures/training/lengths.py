"""Figure 1. Without warmup: does the loss fall when multistability rises?"""

from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import binomtest

from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.counts import STEPS, count_axis, placed
from rnn_dynamics.plotting.pages import letter

from ..runs import Plan, Row, run
from .ensembles import Case, extent, measure_ensemble
from .variants import CONSTANT

MEASURES = {"vaas": "published VAA", "counts": "true count"}
LENGTHS = (10, 20, 30, 50)
LOOKS = frozenset((0, 25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200))
"""Dense where the error falls."""

ENOUGH = 3
"""Seeds with a correlation for its mean to be called anything."""

_STATES = 32
_CLAIMED: dict[str, Any] = {"color": style.COLORS_OF["claimed"], "marker": "s", "linewidth": style.THICK}
_REACHED: dict[str, Any] = {"color": style.COLORS_OF["reached"], "marker": "o", "linewidth": 1.4 * style.THICK}
_REACHED |= {"linestyle": (0, (4, 1))}
_SIDES = {"vaas": (_CLAIMED, -0.15), "counts": (_REACHED, 0.15)}


def values_of(row: Row, measure: str) -> np.ndarray:
    """A measure at every look; NaN where the true count is not known, as states had not settled."""
    values = np.array(row[measure], dtype=float)
    if measure == "counts":
        settled = np.array(row["outcomes"])[:, 0]  # the others are slow, diverged and unfinished
        values[settled < np.sum(row["outcomes"], axis=1)] = np.nan
    return values


def correlation(row: Row, measure: str) -> float:
    """Spearman's rank correlation of one seed's validation loss with a measure, over its observations.

    NaN where either is constant.
    """
    loss, value = np.array(row["seen_losses"]), values_of(row, measure)
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


def told_apart(values: list[float]) -> bool:
    """Whether seeds with a correlation are enough, and differ: of equal numbers a spread says nothing.

    All are equal where a measure changes at the same single look of every seed: one coincidence, not several.
    """
    known = [value for value in values if np.isfinite(value)]
    return len(known) >= ENOUGH and np.ptp(known) > 1e-9


def draw(rows: list[Row]) -> Figure:
    """A column for each length: validation loss, and below it n VAA and the true count of every seed."""
    lengths = sorted({row["length"] for row in rows})
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 3.9), layout="constrained")
        grid = figure.add_gridspec(2, len(lengths) + 1, width_ratios=[*[1] * len(lengths), 1.25])
        axes = [[figure.add_subplot(grid[line, column]) for column in range(len(lengths))] for line in range(2)]
        right = figure.add_subplot(grid[:, -1])
        for ax in [*axes[0], *axes[1], right]:
            style.dress(ax)
        for column, length in enumerate(lengths):
            top, bottom = axes[0][column], axes[1][column]
            _draw_length(top, bottom, [row for row in rows if row["length"] == length])
            top.set_title(f"T = {length}", fontsize=style.SMALL)
            top.tick_params(labelbottom=False)
            if column:
                top.tick_params(labelleft=False)
                bottom.tick_params(labelleft=False)
        axes[0][0].set_ylabel("validation error")
        axes[1][0].set_ylabel("attractors")
        _draw_correlations(right, rows, lengths)
        handles = [
            Line2D([], [], color=style.BLACK, linewidth=style.THICK, label="error of a seed"),
            Line2D([], [], label="best constant", **CONSTANT),
            Line2D([], [], label="n · VAA (published)", markersize=2.6, **_CLAIMED),
            Line2D([], [], label="attractors reached", markersize=2.6, **_REACHED),
            Line2D([], [], color=style.GREY, marker="x", markersize=3.4, linestyle="none", label="not all settled"),
        ]
        look: dict[str, Any] = {"frameon": False, "fontsize": style.SMALL, "handlelength": 2.4, "columnspacing": 1.2}
        figure.legend(handles=handles, loc="outside upper left", ncols=5, **look)
        letter([axes[0][0], axes[1][0], right], left=30, up=1.5)
    return figure


def _draw_length(top: Axes, bottom: Axes, rows: list[Row]) -> None:
    for row in rows:
        steps, counts = np.array(row["steps"]), np.array(row["counts"], dtype=float)
        top.plot(steps, row["seen_losses"], color=style.BLACK, linewidth=style.THICK, alpha=0.6)
        for values, look in ((_STATES * np.array(row["vaas"]), _CLAIMED), (values_of(row, "counts"), _REACHED)):
            bottom.plot(steps, placed(values, _STATES), markersize=2, alpha=0.7, **look, **STEPS)
        unsure = np.isnan(values_of(row, "counts"))
        cross: dict[str, Any] = {"color": style.GREY, "marker": "x", "markersize": 3.4, "linestyle": "none"}
        bottom.plot(steps[unsure], placed(counts[unsure], _STATES), zorder=4, **cross)
    top.axhline(rows[0]["validation_baseline"], **CONSTANT)
    top.set(yscale="log", ylim=(1e-4, 3))
    for ax in (top, bottom):
        ax.set_xscale("symlog", linthresh=25, linscale=0.4)
        ax.set_xlim(-2, 1.2 * max(max(row["steps"]) for row in rows))
        ax.set_xticks([0, 30, 300], ["0", "30", "300"])
        ax.minorticks_off()
    count_axis(bottom, _STATES)
    bottom.set_xlabel("update")


def _draw_correlations(ax: Axes, rows: list[Row], lengths: list[int]) -> None:
    """Every seed a dot, equal ones side by side; mean and interval where seeds differ."""
    for measure, (look, aside) in _SIDES.items():
        color = look["color"]
        for place, length in enumerate(lengths):
            values = [correlation(row, measure) for row in rows if row["length"] == length]
            seen = sorted(value for value in values if np.isfinite(value))
            spread = [seen[:index].count(value) * 0.045 for index, value in enumerate(seen)]
            dots: dict[str, Any] = {"linestyle": "none", "color": style.tint(color, 0.45), "markersize": 2.4}
            ax.plot(place + aside + np.array(spread) * np.sign(aside), seen, marker=look["marker"], **dots)
            mean, low, high = interval(values)
            if told_apart(values):
                ax.plot([place + aside] * 2, [low, high], color=color, linewidth=style.THICK)
                ax.plot(place + aside, mean, marker=look["marker"], color=color, markersize=4)
            if len(seen) < len(values):
                missing = f"{len(values) - len(seen)} const."
                small: dict[str, Any] = {"fontsize": 5.5, "color": color, "rotation": 90, "ha": "center", "va": "top"}
                ax.text(place + aside, 1.0, missing, **small)
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
            _, low, high = interval(values)
            signs[length, measure] = 0
            if told_apart(values):
                signs[length, measure] = -1 if high < 0 else 1 if low > 0 else 0
            parts.append(f"{name} {_in_words(values)}")
        lines.append(f"T = {length}: best validation error {min(errors):.3g} to {max(errors):.3g}; {'; '.join(parts)}")
    verdict = []
    for measure, name in MEASURES.items():
        below, above = (
            [length for (length, key), sign in signs.items() if key == measure and sign == way] for way in (-1, 1)
        )
        text = f"for the {name} the interval is below 0 at T = {_listed(below)}"
        verdict.append(text + (f" and above 0 at T = {_listed(above)}" if above else ""))
    return f"""
**Figure 1. Training without warmup: error and multistability.** GRUs on the copy task of several lengths T. **a.** The
validation error of every seed. **b.** n VAA, the number of attractors that the published measure stands for, and the
number that the same states really reach, each as it was at the last look; crosses: not all states had settled, so that
the number is not known. **c.** Spearman's correlation between the error and each measure along one training, from
before the first update on; small: seeds; where {ENOUGH} seeds or more have one and they differ, their mean and its 95 %
interval (bootstrap over seeds, which is too narrow for so few). {". ".join(lines)}.

*The paper's claim* is that long dependencies are learnt once the number of reachable attractors rises, so the
correlation should be negative. Here {"; ".join(verdict)}. With {len({row["seed"] for row in rows})} seeds no sign test
can fall below p = {binomtest(0, len({row["seed"] for row in rows})).pvalue:.3g}: this is evidence, not proof. At other
lengths nothing is said.
"""


def _in_words(values: list[float]) -> str:
    """The mean over seeds, its interval if they differ, and how many agree in sign."""
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return f"never changed in any of {len(values)} seeds"
    mean, low, high = interval(values)
    text = f"{mean:+.2f}"
    if told_apart(values):
        text += f" [{low:+.2f}, {high:+.2f}]"
    elif len(known) > 1 and np.ptp(known) <= 1e-9:
        text += (
            f" in each of {len(known)} seeds, as it changed at the same single look: one coincidence, not {len(known)}"
        )
    else:
        text += f" in {len(known)} seed{'s' * (len(known) > 1)}, too few to judge"
    below = sum(value < 0 for value in known)
    if told_apart(values):
        text += f", negative in {below} of {len(known)} (sign test: p = {binomtest(below, len(known)).pvalue:.3g})"
    constant = len(values) - len(known)
    return text + (f" (constant in {constant} of {len(values)} seeds, which are left out)" if constant else "")


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
