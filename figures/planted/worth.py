"""What planted attractors are worth: five tasks, three cells, plain, warmed up, planted, and two cells, one planted."""

from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.counts import STEPS, count_axis, placed
from rnn_dynamics.plotting.logarithms import uncrowd
from rnn_dynamics.plotting.pages import letter, page_legend

from ..looks import PLANTED
from ..runs import Plan, Row, run
from ..training.lengths import interval
from ..training.variants import CONSTANT
from .ensembles import CELLS, STATES, TASKS, VARIANTS, Case, cases, measure

NAMES = {key: variant.name for key, variant in PLANTED.items()}
_CLAIM: dict[str, Any] = {"linewidth": style.THIN, "linestyle": (0, (3, 2))}
ENOUGH = 3
"""Seeds for an interval."""


def threshold(row: Row) -> float:
    """What counts as learnt: half of the best constant's error, or half of the classes right."""
    return 0.5 * row["baseline"] if row["score_name"] == "mean squared error" else 0.5


def learnt(row: Row, score: float) -> bool:
    """Whether a score is beyond the threshold."""
    return score < threshold(row) if row["score_name"] == "mean squared error" else score > threshold(row)


def updates(row: Row) -> float:
    """Updates until the validation score is beyond the threshold; infinite if it never was."""
    reached = zip(row["epoch_steps"], row["validation_scores"], strict=True)
    return next((step for step, score in reached if learnt(row, score)), float("inf"))


def group(rows: list[Row], **keys: object) -> list[Row]:
    """The rows in which these are so."""
    return [row for row in rows if all(row[key] == value for key, value in keys.items())]


def problems(rows: list[Row]) -> list[tuple[str, int]]:
    """Tasks with their lengths."""
    return list(dict.fromkeys((row["task"], row["length"]) for row in rows))


def draw(rows: list[Row]) -> Figure:
    """A row a task: test scores of every seed; attractors before, half-way and after; gradients through time."""
    tasks = problems(rows)
    with style.styled():
        figure = plt.figure(figsize=(style.COLUMN_WIDTHS[2], 0.6 + 1.5 * len(tasks)), layout="constrained")
        axes = figure.subplots(len(tasks), 3, squeeze=False, width_ratios=(1.3, 1, 1))
        for (task, length), (left, middle, right) in zip(tasks, axes, strict=True):
            mine = group(rows, task=task, length=length)
            for ax in (left, middle, right):
                style.dress(ax)
            _scores(left, mine)
            left.set_title(f"{task}, T = {length}", fontsize=style.SMALL, loc="left")
            draw_counts(middle, mine)
            draw_gradients(right, mine)
        axes[-1][1].set_xlabel("of the training")
        axes[-1][2].set_xlabel("steps before the end")
        handles = [PLANTED[v].entry(marker=PLANTED[v].marker, markersize=3) for v in VARIANTS if group(rows, variant=v)]
        page_legend(figure, [*handles, *shared_handles()], columns=4)
        letter([ax for row in axes for ax in row], left=24, up=1.5)
    return figure


def _scores(ax: Axes, rows: list[Row]) -> None:
    cells = [cell for cell in CELLS if group(rows, cell=cell)]
    for place, cell in enumerate(cells):
        for index, variant in enumerate(VARIANTS):
            values = [row["test_score"] for row in group(rows, cell=cell, variant=variant)]
            at = place + 0.16 * (index - 2)
            color = PLANTED[variant].color
            ax.plot([at] * len(values), values, ".", color=style.tint(color, 0.5), markersize=2.5)
            mean, low, high = interval(values)
            if len(values) >= ENOUGH:
                ax.plot([at, at], [low, high], color=color, linewidth=style.THICK)
            ax.plot(at, mean, PLANTED[variant].marker, color=color, markersize=3)
    ax.axhline(rows[0]["baseline"], **CONSTANT)
    ax.set_xticks(range(len(cells)), cells)
    ax.set_xlim(-0.5, len(cells) - 0.5)
    if rows[0]["score_name"] == "mean squared error":
        ax.set_yscale("log")
        uncrowd(ax.yaxis)
        ax.set_ylabel("error")
    else:
        ax.set_ylabel(rows[0]["score_name"])


