"""Figure 1. Before any training: the published measure against its horizon, and what is there, cell by cell."""

from matplotlib.figure import Figure

from ..runs import Plan, Row, run
from .drawing import cell_panels, claim_axis, curves_and_counts, kinds_legend, range_of, share_label, truth_in_words
from .networks import CELLS, Case, cases, extent, make, measure


def measure_initial(case: Case) -> list[Row]:
    """One network as it is initialised."""
    return [measure(make(case), case)]


def draw(rows: list[Row]) -> Figure:
    """A panel a cell: n VAA against the horizon, a line a seed, and the true counts beside it."""
    figure, axes = cell_panels(CELLS, rows=1, height=2.2)
    for column, cell in enumerate(CELLS):
        curves_and_counts(axes[0][column], [row for row in rows if row["cell"] == cell])
    claim_axis(axes[0][0])
    kinds_legend(axes[0][0], rows)
    share_label(figure, "horizon M / steps")
    return figure


def caption(rows: list[Row]) -> str:
    """What is drawn, and how it stands to the paper's claim."""
    size = rows[0]
    by_cell = {cell: [row for row in rows if row["cell"] == cell] for cell in CELLS}
    listed = "; ".join(f"{cell}: {range_of(mine)}, {truth_in_words(mine)}" for cell, mine in by_cell.items())
    several = [cell for cell, mine in by_cell.items() if all(sum(row["counts"].values()) > 1 for row in mine)]
    single = [cell for cell in CELLS if cell not in several]
    return f"""
**Figure 1. One attractor or many, before any training.** For every cell ({size["layers"]} layers of
{size["hidden"]} units, initialised as in the paper), the number of attractors n VAA that the published measure
stands for, against the horizon M at which it is taken (lines, one a seed), and the number of attractors that the
same states really reach (markers, beyond the dotted line). At the last horizon: {listed}.

*The paper's claim* is that most cells have a single stable equilibrium at initialisation. It holds here for
{", ".join(single)}, and does not for {", ".join(several) or "none of the others"}, as the authors' own measure says
too. At short horizons the measure overstates every cell: what it counts there are states on their way to the same
attractor.
"""


PLAN = Plan(
    folder="warmup",
    name="initialisation",
    scales={
        "smoke": cases(CELLS, hidden=(8,), layers=(2,), seeds=1, n=8, horizon=200, length=10),
        "small": cases(CELLS, hidden=(64,), layers=(2,), seeds=5),
        "paper": cases(CELLS, hidden=(256,), layers=(2,), seeds=10, length=300),
    },
    measure=measure_initial,
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
