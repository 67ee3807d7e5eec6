"""Figure 4. Chrono initialisation: correct, and with the bias drawn twice as in the reference implementation."""

from dataclasses import replace
from statistics import median

import torch
from matplotlib.figure import Figure
from torch import nn

from rnn_dynamics.plotting import style
from rnn_dynamics.plotting.pages import letter

from ..runs import Plan, Row, run
from .drawing import cell_panels, claim_axis, curves_and_counts, histogram, kinds_legend, range_of, truth_in_words
from .networks import T_MAX, Case, cases, extent, make, measure

EITHER = CORRECT, REFERENCE = "correct", "as in the reference"
DRIFT = 1e8  # steps of slow drift: hundreds of the doubled biases' time constants


@torch.no_grad()
def draw_twice(module: nn.LSTM, seed: int) -> None:
    """The reference's fault: ln U goes into both bias vectors, which torch adds."""
    generator = torch.Generator().manual_seed(10_000 + seed)
    for name, bias in module.named_parameters():
        if name.startswith("bias"):
            write, forget, _, _ = bias.chunk(4)
            spans = torch.empty(forget.shape).uniform_(1.0, T_MAX - 1.0, generator=generator)
            forget.copy_(spans.log())
            write.copy_(-spans.log())


def measure_chrono(case: Case) -> list[Row]:
    """An LSTM initialised either way, and the time constants of its units."""
    module = make(replace(case, cell="chrono"))
    assert isinstance(module, nn.LSTM)
    if case.cell == REFERENCE:
        draw_twice(module, case.seed)
    forget = torch.cat(
        [(getattr(module, f"bias_ih_l{k}") + getattr(module, f"bias_hh_l{k}")).chunk(4)[1] for k in range(case.layers)]
    )
    constants = -1.0 / torch.nn.functional.logsigmoid(forget.detach().double())
    row = measure(module, case, drift=DRIFT)
    return [{**row, "time_constants": [round(value, 2) for value in constants.tolist()]}]


def draw(rows: list[Row]) -> Figure:
    """Time constants of all units, then n VAA against horizon, for either."""
    figure, axes = cell_panels(("", CORRECT, REFERENCE), rows=1, height=2.5, share=False)
    handles = []
    for number, cell in enumerate((CORRECT, REFERENCE)):
        mine = [row for row in rows if row["cell"] == cell]
        values = [value for row in mine for value in row["time_constants"]]
        handles.append(histogram(axes[0][0], values, cell, number))
        curves_and_counts(axes[0][1 + number], mine)
    style.add_legend(axes[0][0], handles)
    kinds_legend(axes[0][0], rows)
    axes[0][0].set(xlabel="time constant −1/ln f / steps", ylabel="share of units")
    claim_axis(axes[0][1])
    letter(axes[0], left=24, up=2.5)
    for ax in axes[0][1:]:
        ax.set_xlabel("horizon M / steps")
    return figure


def caption(rows: list[Row]) -> str:
    """What is drawn, and how it stands to the paper's claim."""
    size = rows[0]
    either = {cell: [row for row in rows if row["cell"] == cell] for cell in (CORRECT, REFERENCE)}
    medians = {cell: median(value for row in mine for value in row["time_constants"]) for cell, mine in either.items()}
    return f"""
**Figure 4. Chrono initialisation makes slow units, not attractors.** LSTMs of {size["layers"]} layers of
{size["hidden"]} units with chrono biases, t_max = {T_MAX}: correct (total forget bias ln U, U ~ U[1, {T_MAX - 1}])
and as in the reference implementation, which draws ln U into both of torch's bias vectors, so that they add. **a.** The
time constants of all units; the medians are {medians[CORRECT]:,.0f} and {medians[REFERENCE]:,.0f} steps. **b**,
**c.** The number of attractors that the published VAA stands for against its horizon (lines, one a seed), and
the attractors that are there, slow drift followed for {DRIFT:,.0f} steps (markers, beyond the dotted line). After
{size["horizon"]:,} steps, correct: {range_of(either[CORRECT])}, {truth_in_words(either[CORRECT])}; as in the
reference: {range_of(either[REFERENCE])}, {truth_in_words(either[REFERENCE])}.

*The paper's claim* is that chrono initialisation implicitly raises multistability. It is contradicted: there is one
attractor either way. What is raised is the time that states take to meet, and n VAA falls as the horizon passes it.
The doubled biases shut the input gates as well, so that inputs hardly move the states: some are within ε of each
other from the start (n VAA below {size["n"]} at short horizons), and those that are not take longer than any horizon
that the measure is used at.
"""


PLAN = Plan(
    folder="warmup",
    name="chrono",
    scales={
        "smoke": cases(EITHER, hidden=(8,), layers=(2,), seeds=1, n=8, horizon=200, length=10),
        "small": cases(EITHER, hidden=(64,), layers=(2,), seeds=5),
        "paper": cases(EITHER, hidden=(256,), layers=(2,), seeds=10, length=300),
    },
    measure=measure_chrono,
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