def draw_counts(ax: Axes, rows: list[Row]) -> None:
    """Attractors that are really reached, and what VAA stands for, at three looks."""
    for variant in VARIANTS:
        own = [row for row in group(rows, variant=variant) if len(row["counts"]) == 3]
        if not own:
            continue
        color, places = PLANTED[variant].color, np.arange(3)
        seen = [interval([row["counts"][look] for row in own]) for look in range(3)]
        means, lows, highs = zip(*seen, strict=True)
        aside = places + 0.06 * (VARIANTS.index(variant) - 2)
        for at, low, high in zip(aside, placed(lows, STATES), placed(highs, STATES), strict=True):
            ax.plot([at, at], [low, high], color=color, linewidth=style.THICK)
        look: dict[str, Any] = {"color": color, "marker": PLANTED[variant].marker, "markersize": 3}
        ax.plot(aside, placed(means, STATES), linewidth=style.THIN, linestyle=PLANTED[variant].dashes, **look, **STEPS)
        claimed = [interval([STATES * row["vaas"][i] for row in own])[0] for i in range(3)]
        ax.plot(aside, claimed, markerfacecolor="white", markeredgewidth=0.6, zorder=1.8, **look | _CLAIM, **STEPS)
    count_axis(ax, STATES)
    ax.set_ylabel("attractors")
    ax.set_xticks(range(3), ["start", "half", "end"])


def shared_handles() -> list[Line2D]:
    """What panels of all rows draw: claims beside counts, and the best constant."""
    claim: dict[str, Any] = {"color": style.BLACK, "marker": "o", "markersize": 3, "markerfacecolor": "white"}
    return [
        Line2D([], [], label=f"{STATES} VAA (published)", markeredgewidth=0.6, **claim, **_CLAIM),
        Line2D([], [], label="best constant", **CONSTANT),
    ]


def draw_gradients(ax: Axes, rows: list[Row]) -> None:
    """Norms of the derivative by the state, before training."""
    for variant in VARIANTS:
        own = group(rows, variant=variant)
        if not own:
            continue
        norms = np.array([row["norms_before"] for row in own])
        logs = np.log10(np.maximum(norms / norms[:, -1:], 1e-12))
        back = np.arange(norms.shape[1])[::-1]
        middle, low, high = np.median(logs, axis=0), *np.percentile(logs, [25, 75], axis=0)
        look: dict[str, Any] = {"color": PLANTED[variant].color, "linestyle": PLANTED[variant].dashes}
        ax.plot(back, 10**middle, linewidth=style.THICK, **look)
        ax.fill_between(back, 10**low, 10**high, color=PLANTED[variant].color, alpha=0.15, linewidth=0)
    ax.set_yscale("log")
    ax.set_ylabel("|∂L/∂h|, start")


def table(rows: list[Row]) -> str:
    """A line for every ensemble."""
    head = ["task", "T", "cell", "network", "test score: mean [95 %]", "learnt after", "attractors: start, half, end"]
    lines = ["| " + " | ".join([*head, f"{STATES} VAA", "gradient at t = 1: start, end"]) + " |"]
    lines.append("|" + " --- |" * (len(head) + 2))
    for task, length in problems(rows):
        for cell in CELLS:
            for variant in VARIANTS:
                own = group(rows, task=task, length=length, cell=cell, variant=variant)
                if not own:
                    continue
                mean, low, high = interval([row["test_score"] for row in own])
                known = sorted(value for value in map(updates, own) if np.isfinite(value))
                never = len(own) - len(known)
                when = f"{np.median(known):.0f}" if known else "never"
                parts = [
                    task,
                    str(length),
                    cell,
                    NAMES[variant],
                    f"{mean:.3g} [{low:.3g}, {high:.3g}]" if len(own) >= ENOUGH else f"{mean:.3g}",
                    when + (f" ({never} of {len(own)} never)" if never and known else ""),
                    *observed(own),
                ]
                lines.append("| " + " | ".join(parts) + " |")
    return "\n".join(lines)


def observed(own: list[Row]) -> list[str]:
    """Of an ensemble, at each look: attractors, what VAA stands for; and the gradient at the first step, in a table."""
    looks = [[row["counts"][i] for row in own if len(row["counts"]) > i] for i in range(3)]
    claims = [[STATES * row["vaas"][i] for row in own if len(row["vaas"]) > i] for i in range(3)]
    kept = [[row[key][0] / row[key][-1] for row in own] for key in ("norms_before", "norms_after")]
    return [
        ", ".join(f"{np.mean(values):.3g}" for values in looks if values),
        ", ".join(f"{np.mean(values):.3g}" for values in claims if values),
        ", ".join(f"{value:.1g}" for value in map(np.median, kept)),
    ]


