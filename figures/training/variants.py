"""Figure 2. Copy and denoising: plain, warmed up, and two cells side by side of which one is warmed up."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.pages import letter, page_legend

from ..looks import TRAINED
from ..runs import Plan, Row, run
from .ensembles import VARIANTS, Case, extent, measure_ensemble

CELLS = ("GRU", "LSTM", "chrono", "MGU", "nBRC")
NAMES = {key: variant.name for key, variant in TRAINED.items()}

CONSTANT: dict[str, Any] = {"color": style.GREY, "linewidth": style.THIN, "linestyle": ":"}
"""How the best that a constant does on the same set is drawn."""


def curves(
    tasks: list[str], names: list[str], rows: list[Row], by: str, ylabel: str, log: bool, constant: str
) -> Figure:
    """A row of panels for each task, a column for each of ``names``: every seed thin, the median bold."""
    key = "validation_losses" if log else "validation_scores"
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 0.5 + 1.45 * len(tasks)), layout="constrained")
        axes = figure.subplots(len(tasks), len(names), squeeze=False, sharex="row", sharey="row")
        for line, task in enumerate(tasks):
            for column, name in enumerate(names):
                ax = axes[line, column]
                style.dress(ax)
                mine = [row for row in rows if row["task"] == task and row[by] == name]
                for variant, look_of in TRAINED.items():
                    own = [row for row in mine if row["variant"] == variant]
                    for row in own:
                        look: dict[str, Any] = {"color": style.tint(look_of.color, 0.45), "linewidth": style.THIN}
                        ax.plot(row["epoch_steps"], row[key], linestyle=look_of.dashes, **look)
                    whole = [row for row in own if len(row[key]) == max(len(r[key]) for r in own)]
                    if whole:
                        median = np.median([row[key] for row in whole], axis=0)
                        look = {"color": look_of.color, "linewidth": 1.4 * style.THICK, "linestyle": look_of.dashes}
                        marks = {"marker": look_of.marker, "markersize": 2.6, "markevery": 3}
                        ax.plot(whole[0]["epoch_steps"], median, zorder=3, **look, **marks)
                for baseline in {row["validation_baseline"] for row in mine}:
                    ax.axhline(baseline, **CONSTANT)
                if log and min(min(r[key]) for r in rows if r["task"] == task) < 0.1:
                    ax.set_yscale("log")
                ax.xaxis.set_major_locator(MaxNLocator(3))
                if not line:
                    ax.set_title(name, fontsize=style.SMALL)
                if not column:
                    ax.set_ylabel(f"{task}\n{ylabel}")
        handles = [look_of.entry(marker=look_of.marker, markersize=2.6) for look_of in TRAINED.values()]
        handles.append(Line2D([], [], color=style.GREY, linewidth=style.THIN, label="one seed"))
        handles.append(Line2D([], [], label=constant, **CONSTANT))
        page_legend(figure, handles, columns=5)
        letter(axes[:, 0].tolist(), left=22, up=1.5)
        figure.supxlabel("update", fontsize=style.SMALL + 1)
    return figure


def table(rows: list[Row], by: str) -> str:
    """Test scores: median over seeds, their range in brackets; and what is reached before and after training."""
    head = ["task", by, "variant", "test score: median [range]", "n VAA: start → end", "attractors: start → end"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    groups = list(dict.fromkeys((row["task"], row[by], row["variant"]) for row in rows))
    for task, name, variant in sorted(groups, key=lambda g: (g[0], g[1], VARIANTS.index(g[2]))):
        own = [row for row in rows if (row["task"], row[by], row["variant"]) == (task, name, variant)]
        scores = sorted(row["test_score"] for row in own)
        claimed = [[32 * row["vaas"][end] for row in own] for end in (0, -1)]
        counts = [[row["counts"][end] for row in own] for end in (0, -1)]
        cells = [
            task,
            str(name),
            NAMES[variant],
            f"{np.median(scores):.3g} [{scores[0]:.3g}, {scores[-1]:.3g}]",
            " → ".join(f"{np.median(values):.3g}" for values in claimed),
            " → ".join(f"{np.median(values):.3g}" for values in counts),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def comparisons(rows: list[Row], by: str, better: int) -> list[str]:
    """For each task where warming up helped, hurt or made no difference that exceeds the spread over seeds."""
    sentences = []
    for task in dict.fromkeys(row["task"] for row in rows):
        for variant in ("warm", "parallel"):
            verdicts: dict[str, list[str]] = {"better": [], "worse": [], "no different": []}
            for name in dict.fromkeys(row[by] for row in rows if row["task"] == task):
                mine, plain = (
                    [r["test_score"] for r in rows if (r["task"], r[by], r["variant"]) == (task, name, kind)]
                    for kind in (variant, "plain")
                )
                if not mine or not plain:
                    continue
                mine, plain = [better * value for value in mine], [better * value for value in plain]
                verdict = "better" if min(mine) > max(plain) else "worse" if max(mine) < min(plain) else "no different"
                verdicts[verdict].append(str(name))
            parts = [f"{verdict} for {', '.join(names)}" for verdict, names in verdicts.items() if names]
            if parts:
                sentences.append(f"{task}, {NAMES[variant]} against plain: {'; '.join(parts)}")
    return sentences


def draw(rows: list[Row]) -> Figure:
    """Learning curves."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    return curves(
        tasks,
        [cell for cell in CELLS if any(r["cell"] == cell for r in rows)],
        rows,
        "cell",
        "validation error",
        True,
        "best constant",
    )


def caption(rows: list[Row]) -> str:
    """The numbers, and how they stand to the claim."""
    lengths = ", ".join(
        f"{task} of length {length}" for task, length in dict.fromkeys((r["task"], r["length"]) for r in rows)
    )
    return f"""
**Figure 2. Does warming up help?** Validation error (mean squared error; dotted: the best constant) during training,
for {lengths}. Thin and pale: seeds; bold: their median. "Better" and "worse" below mean that every seed of one is
better than
every seed of the other. {". ".join(comparisons(rows, "cell", -1))}.

*The paper's claim* is that warming up greatly improves learning of long dependencies, and that two cells of which one
is warmed up keep precision. Where a line above says "no different" or "worse", this measurement does not bear it out.

{table(rows, "cell")}
"""


def _cases(
    tasks: dict[str, int],
    cells: tuple[str, ...],
    hidden: int,
    seeds: int,
    epochs: int,
    sequences: int,
    horizon: int,
    warmup_steps: int = 100,
) -> tuple[Case, ...]:
    return tuple(
        Case(task, length, 0, cell, hidden, variant, seeds, epochs, sequences, horizon, 0, warmup_steps)
        for task, length in tasks.items()
        for cell in cells
        for variant in VARIANTS
    )


PLAN = Plan(
    folder="training",
    name="variants",
    scales={
        "smoke": _cases({"copy": 4, "denoising": 12}, ("GRU",), 6, 2, 2, 64, 50, 3),
        "small": _cases({"copy": 50, "denoising": 50}, CELLS, 32, 3, 10, 6400, 10_000),
        "paper": _cases({"copy": 300, "denoising": 200}, CELLS, 256, 5, 50, 48_000, 10_000),
    },
    measure=measure_ensemble,
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
