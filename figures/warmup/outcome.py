"""Figure 3. What warmup made: what the published number counts, for every cell and size."""

from collections import Counter

from matplotlib.figure import Figure

from rnn_dynamics.plotting.classes import ATTRACTORS
from rnn_dynamics.warmup import warm_up

from ..runs import Plan, Row, run
from .drawing import LEAST_SPEED, cell_panels, claim_axis, fate, kinds_legend, outcome_panels, share_label, table
from .networks import WITH_PARALLEL, Case, cases, extent, make, measure, training_sequences
from .proved import with_proofs


def measure_outcome(case: Case) -> list[Row]:
    """One network before and after warmup."""
    module = make(case)
    before = measure(module, case)
    history = warm_up(module, training_sequences(case), steps=case.steps, seed=case.seed)
    after = measure(module, case)
    last = history.soft_vaas[-10:].mean()
    return [
        {"stage": "before", **before},
        {"stage": "after", **after, "soft_vaa": float(last), "status": history.status},
    ]


def draw(rows: list[Row]) -> Figure:
    """A column a cell: claims and counts, speeds, leading exponents, against the number of units."""
    after = [row for row in rows if row["stage"] == "after"]
    hidden = sorted({row["hidden"] for row in rows})
    figure, axes = cell_panels(WITH_PARALLEL, rows=3, height=4.4)
    for column, cell in enumerate(WITH_PARALLEL):
        outcome_panels([axes[row][column] for row in range(3)], [row for row in after if row["cell"] == cell], hidden)
    claim_axis(axes[0][0])
    axes[1][0].set_ylabel("speed / step$^{-1}$")
    axes[2][0].set_ylabel("exponent / step$^{-1}$")
    kinds_legend(axes[0][0], after, ring=True)
    share_label(figure, "hidden units")
    return figure


def caption(rows: list[Row]) -> str:
    """What is drawn, the table, and how it stands to the paper's claim."""
    size = rows[0]
    after = [row for row in rows if row["stage"] == "after"]
    claimed = [row["n"] * row["vaas"][-1] for row in after]
    true = [sum(row["counts"].values()) for row in after]
    far = sum(one >= 2 * max(other, 1) for one, other in zip(claimed, true, strict=True))
    high = [row for row in after if row["vaas"][-1] > 0.9]
    none = sum(not row["counts"] for row in high)
    shown = sum(fate(row) in ATTRACTORS for row in after)
    few = sum(0 < sum(row["counts"].values()) <= 2 for row in high)
    return f"""
**Figure 3. What warmup made.** {len(after)} networks after {size["steps"]} steps of warmup, one for every cell, 1 and
2 layers, and number of units ("GRU+GRU": two cells side by side, of which the first is warmed up). **a.** The
number of attractors that the published VAA stands for after {size["horizon"]:,} steps (rings; 2 layers right of 1),
and the attractors that the same {size["n"]} states really reach (markers, whose
shape says what most of the states do within a million steps: {_fates(after)}). **b.** How far the median state still
moves in a step after those
{size["horizon"]:,}; what is slower than {LEAST_SPEED:g} stands there. **c.** The largest Lyapunov exponent of the
attractor that most states reach, of the {shown} networks whose states mostly settle on attractors of one kind.

In {far} of {len(after)} networks the published number is at least twice the true count; of the {len(high)} whose
VAA exceeds 0.9, {none} have no attractor within a million steps, and {few} have one or two.

*The paper's claim* is that a VAA near 1 after warmup shows as many reachable attractors as states. It is
contradicted wherever the ring lies far above the marker.

"proved": so many of the attractors are proved to be there, stable and reached (figure 5, `proved.md`).

{table(with_proofs(after))}
"""


def _fates(rows: list[Row]) -> str:
    """What most states do, and in how many networks."""
    return ", ".join(f"{name} {number}" for name, number in Counter(map(fate, rows)).most_common())


PLAN = Plan(
    folder="warmup",
    name="outcome",
    scales={
        "smoke": cases(WITH_PARALLEL, hidden=(8,), layers=(1, 2), seeds=1, n=8, horizon=200, steps=3, length=10),
        "small": cases(WITH_PARALLEL, hidden=(32, 64, 128, 256), layers=(1, 2), seeds=1),
        "paper": cases(WITH_PARALLEL, hidden=(32, 64, 128, 256), layers=(1, 2), seeds=10, length=300),
    },
    measure=measure_outcome,
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