def comparisons(rows: list[Row]) -> list[str]:
    """Where the intervals of two kinds of networks do not overlap, task by task."""
    sentences = []
    for task, length in problems(rows):
        for other in ("plain", "warm"):
            verdicts: dict[str, list[str]] = {"better": [], "worse": [], "not told apart": []}
            for cell in CELLS:
                pair = [group(rows, task=task, length=length, cell=cell, variant=v) for v in ("planted", other)]
                if min(map(len, pair)) < ENOUGH:
                    continue
                way = -1 if pair[0][0]["score_name"] == "mean squared error" else 1
                mine, theirs = (interval([way * row["test_score"] for row in own]) for own in pair)
                verdict = "better" if mine[1] > theirs[2] else "worse" if mine[2] < theirs[1] else "not told apart"
                verdicts[verdict].append(cell)
            told = "; ".join(f"{verdict} for {', '.join(cells)}" for verdict, cells in verdicts.items() if cells)
            if told:
                sentences.append(f"{task}, T = {length}, planted against {NAMES[other]}: {told}")
    return sentences


def survival(rows: list[Row]) -> str:
    """What became of the attractors that were planted."""
    own = [row for row in group(rows, variant="planted") if len(row["counts"]) == 3]
    if not own:
        return "No planted network was measured."
    more = [row["counts"][-1] > 1 for row in own]
    start, _, end = (np.mean([row["counts"][i] for row in own]) for i in range(3))
    return (
        f"Of {len(own)} planted networks {sum(more)} still reach more than one attractor at the end: on average "
        f"{start:.3g} at the start, {end:.3g} at the end"
    )


def caption(rows: list[Row]) -> str:
    """What is drawn, where intervals lie apart, and every number."""
    return f"""
**What planted attractors are worth.** Left: test scores of every seed (dots), their mean and its 95 % interval
(bootstrap over seeds); dotted: the best constant. Middle: attractors that {STATES} states really reach under one held
input, at the start, half-way and at the end of training, mean over seeds and cells with its 95 % interval, drawn as
they were at the last look; dashed, open: what the published VAA stands for; 0 lies below the
dotted break of the axis. Right: norm of the loss's derivative by
the state, over steps before the end and relative to the last step, before training: medians and quartiles, what is
below 10⁻¹² at that. "Better" and "worse" mean that the 95 % intervals of the means do not overlap; with so many
comparisons some of that will be chance.

{". ".join(comparisons(rows)) or "Nothing to compare was measured"}. {survival(rows)}.

{table(rows)}
"""


def extent(measured: tuple[Case, ...]) -> str:
    """How much was trained."""
    case = measured[0]
    steps = case.epochs * -(-case.sequences // 32)
    return (
        f"one layer of {case.hidden} units, {case.seeds} seeds, at most {steps:,} updates of 32 sequences (of "
        f"{case.sequences:,}; digits have fewer), Adam at {case.lr:g}, gradients clipped at 1, the same budget for "
        f"all; warmup, refining {case.warmup_steps} steps on top; planted with 2 units a block, input scale 0.2; VAA "
        f"after {case.horizon:,} steps, drifts followed for 100,000. Learnt: half of the best constant's error, or "
        "half of the digits right. Much smaller and shorter than published trainings: what is not learnt here may be "
        "learnt later."
    )


_LENGTHS = dict.fromkeys(TASKS, (40,))
_QUICK = tuple(variant for variant in VARIANTS if variant != "refined")
_SMALL = {"hidden": 32, "seeds": 5, "epochs": 6, "sequences": 1280, "horizon": 10_000, "lr": 3e-3, "warmup_steps": 100}
_PAPER = {"hidden": 256, "seeds": 5, "epochs": 50, "sequences": 48_000, "horizon": 10_000, "lr": 1e-3}

PLAN = Plan(
    folder="planted",
    name="worth",
    scales={
        "smoke": cases(
            {"bits": (6,), "digits": (10,)},
            ("GRU",),
            hidden=8,
            seeds=2,
            epochs=2,
            sequences=64,
            horizon=100,
            lr=3e-3,
            warmup_steps=2,
        ),
        # Refining takes as long as all else: last.
        "small": cases(_LENGTHS, CELLS, _QUICK, **_SMALL)
        + cases(_LENGTHS, CELLS, ("refined",), **_SMALL)
        + cases({"copy": (120,), "bits": (120,)}, CELLS, **_SMALL),
        "paper": cases(dict.fromkeys(TASKS, (50, 100, 300, 600)), CELLS, **_PAPER, warmup_steps=100),
    },
    measure=measure,
    draw=draw,
    caption=caption,
    extent=extent,  # pyright: ignore[reportArgumentType]
)

if __name__ == "__main__":
    run(PLAN)
