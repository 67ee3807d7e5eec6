"""Figure 2. During warmup: VAA*, the published measure and the true count, step by step, cell by cell."""

from typing import Any

from matplotlib.figure import Figure
from torch import nn

from rnn_dynamics.warmup import warm_up

from ..runs import Plan, Row, run
from .drawing import (
    cell_panels,
    claim_axis,
    claims_and_counts,
    kinds_legend,
    mean_by_step,
    share_label,
    soft_curves,
    soft_legend,
)
from .networks import CELLS, Case, cases, extent, make, measure, training_sequences

EVERY = 25


def measure_progress(case: Case) -> list[Row]:
    """One warmup, looked at every ``EVERY`` updates."""
    rows: list[Row] = []

    def look(step: int, module: nn.Module, **_: Any) -> None:
        if step % EVERY == 0 or step == case.steps:
            rows.append({"step": step, **measure(module, case)})

    history = warm_up(make(case), training_sequences(case), steps=case.steps, seed=case.seed, callback=look)
    rows[0]["soft_vaas"] = [round(value, 4) for value in history.soft_vaas.mean(dim=1).tolist()]
    rows[0]["status"] = history.status
    return rows


def draw(rows: list[Row]) -> Figure:
    """A column a cell; VAA* above, claims and true counts below."""
    figure, axes = cell_panels(CELLS, rows=2, height=3.3)
    for column, cell in enumerate(CELLS):
        mine = [row for row in rows if row["cell"] == cell]
        soft_curves(axes[0][column], mine)
        claims_and_counts(axes[1][column], mine)
    axes[0][0].set_ylabel("VAA*")
    claim_axis(axes[1][0])
    kinds_legend(axes[0][0], rows, more=soft_legend(), columns=3)
    share_label(figure, "warmup step")
    return figure


def caption(rows: list[Row]) -> str:
    """What is drawn, and how it stands to the paper's claim."""
    size = rows[0]
    lines = []
    for cell in CELLS:
        mine = [row for row in rows if row["cell"] == cell]
        first, last = mean_by_step(mine, 0), mean_by_step(mine, size["steps"])
        lines.append(
            f"{cell}: VAA {first['vaa']:.2f} → {last['vaa']:.2f}, attractors {first['count']:.1f} → {last['count']:.1f}"
            + (f" ({last['slow']:.0%} of the states still drift)" if last["slow"] > 0.005 else "")
        )
    return f"""
**Figure 2. Warmup raises the published number; what it stands for is another matter.** **a.** VAA*, which warmup
brings to its target, at the horizon drawn for each step (dots,
{len({row["seed"] for row in rows})} seeds). **b.** The number of attractors that the
published VAA stands for after {size["horizon"]:,} steps (lines, one a seed, from look to look) and the attractors that
the same states really reach (markers, one for each seed and look, by what most of the states do; at 0 where none had
settled within a million steps). Means over seeds, from the first step to the last: {"; ".join(lines)}.

*The paper's claim* is that warmup makes many attractors reachable. Where the line is far above the markers,
that is not what happened: the number counts slow drift, or points of one moving attractor.
"""


PLAN = Plan(
    folder="warmup",
    name="progress",
    scales={
        "smoke": cases(CELLS, hidden=(8,), layers=(2,), seeds=1, n=8, horizon=200, steps=3, length=10),
        "small": cases(CELLS, hidden=(32,), layers=(2,), seeds=3),
        "paper": cases(CELLS, hidden=(256,), layers=(2,), seeds=10, length=300),
    },
    measure=measure_progress,
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
